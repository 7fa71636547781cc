"""Existing front ends: a stranger's client in Node and one in Python go from start to results, on both databases."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sitting.storage.tables import assessment_responses, assessments
from sitting.storage.unit_of_work import Storage
from tests.support.candidates import Invited, invited, read_back
from tests.support.server import SittingProcess
from tests.support.storage import rows

WIRE = Path(__file__).parent / "wire"
MODULES = Path(__file__).parents[2] / "clients" / "js"
STRANGERS = {
    "node": ["node", str(WIRE / "candidate.mjs"), str(MODULES)],
    "python": [sys.executable, str(WIRE / "candidate.py")],
}
QUESTIONS = 5
NEVER = 0


@pytest.fixture
def candidate(database_url: str) -> Invited:
    return invited(database_url, QUESTIONS, time_limit_minutes=20, pass_mark=50_000)


def take(stranger: str, address: str, candidate: Invited, *, reload_after: int) -> list[dict[str, Any]]:
    """All messages that the stranger's client got."""
    command = [*STRANGERS[stranger], address, str(candidate.test.test_id), str(reload_after)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    messages: list[dict[str, Any]] = json.loads(done.stdout)
    return messages


def of_type(messages: list[dict[str, Any]], type_: str) -> list[dict[str, Any]]:
    return [message["data"] for message in messages if message["type"] == type_]


@pytest.mark.parametrize("stranger", STRANGERS)
def test_strangers_client_goes_from_start_to_results(
    stranger: str, candidate: Invited, database_url: str, tmp_path: Path
) -> None:
    with SittingProcess.serve(database_url, tmp_path) as server:
        messages = take(stranger, candidate.address(server.ws_url), candidate, reload_after=NEVER)
    [started], [completed] = of_type(messages, "assessment_started"), of_type(messages, "assessment_completed")
    assert messages[0]["type"] == "assessment_started"
    assert not started["recovered"]
    assert len(of_type(messages, "question")) == len(of_type(messages, "answer_saved")) == QUESTIONS
    results = completed["results"]
    assert results["assessment_id"] == started["assessment_id"]
    assert completed["reason"] == "submitted"
    _check_stored(database_url, started["assessment_id"], candidate, results)


def _check_stored(url: str, assessment_id: int, candidate: Invited, results: dict[str, Any]) -> None:
    async def look(storage: Storage) -> tuple[Any, list[Any]]:
        [row] = await rows(storage, assessments)
        return row, await rows(storage, assessment_responses, assessment_id=assessment_id)

    row, responses = read_back(url, look)
    application = candidate.application
    assert (row.id, row.application_id, row.user_id, row.test_id) == (
        assessment_id,
        application.application_id,
        application.user_id,
        application.test_id,
    )
    assert row.status == "completed"
    assert row.end_time > row.started_at
    # The first option is the right one in the builders' questions, so the score cannot be right by chance.
    assert (row.total_score, row.percentage_score, row.passed) == (QUESTIONS * 1000, 100_000, True)
    assert (results["total_score"], results["percentage_score"], results["passed"]) == (QUESTIONS, 100, True)
    assert row.time_taken_minutes == results["time_taken_minutes"] < 1
    assert {response.question_id for response in responses} == set(candidate.test.blueprint.named_questions())
    assert all(response.is_correct and response.selected_option.endswith("a") for response in responses)
    compliance = results["scheduler_compliance"]
    assert compliance["within_time_limit"] is True
    assert compliance["within_schedule_window"] is True
    assert compliance["notes"] == f"Completed in {results['time_taken_minutes']:g} minutes"


@pytest.mark.parametrize("stranger", STRANGERS)
def test_reload_in_the_middle_goes_on_where_it_was(
    stranger: str, candidate: Invited, database_url: str, tmp_path: Path
) -> None:
    with SittingProcess.serve(database_url, tmp_path) as server:
        messages = take(stranger, candidate.address(server.ws_url), candidate, reload_after=2)
    first, second = of_type(messages, "assessment_started")
    assert second["recovered"] is True
    assert second["assessment_id"] == first["assessment_id"]
    assert second["attempt"] == 1
    assert second["deadline_at"] == first["deadline_at"]
    assert [response["question_id"] for response in second["responses"]] == [
        saved["question_id"] for saved in of_type(messages, "answer_saved")[:2]
    ]
    [completed] = of_type(messages, "assessment_completed")
    assert completed["results"]["answered_questions"] == QUESTIONS
    _check_stored(database_url, first["assessment_id"], candidate, completed["results"])
