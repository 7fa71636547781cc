"""`sitting backup` and `sitting restore`: a copy of a file that is being served, and a site that goes on from it."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sitting.storage.sqlite_copy import copy_file
from tests.support.candidates import Caller, calling, invited
from tests.support.command import refused, sitting, succeeded
from tests.support.databases import sqlite_url
from tests.support.delivery import QUESTIONS, Candidate, Line, opened_hall, seated
from tests.support.eventually import eventually
from tests.support.server import COMMAND, JWT_SECRET, SIGNING_KEY, SittingProcess, environment

KEYS = {"SITTING_JWT_SECRET": JWT_SECRET, "SITTING_SIGNING_KEY": SIGNING_KEY}
BIG = 40_000_000  # bytes: long enough to be killed in the middle
KILLS = 3


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def backup(url: str, *more: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return sitting("backup", *more, "--database-url", url, cwd=cwd, env=KEYS)


def restore(url: str, *more: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return sitting("restore", *more, "--database-url", url, cwd=cwd, env=KEYS)


def fill(file: Path, size: int) -> None:
    """Make the file about so large."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE ballast (bytes BLOB)")
        connection.executemany("INSERT INTO ballast VALUES (?)", [(os.urandom(1_000_000),)] * (size // 1_000_000))


def counted(file: Path, table: str = "assessment_events") -> int:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        (number,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(number)


class Answering:
    """Answers one after the other in a thread, until told to stop; `saved` are the acknowledged entries."""

    def __init__(self, own: Line, candidate: Candidate) -> None:
        self.saved: list[int] = []
        self._own, self._candidate = own, candidate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._answer)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()

    def _answer(self) -> None:
        while not self._stop.is_set():
            asked = self._candidate.questions[len(self.saved) % QUESTIONS]
            option = asked.right if len(self.saved) % 3 else asked.wrong
            self.saved.append(self._own.answer(asked, option)["seq"])

    def check_more_than(self, number: int) -> None:
        assert len(self.saved) > number


def entries_of(file: Path, assessment_id: int) -> set[int]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT seq FROM assessment_events WHERE assessment_id = ?", (assessment_id,))
        return {seq for (seq,) in found}


def test_backup_amid_answers_has_every_answer_acknowledged_before_it_and_stops_nobody(
    sqlite_database_url: str, tmp_path: Path
) -> None:
    fill(file_of(sqlite_database_url), BIG)
    copy = tmp_path / "copy.db"
    with opened_hall(sqlite_database_url, tmp_path, env={"SITTING_MESSAGES_PER_SECOND": "10000"}) as hall:
        candidate = hall.invite()
        with seated(candidate) as (own, started):
            answering = Answering(own, candidate)
            with answering.going_on():
                eventually(lambda: answering.check_more_than(20))
                before = list(answering.saved)
                said = succeeded(backup(sqlite_database_url, str(copy), cwd=tmp_path))
                meanwhile = len(answering.saved)
                eventually(lambda: answering.check_more_than(meanwhile + 20))
        in_copy = entries_of(copy, started["assessment_id"])
        assert set(before) <= in_copy
        assert meanwhile > len(before) + 10, "answers had to wait for the backup"
        assert answering.saved[-1] not in in_copy
    assert "all logs are whole" in said
    assert f"{counted(copy)} entries, the newest of 20" in said
    audited = sitting("audit", "verify", "--database-url", sqlite_url(copy), cwd=tmp_path, env=KEYS)
    assert "1 assessments" in succeeded(audited)


def resumed(address: str, assessment_id: int) -> dict[str, Any]:
    with calling(address) as caller:
        return caller.ask("resume_assessment", "assessment_recovered", assessment_id=assessment_id)


def answer_first(caller: Caller, test_id: int) -> tuple[int, int]:
    """Start and answer the first question; the assessment's id, and the entry that keeps the answer."""
    caller.say("start_assessment", test_id=test_id)
    assessment_id = caller.hear("assessment_started")["assessment_id"]
    first = caller.hear("question")
    option = first["question"]["options"][0]["id"]
    saved = caller.ask("submit_answer", "answer_saved", question_id=first["question_id"], selected_option=option)
    return assessment_id, saved["seq"]


def test_restored_copy_serves_with_its_own_keys_and_a_candidate_goes_on(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    copy = tmp_path / "copy.db"
    with SittingProcess.demo(old) as server:
        someone = server.announcement["candidates"][0]
        with calling(f"{server.ws_url}?token={someone['token']}") as caller:
            assessment_id, seq = answer_first(caller, someone["test_id"])
        succeeded(sitting("backup", str(copy), "--database-url", sqlite_url(old / "sitting-demo.db"), cwd=tmp_path))
        server.kill()
    shutil.rmtree(old)
    url = sqlite_url(new / "sitting.db")
    succeeded(sitting("restore", str(copy), "--database-url", url, cwd=tmp_path))
    own_keys = {"SITTING_JWT_SECRET": "", "SITTING_SIGNING_KEY": ""}
    with SittingProcess.serve(url, new, env=own_keys) as server:
        snapshot = resumed(f"{server.ws_url}?token={someone['token']}", assessment_id)
    assert [response["seq"] for response in snapshot["responses"]] == [seq]


def test_backup_that_is_killed_leaves_nothing_under_the_name(sqlite_database_url: str, tmp_path: Path) -> None:
    fill(file_of(sqlite_database_url), BIG)
    copy = tmp_path / "copies" / "copy.db"
    copy.parent.mkdir()
    for _ in range(KILLS):
        command: list[str | Path] = [COMMAND, "backup", str(copy), "--database-url", sqlite_database_url]
        with subprocess.Popen(command, cwd=tmp_path, env=environment(KEYS)) as process:
            eventually(lambda: check_half_written(copy), within=60, every=0.001)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert not copy.exists()
        for left in copy.parent.iterdir():
            shutil.rmtree(left)
    succeeded(backup(sqlite_database_url, str(copy), cwd=tmp_path))
    assert [each.name for each in copy.parent.iterdir()] == ["copy.db"]


def check_half_written(copy: Path) -> None:
    assert any(draft.stat().st_size > 1_000_000 for draft in copy.parent.glob(".*.part/copy.db"))


def test_backup_without_room_says_so_and_leaves_the_old_copy(sqlite_database_url: str, tmp_path: Path) -> None:
    file = file_of(sqlite_database_url)
    copy = tmp_path / "copies" / "copy.db"
    copy.parent.mkdir()
    succeeded(backup(sqlite_database_url, str(copy), cwd=tmp_path))
    before = copy.read_bytes()
    fill(file, 4_000_000)
    small = ["sh", "-c", 'ulimit -f 2000; exec "$@"', "sh"]
    done = subprocess.run(
        [*small, str(COMMAND), "backup", "--force", str(copy), "--database-url", sqlite_database_url],
        cwd=tmp_path,
        env=environment(KEYS),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert f"{file} could not be copied" in refused(done)
    assert copy.read_bytes() == before
    assert os.listdir(copy.parent) == ["copy.db"]


def test_copy_is_for_its_owner_alone_and_replaces_nothing_unasked(sqlite_database_url: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    succeeded(backup(sqlite_database_url, "copy.db", cwd=tmp_path))
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    copy.write_bytes(b"something else")
    assert "copy.db is there already" in refused(backup(sqlite_database_url, "copy.db", cwd=tmp_path))
    assert copy.read_bytes() == b"something else"
    succeeded(backup(sqlite_database_url, "copy.db", "--force", cwd=tmp_path))
    assert counted(copy, "alembic_version") == 1
    assert "the file itself" in refused(backup(sqlite_database_url, "sitting.db", "--force", cwd=tmp_path))
    assert "no directory" in refused(backup(sqlite_database_url, "nowhere/copy.db", cwd=tmp_path))


def test_secrets_go_with_the_copy_unless_they_are_to_stay(tmp_path: Path) -> None:
    succeeded(sitting("demo", "--no-serve", cwd=tmp_path))
    url = "sqlite:///sitting-demo.db"
    assert "secrets of tokens and receipts are not in it" in succeeded(
        sitting("backup", "bare.db", "--no-secrets", "--database-url", url, cwd=tmp_path)
    )
    assert not (tmp_path / "bare.db.secrets.json").exists()
    succeeded(sitting("backup", "full.db", "--database-url", url, cwd=tmp_path))
    kept = tmp_path / "full.db.secrets.json"
    assert kept.read_text() == (tmp_path / "sitting-demo.db.secrets.json").read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    done = sitting("restore", "bare.db", "--database-url", "sqlite:///other.db", cwd=tmp_path)
    assert "without secrets" in done.stderr
    succeeded(done)


def test_broken_log_is_copied_all_the_same_and_told(sqlite_database_url: str, tmp_path: Path) -> None:
    candidate = invited(sqlite_database_url)
    with SittingProcess.serve(sqlite_database_url, tmp_path) as server:
        with calling(candidate.address(server.ws_url)) as caller:
            answer_first(caller, candidate.test.test_id)
        server.terminate()
    with closing(sqlite3.connect(file_of(sqlite_database_url))) as connection, connection:
        connection.execute("UPDATE assessment_events SET payload = x'00' WHERE seq = 1")
    done = backup(sqlite_database_url, "copy.db", cwd=tmp_path)
    assert done.returncode == 1
    assert "assessment 1 is broken: entry 1" in done.stdout
    assert counted(tmp_path / "copy.db") == counted(file_of(sqlite_database_url))
    assert "is broken" not in succeeded(backup(sqlite_database_url, "quick.db", "--no-audit", cwd=tmp_path))


def test_served_file_is_not_restored_over(sqlite_database_url: str, tmp_path: Path) -> None:
    succeeded(backup(sqlite_database_url, "copy.db", cwd=tmp_path))
    before = file_of(sqlite_database_url).stat().st_ino
    with SittingProcess.serve(sqlite_database_url, tmp_path) as server:
        said = refused(restore(sqlite_database_url, "copy.db", "--force", cwd=tmp_path))
        assert f"in use by process {server.pid}" in said
    assert file_of(sqlite_database_url).stat().st_ino == before


def test_what_a_restored_copy_replaces_is_kept_with_all_that_its_log_holds(
    sqlite_database_url: str, tmp_path: Path
) -> None:
    file = file_of(sqlite_database_url)
    succeeded(backup(sqlite_database_url, "copy.db", cwd=tmp_path))
    candidate = invited(sqlite_database_url)
    with SittingProcess.serve(sqlite_database_url, tmp_path) as server:
        with calling(candidate.address(server.ws_url)) as caller:
            answer_first(caller, candidate.test.test_id)
        server.kill()  # its last commits are in the write-ahead log alone
    assert file.with_name("sitting.db-wal").stat().st_size > 0
    entries = counted(file)
    assert "is there already" in refused(restore(sqlite_database_url, "copy.db", cwd=tmp_path))
    assert "what was there before" in succeeded(restore(sqlite_database_url, "copy.db", "--force", cwd=tmp_path))
    assert not file.with_name("sitting.db-wal").exists(), "the new file would take the old one's log for its own"
    [kept] = tmp_path.glob("sitting.db.replaced-*")
    assert counted(kept) == entries > 2
    assert counted(file) == 0


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        ("text", "could not be copied"),
        ("empty", "no tables"),
        ("newer", "a newer Sitting made this database"),
        ("damaged", "is damaged"),
        ("missing", "there is no file"),
    ],
)
def test_what_is_no_sound_copy_is_not_restored(
    what: str, complaint: str, sqlite_database_url: str, tmp_path: Path
) -> None:
    copy, new = tmp_path / "copy.db", tmp_path / "new" / "sitting.db"
    new.parent.mkdir()
    if what != "missing":
        spoil(what, copy, file_of(sqlite_database_url))
    said = refused(restore(sqlite_url(new), str(copy), cwd=tmp_path))
    assert complaint in said
    assert ".part" not in said
    assert os.listdir(new.parent) in ([], ["sitting.db.lock"])


def spoil(what: str, copy: Path, good: Path) -> None:
    """Put something under the copy's name that is none."""
    if what == "text":
        copy.write_text("no database at all, but long enough to be looked at " * 100)
        return
    if what == "empty":
        copy.touch()
        return
    shutil.copy(good, copy)
    with closing(sqlite3.connect(copy)) as connection, connection:
        if what == "newer":
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        else:
            connection.execute("INSERT INTO sessions VALUES ('0', 77, '', '')")


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_postgresql_is_left_to_its_own_tools(command: str, postgresql_database_url: str, tmp_path: Path) -> None:
    said = refused(sitting(command, "copy.db", "--database-url", postgresql_database_url, cwd=tmp_path, env=KEYS))
    assert "pg_dump" in said
    assert "pg_basebackup" in said
    assert "docs/operations.md" in said


def test_copy_is_of_one_instant_however_often_somebody_writes_meanwhile(
    sqlite_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, copy = file_of(sqlite_database_url), tmp_path / "copy.db"
    fill(file, 20_000_000)
    copy.touch()
    pauses = 0

    def write(_seconds: float) -> None:
        nonlocal pauses
        pauses += 1
        assert pauses < 1000, "the copy begins again with every write"
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("INSERT INTO ballast VALUES (x'00')")

    before = counted(file, "ballast")
    monkeypatch.setattr("sitting.storage.sqlite_copy.time.sleep", write)
    copy_file(file, copy)
    assert pauses > 5
    assert counted(copy, "ballast") == before
    assert counted(file, "ballast") == before + pauses
