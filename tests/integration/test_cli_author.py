"""`sitting author`: from a job description to a published Test, with real processes, on both databases."""

from __future__ import annotations

import json
import re
import shlex
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sitting.questions.solving import SOLVE_GATES
from tests.support.command import refused, sitting, succeeded
from tests.support.delivery import place_for_a_hall
from tests.support.eventually import eventually
from tests.support.processes import ChildProcess, free_port
from tests.support.server import COMMAND, JWT_SECRET, SIGNING_KEY, SittingProcess, environment
from tests.support.staff import Staff
from tests.support.typed import Typed

JOB = """Platform engineer
You must know containers inside out: images, volumes, networks. You will design REST APIs with two other teams, and
watch what you built: monitoring is part of the job. Regular expressions are a plus. Knowledge of Python is required.
"""
SECRETS = {"SITTING_JWT_SECRET": JWT_SECRET, "SITTING_SIGNING_KEY": SIGNING_KEY}


@dataclass(frozen=True)
class Office:
    """A demo that is served, and who its author is."""

    server: SittingProcess
    email: str
    password: str
    staff: Staff
    directory: Path

    def author(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run `sitting author` as its author, who is not at a terminal."""
        return sitting(
            "author", *arguments, "--url", self.server.base_url, "--email", self.email, "--password-stdin",
            cwd=self.directory, stdin=f"{self.password}\n{stdin}",
        )  # fmt: skip

    def file(self, name: str, what: Any) -> str:
        """A file with that text, or that JSON; its path."""
        path = self.directory / name
        path.write_text(what if isinstance(what, str) else json.dumps(what))
        return str(path)

    def bank(self, skill: str) -> list[dict[str, Any]]:
        """The questions that the bank has about that skill."""
        found: list[dict[str, Any]] = self.staff.get(f"/questions?skill={skill.replace(' ', '%20')}&limit=200")["items"]
        return found


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """`sitting scripted-model` in a process of its own; the settings that it prints."""
    port, directory = free_port(), tmp_path_factory.mktemp("model")
    command: list[str | Path] = [COMMAND, "scripted-model", "--port", str(port), "--pace", "0"]
    child = ChildProcess(command, name="scripted", directory=directory, env=environment({}))

    def told() -> dict[str, str]:
        said = dict(re.findall(r"^(SITTING_MODEL_\w+)=(.+)$", child.stdout_path.read_text(), re.MULTILINE))
        assert len(said) == 2, child.tail()
        return said

    try:
        yield eventually(told, within=30)
    finally:
        child.kill()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def office(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model: dict[str, str]
) -> Iterator[Office]:
    url, directory = place_for_a_hall(request, tmp_path_factory, "author")
    with SittingProcess.demo(directory, database_url=url, env={**SECRETS, **model}) as server:
        announced = server.announcement
        [author] = [who for who in announced["staff"] if who["role"] == "author"]
        staff = Staff(server.base_url, author["token"])
        yield Office(server, author["email"], author["password"], staff, directory)


def test_one_command_leads_from_a_pasted_job_description_to_a_published_test(office: Office) -> None:
    done = office.author(
        "-", "--yes", "--accept-checked", "--test", "Platform engineer", "--minutes", "40", "--json", stdin=JOB
    )
    result = json.loads(succeeded(done))
    assert result["status"] == "done", done.stderr
    skills = [each["name"] for each in result["graph"]["skills"]]
    assert skills == ["Containers", "Python", "API design", "Monitoring", "Regular expressions"]
    counts = [
        int(number)
        for number in re.findall(r"^  \d\d:\d\d  [\w ]+ · .*handed in: (\d+) of 18 ", done.stderr, re.MULTILINE)
    ]
    assert counts == sorted(counts)
    assert len(set(counts)) > 2, done.stderr

    # All that was written went through every gate and is in the bank, with where it comes from.
    handed_in = office.staff.get(f"/proposals?run_id={result['run_id']}&limit=200")["items"]
    assert result["review"] == {"accepted": len(handed_in), "waiting": 0}
    assert {each["state"] for each in handed_in} == {"accepted"}
    for proposal in handed_in:
        gates = {verdict["gate"]: verdict["outcome"] for verdict in proposal["evidence"]}
        assert [gates[gate] for gate in SOLVE_GATES] == ["passed"] * 3, gates
        assert "failed" not in gates.values()
        assert proposal["lineage"]["model"] == "scripted-1"
    assert len(office.bank("Containers")) == len(office.bank("API design")) == 5
    calls = office.staff.get(f"/runs/{result['run_id']}/model-calls?limit=200")["items"]
    assert sum(call["spent"]["tokens"] for call in calls) == result["spent"]["tokens"] > 0

    # The Test is there, and a trial of it can be begun.
    covered = office.staff.get(f"/tests/{result['test_id']}/coverage")
    assert (covered["can_be_published"], covered["sections"][0]["skills"][0]["skill"]) == (True, "Containers")
    [version] = office.staff.get(f"/tests/{result['test_id']}/versions")["items"]
    assert (version["number"], version["blueprint"]["navigation"]) == (result["version"], "linear")
    assert version["blueprint"]["time_limit_minutes"] == 40
    assert office.staff.post(f"/tests/{result['test_id']}/trial")["link"]

    # Once more, there is nothing to write.
    again = office.author("--graph", office.file("again.json", result), "--yes", "--test", "Again", "--bank-only")
    assert "There is nothing to write." in succeeded(again)


def test_graph_is_kept_edited_and_fitted_to_what_the_bank_has(office: Office) -> None:
    kept = office.directory / "graph.json"
    said = succeeded(office.author(office.file("job.txt", JOB), "--only-graph", "--save-graph", str(kept)))
    assert "“Regular expressions are a plus”" in said
    draft = json.loads(kept.read_text())
    draft["graph"]["skills"] = [
        {"name": "Cobol", "priority": "H", "depth": 1, "questions": 2},
        {"name": "SQL", "priority": "M", "depth": 1, "questions": 3},
    ]
    draft["about"] = {"Cobol": "keeps an old system alive"}
    edited = ("--graph", office.file("edited.json", draft), "--yes", "--test", "Old systems")
    refusal = refused_at_the_end(office.author(*edited))
    assert "--fit" in refusal
    result = json.loads(succeeded(office.author(*edited, "--fit", "--json")))
    [version] = office.staff.get(f"/tests/{result['test_id']}/versions")["items"]
    [section] = version["blueprint"]["sections"]
    assert [(each["name"], each["questions"]) for each in section["generated"]["graph"]["skills"]] == [
        ("Cobol", 0), ("SQL", 3),
    ]  # fmt: skip


def refused_at_the_end(done: subprocess.CompletedProcess[str]) -> str:
    """The last line of a command that refused after it had told how far it came."""
    assert done.returncode == 1, done.stdout + done.stderr
    *_, line = done.stderr.splitlines()
    assert line.startswith("sitting: ")
    return line


def test_author_at_a_terminal_edits_the_graph_and_decides_about_each_question(office: Office, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i \'s/"questions": 4/"questions": 3/; s/Regular expressions/Regexes/\' "$1"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    graph = {"graph": {"skills": [{"name": "Regular expressions", "priority": "M", "depth": 3, "questions": 4}]}}
    before = {each["question_id"] for each in office.bank("Regular expressions")}
    arguments = ["author", "--graph", office.file("own.json", graph), "--url", office.server.base_url]
    with Typed(*arguments, cwd=tmp_path, env={"EDITOR": shlex.quote(str(editor))}) as typed:
        typed.expect("E-mail")
        typed.type(office.email)
        typed.expect("Password: ")  # with the space it listens, and shows nothing
        typed.type(office.password)
        typed.expect("Go on with this skill graph?")
        typed.type("edit")
        assert "3 questions about 1 skill," in typed.expect("Go on with this skill graph?")
        assert office.password not in typed.seen
        typed.type("quit")
        assert typed.ended() == 1
    assert {each["question_id"] for each in office.bank("Regular expressions")} == before


def test_questions_wait_in_the_queue_until_somebody_comes_back_and_looks_at_them(
    office: Office, tmp_path: Path
) -> None:
    graph = {"graph": {"skills": [{"name": "SQL", "priority": "H", "depth": 3, "questions": 40}]}}
    done = office.author("--graph", office.file("more.json", graph), "--yes", "--json")
    result = json.loads(succeeded(done))
    waiting = office.staff.get(f"/proposals?run_id={result['run_id']}&state=waiting")["items"]
    assert len(waiting) == result["review"]["waiting"] >= 3, done.stderr

    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i \'0,/"explanation": "/s//&Looked at. /\' "$1"\n')
    editor.chmod(0o700)
    arguments = ["author", "--run", result["run_id"], "--url", office.server.base_url, "--email", office.email]
    with Typed(*arguments, cwd=tmp_path, env={"EDITOR": str(editor)}) as typed:
        typed.expect("Password: ")  # with the space it listens, and shows nothing
        typed.type(office.password)
        shown = typed.expect("What becomes of it?")
        assert waiting[0]["question"]["text"].splitlines()[0] in shown
        assert "of 3 who solved it without the key agree" in shown
        assert "scripted-1 (write_items.v1)" in shown
        for answer in ("edit", "reject"):
            typed.type(answer)
            typed.expect("Why?" if answer == "reject" else "What becomes of it?")
        typed.type("too easy")
        typed.expect("What becomes of it?")
        typed.type("quit")
        typed.expect("1 edited, 1 rejected")
        typed.expect("Name of a Test")
        typed.type("")
        assert typed.ended() == 0
    states = {each["question_id"]: each for each in office.staff.get(f"/proposals?run_id={result['run_id']}")["items"]}
    first, second = (states[each["question_id"]] for each in waiting[:2])
    assert (first["state"], second["state"], second["note"]) == ("edited", "rejected", "too easy")
    in_bank = office.staff.get(f"/questions/{first['question_id']}")
    assert in_bank["explanation"].startswith("Looked at. ")
    assert {state["state"] for state in list(states.values())[2:]} == {"waiting"}


def test_what_cannot_be_begun_is_refused_in_one_line(office: Office, tmp_path: Path) -> None:
    say = partial(sitting, "author", cwd=tmp_path)
    who = ("--url", office.server.base_url, "--email", office.email, "--password-stdin")
    secret = f"{office.password}\n"
    job = office.file("job.txt", JOB)
    assert "say one of them" in refused(say(*who, stdin=secret))
    assert "say one of them" in refused(say(job, "--run", "r_1", *who, stdin=secret))
    assert "say --yes" in refused_at_the_end(say(job, *who, stdin=secret))
    assert "no skill" in refused_at_the_end(say("-", *who, stdin=f"{secret}A gardener."))
    assert "do not fit" in refused(say(job, *who, stdin="wrong\n"))
    assert "There is no such run." in refused(say("--run", "r_1", *who, stdin=secret))
    twice = office.file("twice.json", {"skills": [{"name": "SQL"}, {"name": "SQL"}]})
    assert "two skills" in refused(say("--graph", twice, "--yes", *who, stdin=secret))
    assert "not JSON" in refused(say("--graph", job, "--yes", *who, stdin=secret))
    assert "say who you are" in refused(say(job, "--url", office.server.base_url))
    assert say(job, "--url", "nowhere").returncode == 2
