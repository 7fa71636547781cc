"""`sitting rehearse` against servers that keep what they say, one of them killed, and against some that do not."""

from __future__ import annotations

import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sitting.domain.user import Role
from sitting.rehearsal.history import INVOKED, Outcome, Record
from tests.support import unfaithful_server
from tests.support.builders import make_user
from tests.support.candidates import read_back, token_for
from tests.support.command import refused, sitting
from tests.support.delivery import Hall, opened_hall
from tests.support.eventually import eventually
from tests.support.server import COMMAND, SittingProcess, environment

ADDRESSED = re.compile(r"(src|href|url\()\s*=?", re.IGNORECASE)


@dataclass(frozen=True)
class Rehearsed:
    """What a rehearsal came to."""

    code: int
    output: str
    page: str
    history: list[Record]

    def of(self, kind: str, *events: str) -> list[Record]:
        return [record for record in self.history if record.kind == kind and record.event in events]


@contextmanager
def rehearsing(url: str, token: str, directory: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`sitting rehearse` under way; its report goes to `report.html`."""
    command: list[str | Path] = [COMMAND, "rehearse", "--url", url, "--token", "-", "--report", "report.html", *options]
    with subprocess.Popen(
        command,
        cwd=directory,
        env=environment({}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(token)
        process.stdin.close()
        process.stdin = None
        try:
            yield process
        finally:
            process.kill()


def finished(process: subprocess.Popen[str], directory: Path) -> Rehearsed:
    """Wait for its end, and read what it left."""
    output, _ = process.communicate(timeout=280)
    assert (directory / "report.html").exists(), f"exit code {process.returncode}\n{output}"
    history = [Record.from_line(line) for line in (directory / "report.jsonl").read_text().splitlines()]
    return Rehearsed(process.returncode, output, (directory / "report.html").read_text(), history)


def rehearsed(url: str, token: str, directory: Path, *options: str) -> Rehearsed:
    with rehearsing(url, token, directory, *options) as process:
        return finished(process, directory)


QUICK = ("--ramp", "500ms", "--think", "300ms", "--steady", "2s", "--questions", "6", "--timeout", "60s")


def test_rehearsal_of_storms_passes_and_leaves_a_report_and_a_history(hall: Hall, tmp_path: Path) -> None:
    options = ("--candidates", "12", *QUICK, "--phases", "start,steady,reconnect", "--clean")
    done = rehearsed(hall.server.base_url, hall.tokens[0], tmp_path, *options)
    assert done.code == 0, done.output
    assert "PASS: " in done.output
    check_page(done.page)
    check_history(done.history)
    check_put_away(hall)
    assert len(done.of("start", Outcome.OK)) == 12
    assert len(done.of("resume", Outcome.OK)) >= 12
    assert Counter(record.data["reason"] for record in done.of("end", Outcome.OK)) == {"submitted": 12}
    assert len(done.of("answer", Outcome.OK)) > 12


def test_deadline_storm_ends_for_all_in_time_and_every_score_is_right(hall: Hall, tmp_path: Path) -> None:
    options = ("--candidates", "10", *QUICK, "--phases", "deadline", "--lead", "1s", "--clean")
    done = rehearsed(hall.server.base_url, hall.tokens[0], tmp_path, *options)
    assert done.code == 0, done.output
    assert "10 scores worked out again: 0 faults" in done.output
    assert Counter(record.data["reason"] for record in done.of("end", Outcome.OK)) == {"submitted": 5, "timeout": 5}
    assert done.of("answer", Outcome.OK), "nobody answered"


class Reader(HTMLParser):
    """Counts tags, and looks whether each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen[tag] += 1
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.seen[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check_page(page: str) -> None:
    """One whole file that asks for nothing from anywhere."""
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert (reader.seen["svg"], reader.seen["script"], reader.seen["link"], reader.seen["img"]) == (5, 0, 0, 0)
    assert reader.seen["table"] >= 3
    assert not ADDRESSED.search(page.replace("default-src", "").replace("style-src", ""))
    assert "PASS: " in page


def check_history(history: Sequence[Record]) -> None:
    """Every operation begins once and ends once, and times go on."""
    begun = Counter(record.op for record in history if record.event == INVOKED)
    ended = Counter(record.op for record in history if record.event != INVOKED)
    assert set(begun.values()) == set(ended.values()) == {1}
    assert begun == ended
    times = [record.at for record in history]
    assert times == sorted(times)


def check_put_away(hall: Hall) -> None:
    """No Test, question or person of the rehearsal is in use."""
    assert [test for test in hall.look("/tests?limit=200")["items"] if "Rehearsal" in test["draft"]["name"]] == []
    assert hall.look("/questions?tag=rehearsal")["items"] == []
    assert hall.look("/users?query=@example.invalid")["items"] == []


def test_killed_server_makes_outcomes_unknown_and_the_verdict_stays_pass(database_url: str, tmp_path: Path) -> None:
    options = ("--candidates", "20", *QUICK, "--think", "50ms", "--phases", "start,steady,reconnect")
    directory = tmp_path / "rehearsal"
    directory.mkdir()
    with (
        opened_hall(database_url, tmp_path) as hall,
        rehearsing(hall.server.base_url, hall.tokens[0], directory, *options) as process,
    ):
        eventually(lambda: check_answers_under_way(directory / "report.jsonl"), within=60)
        hall.server.kill()
        hall.server.start()
        done = finished(process, directory)
    assert done.code == 0, done.output
    unknown = [record for record in done.history if record.event == Outcome.UNKNOWN]
    assert [record for record in unknown if record.data["why"] != "cut by the rehearsal"], "the kill hit nobody"
    assert len(done.of("resume", Outcome.OK)) >= 40, "all come back from the kill, and again from the storm"


def check_answers_under_way(history: Path) -> None:
    lines = history.read_text().splitlines()[:-1] if history.exists() else []
    answers = [record for record in map(Record.from_line, lines) if record.kind == "answer"]
    assert len(answers) > 200


@pytest.mark.parametrize(
    ("bug", "sentence"),
    [
        ("forget-rows", "an acknowledged answer is lost|an older answer replaced an acknowledged one"),
        ("give-points-away", "the score is not what the answers are worth"),
    ],
)
def test_server_that_does_not_keep_its_word_fails(
    sqlite_database_url: str, tmp_path: Path, bug: str, sentence: str
) -> None:
    admin = read_back(sqlite_database_url, lambda storage: make_user(storage, "Ada", roles=(Role.ADMIN,)))
    program = (*unfaithful_server.PROGRAM, bug)
    with SittingProcess.serve(sqlite_database_url, tmp_path, program=program) as server:
        options = ("--candidates", "4", *QUICK, "--phases", "start,steady")
        done = rehearsed(server.base_url, token_for(admin.user_id), tmp_path, *options)
    assert done.code == 1
    assert "FAIL: " in done.output
    assert "FAIL: " in done.page
    assert re.search(sentence, done.output)


def test_growing_number_of_candidates_ends_with_the_number_that_the_machine_holds(hall: Hall, tmp_path: Path) -> None:
    options = ("--until-slow", "--candidates", "2", "--grow", "2", "--most", "4", "--slow", "9s", "--steady", "2s")
    more = ("--think", "300ms", "--ramp", "0s", "--questions", "3", "--clean")
    done = rehearsed(hall.server.base_url, hall.tokens[0], tmp_path, *options, *more)
    assert done.code == 0, done.output
    assert done.output.splitlines()[-1].startswith("The machine holds 4 candidates: p99 of acks ")
    slow = rehearsed(hall.server.base_url, hall.tokens[0], tmp_path, *options, *more, "--slow", "0s")
    assert slow.output.splitlines()[-1].startswith("The machine does not even hold 2 candidates: p99 of acks ")


def test_rehearsals_of_one_seed_make_the_same_choices_and_those_of_another_do_not(hall: Hall, tmp_path: Path) -> None:
    options = ("--candidates", "3", *QUICK, "--phases", "start,steady", "--think", "200ms", "--clean")
    runs = []
    for number, seed in enumerate(("5", "5", "6")):
        directory = tmp_path / str(number)
        directory.mkdir()
        runs.append(choices(rehearsed(hall.server.base_url, hall.tokens[0], directory, *options, "--seed", seed)))
    same, other = runs[0].keys() & runs[1].keys(), runs[0].keys() & runs[2].keys()
    assert len(same) >= 9
    assert {key: runs[0][key] for key in same} == {key: runs[1][key] for key in same}
    assert {key: runs[0][key] for key in other} != {key: runs[2][key] for key in other}


def choices(done: Rehearsed) -> dict[tuple[int, int], tuple[int, int]]:
    """By candidate and number of the answer: the question's place in the Test, and the answer's among its choices."""
    (stage,) = done.of("stage", INVOKED)
    ids = [question["question_id"] for question in stage.data["questions"]]
    made = {}
    for record in done.of("answer", INVOKED):
        place = ids.index(record.data["question_id"])
        given = stage.data["questions"][place]["choices"].index(record.data["given"])
        made[record.candidate, record.data["client_seq"]] = (place, given)
    return made


def test_interrupted_rehearsal_still_checks_reports_and_cleans_up(hall: Hall, tmp_path: Path) -> None:
    options = ("--candidates", "10", *QUICK, "--steady", "10m", "--think", "50ms", "--clean")
    with rehearsing(hall.server.base_url, hall.tokens[0], tmp_path, *options) as process:
        eventually(lambda: check_answers_under_way(tmp_path / "report.jsonl"), within=60)
        process.send_signal(signal.SIGINT)
        done = finished(process, tmp_path)
    assert done.code == 0, done.output
    assert "It ended early: it was stopped." in done.page
    assert "PASS: " in done.output
    check_history(done.history)
    check_put_away(hall)


def test_server_that_dies_for_good_leaves_a_page_without_a_verdict(sqlite_database_url: str, tmp_path: Path) -> None:
    options = ("--candidates", "10", *QUICK, "--think", "50ms", "--patience", "1s", "--steady", "10m", "--clean")
    directory = tmp_path / "rehearsal"
    directory.mkdir()
    with (
        opened_hall(sqlite_database_url, tmp_path) as hall,
        rehearsing(hall.server.base_url, hall.tokens[0], directory, *options) as process,
    ):
        eventually(lambda: check_answers_under_way(directory / "report.jsonl"), within=60)
        hall.server.kill()
        done = finished(process, directory)
    assert done.code == 1
    acknowledged = {(record.candidate, record.data["seq"]) for record in done.of("answer", Outcome.OK)}
    assert f"NO VERDICT: {len(acknowledged)} acknowledged answers could not be read back" in done.output
    assert "NO VERDICT: " in done.page
    assert "10 of 10 users" in done.page
    assert done.of("answer", Outcome.UNKNOWN) or done.of("question", Outcome.UNKNOWN)
    check_history(done.history)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_disk_that_fills_up_ends_the_history_and_not_the_rehearsal(hall: Hall, tmp_path: Path) -> None:
    for name in ("report.html", "report.jsonl"):
        (tmp_path / name).symlink_to("/dev/full")
    options = ("--candidates", "4", *QUICK, "--think", "50ms", "--phases", "start,steady", "--clean")
    with rehearsing(hall.server.base_url, hall.tokens[0], tmp_path, *options) as process:
        output, _ = process.communicate(timeout=100)
    assert process.returncode == 1
    assert "PASS: " in output
    assert "NOT COMPLETE: report or history could not be written: [Errno 28]" in output


def test_file_that_cannot_be_written_is_told_before_anything_is_made(hall: Hall, tmp_path: Path) -> None:
    where = ("--url", hall.server.base_url, "--token", "-", "--report", "nowhere/report.html")
    before = hall.look("/tests?limit=200")
    done = sitting("rehearse", *where, cwd=tmp_path, stdin=hall.tokens[0])
    assert "nowhere/report.html: No such file or directory" in refused(done)
    assert hall.look("/tests?limit=200") == before


def test_only_clean_takes_away_what_rehearsals_left_and_nothing_else(hall: Hall, tmp_path: Path) -> None:
    someone = {"name": "Rehearsal Fan", "email": "rehearsal-fan@school.example", "roles": ["candidate"]}
    kept = hall.post("/users", someone)["user_id"]
    options = ("--candidates", "3", *QUICK, "--phases", "start,steady")
    done = rehearsed(hall.server.base_url, hall.tokens[0], tmp_path, *options)
    assert re.search(r"3 of 3 users rehearsal-\S+@example\.invalid are left on the server", done.output)
    where = ("--url", hall.server.base_url, "--token", "-")
    cleaned = sitting("rehearse", *where, "--only-clean", cwd=tmp_path, stdin=hall.tokens[0])
    assert re.search(r"erased ([3-9]|\d\d+) synthetic candidates", cleaned.stdout), cleaned.stdout
    assert [user["user_id"] for user in hall.look("/users?query=rehearsal-")["items"]] == [kept]


def test_token_of_somebody_without_the_role_is_refused_before_anything_is_made(hall: Hall, tmp_path: Path) -> None:
    candidate = hall.invite()
    done = sitting("rehearse", "--url", hall.server.base_url, "--token", "-", cwd=tmp_path, stdin=candidate.token)
    assert "the token must be of one with the role admin or author; it is candidate" in refused(done)
    assert list(tmp_path.iterdir()) == []


def test_server_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    done = sitting("rehearse", "--url", "http://127.0.0.1:9", "--token", "x", cwd=tmp_path)
    assert "got no answer for 5 seconds" in refused(done)


@pytest.mark.parametrize(
    "options",
    [("--think", "soon"), ("--phases", "start,lunch"), ("--url", "ftp://exam"), ("--candidates", "0")],
)
def test_mistyped_option_is_named(options: tuple[str, str], tmp_path: Path) -> None:
    done = sitting("rehearse", "--url", "http://127.0.0.1:9", "--token", "x", *options, cwd=tmp_path)
    assert done.returncode == 2
    assert options[0] in done.stderr


def test_help_alone_tells_how_to_find_out_how_many_candidates_the_machine_holds(tmp_path: Path) -> None:
    done = subprocess.run(
        [COMMAND, "rehearse", "--help"],
        cwd=tmp_path,
        env=environment({"COLUMNS": "200", "NO_COLOR": "1"}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    said = " ".join(done.stdout.split())
    assert "HOW MANY CANDIDATES DOES THIS MACHINE HOLD?" in said
    assert "sitting rehearse --url URL --token - --until-slow --clean < token.txt" in said
    assert "The last line says the number" in said
