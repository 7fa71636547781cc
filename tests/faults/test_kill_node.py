"""kill -9 of the server between answers, and a server that is dead across the deadline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sitting.storage.tables import assessment_responses
from tests.support.candidates import Caller, Invited, calling, invited, read_back
from tests.support.eventually import eventually
from tests.support.server import SittingProcess
from tests.support.storage import assessment_row, rows

KILLS = 10
QUESTIONS = 12


def answer(caller: Caller, candidate: Invited, index: int) -> dict[str, Any]:
    """Answer the question at `index` with its option b."""
    question_id = list(candidate.test.blueprint.named_questions())[index]
    option = caller.ask("get_question", "question", question_id=question_id)["question"]["options"][1]["id"]
    return caller.ask(
        "submit_answer",
        "answer_saved",
        question_id=question_id,
        selected_option=option,
        client_id="phone",
        client_seq=index,
    )


def test_p01_ten_kills_lose_no_acknowledged_answer_and_give_no_time(database_url: str, tmp_path: Path) -> None:
    candidate = invited(database_url, QUESTIONS, time_limit_minutes=10)
    acknowledged: dict[str, int] = {}
    remaining: list[float] = []
    assessment_ids: set[int] = set()
    with SittingProcess.serve(database_url, tmp_path) as server:
        address = candidate.address(server.ws_url)
        for kill in range(KILLS):
            with calling(address) as caller:
                started = caller.ask("start_assessment", "assessment_started", test_id=candidate.test.test_id)
                remaining.append(started["remaining_seconds"])
                assessment_ids.add(started["assessment_id"])
                assert {r["question_id"]: r["seq"] for r in started.get("responses", [])} == acknowledged
                saved = answer(caller, candidate, kill)
                acknowledged[saved["question_id"]] = saved["seq"]
                server.kill()
            server.start()
    [assessment_id] = assessment_ids
    assert remaining == sorted(remaining, reverse=True), "the remaining time grew"
    stored = read_back(database_url, lambda storage: rows(storage, assessment_responses, assessment_id=assessment_id))
    assert {row.question_id: row.seq for row in stored} == acknowledged


def test_p18_deadline_that_passes_while_the_server_is_dead_ends_the_assessment_at_the_deadline(
    database_url: str, tmp_path: Path
) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=15)
    candidate = invited(database_url, 4, time_limit_minutes=None, closes_at=deadline, grace_seconds=0)
    with SittingProcess.serve(database_url, tmp_path) as server:
        with calling(candidate.address(server.ws_url)) as caller:
            started = caller.ask("start_assessment", "assessment_started", test_id=candidate.test.test_id)
            answer(caller, candidate, 0)
            answer(caller, candidate, 1)
            server.kill()
        eventually(lambda: _check_past(deadline), within=30)
        server.start()
        eventually(lambda: _check_closed(server, candidate, started["assessment_id"]), within=30, every=0.5)
    row = read_back(database_url, lambda storage: assessment_row(storage, started["assessment_id"]))
    assert (row.status, row.end_time, row.end_reason) == ("timeout", deadline, "timeout")
    assert row.updated_at > deadline
    stored = read_back(database_url, lambda storage: rows(storage, assessment_responses))
    assert {r.question_id for r in stored} == set(list(candidate.test.blueprint.named_questions())[:2])


def _check_past(deadline: datetime) -> None:
    assert datetime.now(UTC) > deadline


def _check_closed(server: SittingProcess, candidate: Invited, assessment_id: int) -> None:
    """Over the wire, since the database belongs to the server; resuming an assessment that is over attaches nothing."""
    with calling(candidate.address(server.ws_url)) as caller:
        snapshot = caller.ask("resume_assessment", "assessment_recovered", assessment_id=assessment_id)
    assert snapshot["status"] == "timeout"
