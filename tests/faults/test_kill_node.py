"""kill -9 of the server between answers, and a server that is dead across the deadline."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import Row, select

from sitting.domain.deadline import DRAIN
from sitting.storage.database import Database
from sitting.storage.tables import assessment_events, assessment_responses, node_heartbeats
from sitting.storage.url import DatabaseUrl
from tests.support.candidates import Caller, Invited, calling, invited, read_back
from tests.support.eventually import eventually
from tests.support.server import WITH_CREDITS, WITHOUT_CREDITS, SittingProcess
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
    """Without time credits, so that what remains can only shrink."""
    candidate = invited(database_url, QUESTIONS, time_limit_minutes=10)
    acknowledged: dict[str, int] = {}
    remaining: list[float] = []
    assessment_ids: set[int] = set()
    with SittingProcess.serve(database_url, tmp_path, env=WITHOUT_CREDITS) as server:
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
    """Nobody is attached when it dies, so that there is nothing to give back."""
    candidate, deadline = _closing_soon(database_url)
    with SittingProcess.serve(database_url, tmp_path, env=WITH_CREDITS) as server:
        with calling(candidate.address(server.ws_url)) as caller:
            started = _answer_two(caller, candidate)
        eventually(lambda: _check_beat_behind_the_going(database_url), every=0.1)
        server.kill()
        row = _restarted_and_closed(server, database_url, candidate, deadline, started["assessment_id"])
    assert (row.status, row.end_time, row.end_reason) == ("timeout", deadline, "timeout")
    assert row.updated_at > deadline


def test_p18_deadline_that_passes_while_the_server_is_dead_moves_for_whoever_was_attached_before_the_sweep(
    database_url: str, tmp_path: Path
) -> None:
    candidate, deadline = _closing_soon(database_url)
    with SittingProcess.serve(database_url, tmp_path, env=WITH_CREDITS) as server:
        with calling(candidate.address(server.ws_url)) as caller:
            started = _answer_two(caller, candidate)
            server.kill()
            killed = datetime.now(UTC)
        row = _restarted_and_closed(server, database_url, candidate, deadline, started["assessment_id"])
    log = read_back(database_url, lambda storage: rows(storage, assessment_events, type="credited"))
    [given] = [json.loads(entry.payload) for entry in log]
    assert given["seconds"] >= (deadline - killed).total_seconds()
    assert (row.status, row.end_reason) == ("timeout", "timeout")
    assert row.end_time == deadline + timedelta(seconds=given["seconds"]) == row.deadline_at


def _closing_soon(database_url: str) -> tuple[Invited, datetime]:
    deadline = datetime.now(UTC) + timedelta(seconds=25)
    return invited(database_url, 4, time_limit_minutes=None, closes_at=deadline, grace_seconds=0), deadline


def _answer_two(caller: Caller, candidate: Invited) -> dict[str, Any]:
    started = caller.ask("start_assessment", "assessment_started", test_id=candidate.test.test_id)
    answer(caller, candidate, 0)
    answer(caller, candidate, 1)
    return started


def _restarted_and_closed(
    server: SittingProcess, url: str, candidate: Invited, deadline: datetime, assessment_id: int
) -> Row[Any]:
    """The row once the server, which is dead, came back behind the drain and closed; both answers are there."""
    eventually(lambda: _check_past(deadline + DRAIN), within=35)
    server.start()
    eventually(lambda: _check_closed(server, candidate, assessment_id), within=60, every=0.5)
    server.close()
    row: Row[Any] = read_back(url, lambda storage: assessment_row(storage, assessment_id))
    stored = read_back(url, lambda storage: rows(storage, assessment_responses))
    assert {r.question_id for r in stored} == set(list(candidate.test.blueprint.named_questions())[:2])
    return row


def _check_beat_behind_the_going(url: str) -> None:
    """The log says that nobody is attached, and a heartbeat came behind that."""

    async def look() -> tuple[list[Row[Any]], list[Row[Any]]]:
        database = Database(DatabaseUrl.parse(url), read_only=True)
        try:
            async with database.reading() as connection:
                log = list(await connection.execute(select(assessment_events).filter_by(type="detached")))
                return log, list(await connection.execute(select(node_heartbeats)))
        finally:
            await database.close()

    gone, beats = asyncio.run(look())
    assert gone
    assert max(beat.beat_at for beat in beats) > gone[-1].occurred_at


def _check_past(deadline: datetime) -> None:
    assert datetime.now(UTC) > deadline


def _check_closed(server: SittingProcess, candidate: Invited, assessment_id: int) -> None:
    """Over REST, which attaches nobody, and not from the database, which belongs to the server."""
    headers = {"Authorization": f"Bearer {candidate.token}"}
    said = httpx2.get(f"{server.base_url}/api/v1/assessments/{assessment_id}", headers=headers, timeout=30)
    assert said.json()["status"] == "timeout"
