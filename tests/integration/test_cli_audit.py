"""`sitting audit verify` over real databases, in which somebody has changed something by hand."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.builders import SIGNER, seated
from tests.support.clock import NOON
from tests.support.command import refused, sitting, succeeded
from tests.support.postgres import PostgresServer
from tests.support.server import JWT_SECRET, SittingProcess
from tests.support.storage import running_storage

KEY = {"SITTING_SIGNING_KEY": SIGNER.to_pem()}
PUBLIC_KEY = SIGNER.public_jwk()["x"]


@dataclass(frozen=True)
class Archive:
    """A database with a finished assessment (6 entries), another of these, and an open one (4 entries)."""

    url: str
    change: Callable[[str], None]
    directory: Path

    def verify(self, *arguments: str, env: dict[str, str] = KEY) -> subprocess.CompletedProcess[str]:
        return sitting("audit", "verify", *arguments, "--database-url", self.url, cwd=self.directory, env=env)

    def broken(self, *arguments: str) -> list[str]:
        """The broken places that are named."""
        done = self.verify(*arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        *places, summary = done.stdout.splitlines()
        assert summary.endswith(f"{len(places)} broken")
        return places


async def _fill(url: str) -> None:
    async with running_storage(url) as storage:
        for finished in (True, True, False):
            seat = await seated(storage)
            for number, position in enumerate((1, 2, 1), start=1):
                pair = ("browser", number)
                await seat.answer(position, right=position == 1, pair=pair, at=NOON + timedelta(minutes=number))
            if finished:
                await seat.finish(at=NOON + timedelta(minutes=9))


@pytest.fixture
def archive(database_url: str, database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Archive:
    asyncio.run(_fill(database_url))
    if database_kind == "sqlite":
        return Archive(database_url, lambda sql: _in_sqlite(database_url, sql), tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = database_url.rpartition("/")[2]
    return Archive(database_url, lambda sql: _in_postgresql(server, name, sql), tmp_path)


def _in_sqlite(url: str, sql: str) -> None:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    connection.executescript(sql)
    connection.close()


def _in_postgresql(server: PostgresServer, name: str, sql: str) -> None:
    server.execute(sql, database=name)


def test_untouched_logs_are_whole(archive: Archive) -> None:
    assert succeeded(archive.verify()) == "3 assessments, 17 entries: all whole\n"
    assert succeeded(archive.verify("2")) == "1 assessments, 6 entries: all whole\n"


CHANGES = {
    "change": (
        "UPDATE assessment_events SET type = 'flagged' WHERE assessment_id = 2 AND seq = 4;",
        "assessment 2: entry 4: it does not follow from the entry before it",
    ),
    "removal": (
        "DELETE FROM assessment_events WHERE assessment_id = 2 AND seq = 5;",
        "assessment 2: entry 5: it is missing",
    ),
    "swap": (
        """
        UPDATE assessment_events SET seq = 99 WHERE assessment_id = 2 AND seq = 3;
        UPDATE assessment_events SET seq = 3 WHERE assessment_id = 2 AND seq = 4;
        UPDATE assessment_events SET seq = 4 WHERE assessment_id = 2 AND seq = 99;
        """,
        "assessment 2: entry 3: it does not follow from the entry before it",
    ),
    "cut": (
        "DELETE FROM assessment_events WHERE assessment_id = 2 AND seq = 6;",
        "assessment 2: entry 6: it is missing: the log once reached entry 6",
    ),
    "cut while it runs": (
        "DELETE FROM assessment_events WHERE assessment_id = 3 AND seq = 5;",
        "assessment 3: response ",
    ),
    "payload erased without a word": (
        "UPDATE assessment_events SET payload = NULL, salt = NULL WHERE assessment_id = 1 AND seq = 3;",
        "assessment 1: entry 3: its payload is gone",
    ),
    "score": ("UPDATE assessments SET total_score = 3000 WHERE id = 1;", "assessment 1: row: its total_score is 3000"),
    "answer": (
        "UPDATE assessment_responses SET is_correct = NOT is_correct WHERE assessment_id = 1;",
        "assessment 1: response ",
    ),
    "paper": (
        "UPDATE paper_questions SET points = 5000 WHERE assessment_id = 2 AND position = 3;",
        "assessment 2: paper: it is not the one that entry 1 vouches for",
    ),
    "signature": (
        "UPDATE assessments SET receipt_signature = substr(receipt_signature, 2) || 'A' WHERE id = 2;",
        "assessment 2: receipt: its signature",
    ),
}


@pytest.mark.parametrize(("sql", "said"), CHANGES.values(), ids=CHANGES)
def test_first_broken_place_is_named(archive: Archive, sql: str, said: str) -> None:
    archive.change(sql)
    (place,) = archive.broken()
    assert place.startswith(said)


def test_each_broken_assessment_is_named_and_one_can_be_asked_for(archive: Archive) -> None:
    archive.change("DELETE FROM assessment_events WHERE seq = 2;")
    assert archive.broken() == [f"assessment {number}: entry 2: it is missing" for number in (1, 2, 3)]
    assert archive.broken("3") == ["assessment 3: entry 2: it is missing"]


def test_question_rewritten_in_the_bank_is_found_in_every_paper_that_holds_it(archive: Archive) -> None:
    archive.change("UPDATE question_contents SET body = (SELECT body FROM question_contents ORDER BY digest LIMIT 1);")
    places = archive.broken()
    assert len(places) == 3
    assert all("paper: the content of question" in place for place in places)


def test_rows_that_no_sitting_wrote_are_named_too(sqlite_database_url: str, tmp_path: Path) -> None:
    asyncio.run(_fill(sqlite_database_url))
    archive = Archive(sqlite_database_url, lambda sql: _in_sqlite(sqlite_database_url, sql), tmp_path)
    archive.change("UPDATE assessment_events SET occurred_at = 'yesterday' WHERE assessment_id = 1 AND seq = 1;")
    archive.change("UPDATE assessment_events SET inner_digest = 'text' WHERE assessment_id = 2 AND seq = 1;")
    archive.change("DELETE FROM question_contents;")
    places = archive.broken()
    where = {1: "entry 1", 2: "rows", 3: "rows"}
    assert [place.split(": ")[:2] for place in places] == [[f"assessment {n}", where[n]] for n in (1, 2, 3)]


def test_p27_person_erased_by_the_command_line_leaves_whole_logs(archive: Archive) -> None:
    def erase(*arguments: str) -> subprocess.CompletedProcess[str]:
        return sitting("user", "erase", *arguments, "--database-url", archive.url, cwd=archive.directory, env=KEY)

    assert "names another user" in refused(erase("1", "--confirm", "2", "--reason", "asked for it"))
    assert "says nothing" in refused(erase("1", "--confirm", "1", "--reason", " "))
    assert "still open" in refused(erase("3", "--confirm", "3", "--reason", "asked for it"))
    assert "all whole\n" in succeeded(archive.verify())
    assert "user 1 is erased" in succeeded(erase("1", "--confirm", "1", "--reason", "asked for it"))
    assert succeeded(archive.verify()) == "3 assessments, 18 entries: all whole (1 erased)\n"
    archive.change("DELETE FROM assessment_events WHERE type = 'erased';")
    assert archive.broken()[0].startswith("assessment 1: entry 1: its payload is gone")


def test_assessment_that_is_not_there_is_told_in_one_line(archive: Archive) -> None:
    assert "no such assessment" in refused(archive.verify("99"))


def test_signatures_that_could_not_be_checked_are_owned_up_to(archive: Archive) -> None:
    archive.change("UPDATE assessments SET receipt_signature = 'AAAA' WHERE id = 1;")
    said = succeeded(archive.verify(env={}))
    assert said.startswith("signatures were not checked")
    assert archive.verify("--public-key", PUBLIC_KEY, env={}).returncode == 1
    assert "not a public key" in refused(archive.verify("--public-key", "x", env={}))


def test_logs_can_be_walked_while_they_are_written(archive: Archive) -> None:
    keys = {**KEY, "SITTING_JWT_SECRET": JWT_SECRET}
    with SittingProcess.serve(archive.url, archive.directory, env=keys):
        assert "all whole" in succeeded(archive.verify())
