"""Staff move a candidate's clock over REST while the candidate is on the socket, who is told at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from sitting.domain.user import Role
from sitting.storage.database import Database
from sitting.storage.tables import assessment_responses, assessments, candidate_applications
from sitting.storage.url import DatabaseUrl
from sitting.usecases.verify_log import verify_log
from tests.support.candidates import token_for
from tests.support.delivery import Candidate, Hall, Line, line, now, seated
from tests.support.eventually import eventually

ACTIONS = ("extend", "pause", "unpause", "end", "void")
WHY = {"reason": "The fire alarm went off."}


def grant(hall: Hall, candidate: Candidate, **granted: int) -> None:
    """What makes the Test fair to that candidate: columns of the application."""

    async def write() -> None:
        database = Database(DatabaseUrl.parse(hall.url))
        try:
            async with database.writing() as connection:
                statement = update(candidate_applications).values(granted)
                await connection.execute(statement.where(candidate_applications.c.id == candidate.application_id))
        finally:
            await database.close()

    asyncio.run(write())


def check_whole(hall: Hall, assessment_id: int) -> None:
    """The audit finds log, row and compliance record in agreement."""

    async def look() -> str | None:
        database = Database(DatabaseUrl.parse(hall.url), read_only=True)
        try:
            [verified] = [each async for each in verify_log(database, None, assessment_id=assessment_id)]
        finally:
            await database.close()
        return str(verified.broken) if verified.broken else None

    assert asyncio.run(look()) is None


def done(hall: Hall, assessment_id: int, what: str, body: Any = None) -> dict[str, Any]:
    """Staff did that, and the audit is content."""
    response = hall.act(assessment_id, what, body)
    assert response.status_code == 200, response.text
    check_whole(hall, assessment_id)
    answer: dict[str, Any] = response.json()
    return answer


def refused(hall: Hall, assessment_id: int, what: str, body: Any, status: int, code: str) -> None:
    response = hall.act(assessment_id, what, body)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture
def candidate(hall: Hall) -> Candidate:
    return hall.invite()


@pytest.fixture
def seat(candidate: Candidate) -> Iterator[tuple[Line, dict[str, Any]]]:
    with seated(candidate) as at_work:
        yield at_work


Seat = tuple[Line, dict[str, Any]]


def test_extension_reaches_the_candidate_at_once(hall: Hall, seat: Seat) -> None:
    own, started = seat
    clock = done(hall, started["assessment_id"], "extend", {"minutes": 10, "reason": "A slow keyboard."})
    changed = own.expect("deadline_changed")
    assert instant(changed["deadline_at"]) == instant(started["deadline_at"]) + timedelta(minutes=10)
    assert (changed["reason"], clock["deadline_at"]) == ("extension", changed["deadline_at"])
    assert 2390 < changed["remaining_seconds"] <= 2400
    [row] = hall.rows(assessments, id=started["assessment_id"])
    assert row.deadline_at == instant(changed["deadline_at"])
    assert row.sweep_at == row.deadline_at + timedelta(seconds=10)
    own.check_alive()


def test_pause_stops_clock_questions_and_answers_until_staff_end_it(
    hall: Hall, candidate: Candidate, seat: Seat
) -> None:
    own, started = seat
    first, second = candidate.questions[:2]
    own.answer(first, first.right)
    paused = done(hall, started["assessment_id"], "pause", WHY)
    assert own.expect("paused") == {"reason": "The fire alarm went off."}
    frozen = own.expect("deadline_changed")
    assert (frozen["deadline_at"], frozen["reason"]) == (None, "pause")
    assert paused["status"] == "paused"
    own.send("submit_answer", question_id=second.question_id, selected_option=second.right)
    assert own.refused("paused")["data"]["retryable"] is True
    own.send("get_question", position=2)
    own.refused("paused")
    own.send("complete_assessment")
    own.refused("paused")
    assert own.ask("heartbeat", "pong")["remaining_seconds"] == frozen["remaining_seconds"]
    assert hall.rows(assessments, id=started["assessment_id"])[0].status == "paused"
    done(hall, started["assessment_id"], "unpause")
    own.expect("unpaused")
    moved = own.expect("deadline_changed")
    assert instant(moved["deadline_at"]) > instant(started["deadline_at"])
    assert abs(moved["remaining_seconds"] - frozen["remaining_seconds"]) < 0.5
    own.answer(second, second.right)
    assert hall.rows(assessments, id=started["assessment_id"])[0].status == "in_progress"
    end = own.ask("complete_assessment", "assessment_completed")
    assert end["results"]["answered_questions"] == 2
    check_whole(hall, started["assessment_id"])


def test_extension_in_a_pause_adds_to_what_is_left(hall: Hall, seat: Seat) -> None:
    own, started = seat
    done(hall, started["assessment_id"], "pause", WHY)
    own.expect("paused")
    before = own.expect("deadline_changed")["remaining_seconds"]
    assert done(hall, started["assessment_id"], "extend", WHY | {"seconds": 90})["deadline_at"] is None
    changed = own.expect("deadline_changed")
    assert (changed["deadline_at"], changed["reason"]) == (None, "extension")
    assert changed["remaining_seconds"] == before + 90
    done(hall, started["assessment_id"], "unpause")
    own.expect("unpaused")
    assert abs(own.expect("deadline_changed")["remaining_seconds"] - before - 90) < 0.5


def test_candidate_who_comes_back_in_a_pause_learns_of_it(hall: Hall, candidate: Candidate) -> None:
    with seated(candidate) as (_, started):
        done(hall, started["assessment_id"], "pause", WHY)
    with line(candidate.address) as own:
        snapshot = own.ask("start_assessment", "assessment_started")
        assert (snapshot["status"], snapshot["deadline_at"]) == ("paused", None)
        assert 1790 < snapshot["remaining_seconds"] <= 1800
        assert own.expect("paused") == {"reason": WHY["reason"]}
        own.check_alive()
    with line(candidate.address) as again:
        again.ask("resume_assessment", "assessment_recovered", assessment_id=started["assessment_id"])
        assert again.expect("paused") == {"reason": WHY["reason"]}
        again.check_alive()


def test_invigilator_ends_the_assessment_for_the_candidate(hall: Hall, candidate: Candidate, seat: Seat) -> None:
    own, started = seat
    asked = candidate.questions[0]
    own.answer(asked, asked.right)
    before = now()
    clock = done(hall, started["assessment_id"], "end", WHY)
    assert (clock["status"], clock["end_reason"]) == ("completed", "ended_by_invigilator")
    assert abs(instant(clock["end_time"]) - before) < timedelta(seconds=5)
    [end] = own.closed(4010)
    assert (end["type"], end["data"]["reason"]) == ("assessment_completed", "ended_by_invigilator")
    assert end["data"]["results"]["scheduler_compliance"]["notes"].startswith("Ended by an invigilator after 0")
    [body] = [entry.body for entry in hall.log_of(started["assessment_id"]) if entry.type == "finalized"]
    assert body["note"] == WHY["reason"]
    for what in ("end", "pause", "extend"):
        refused(hall, started["assessment_id"], what, WHY | ({"minutes": 1} if what == "extend" else {}), 409, OVER)


OVER = "assessment_over"


def test_voided_while_open_is_told_and_closed_and_frees_the_attempt(
    hall: Hall, candidate: Candidate, seat: Seat
) -> None:
    own, started = seat
    assert done(hall, started["assessment_id"], "void", WHY)["status"] == "voided"
    [message] = own.closed(4010)
    assert (message["type"], message["data"]["from"]) == ("system_message", "invigilator")
    refused(hall, started["assessment_id"], "void", WHY, 409, "conflict")
    with line(candidate.address) as again:
        again.send("resume_assessment", assessment_id=started["assessment_id"])
        assert again.expect("assessment_recovered")["status"] == "voided"
        again.closed(4010)
    with seated(candidate) as (_, anew):
        assert (anew["attempt"], anew["recovered"]) == (2, False)


def test_voided_behind_its_end_keeps_what_it_came_to(hall: Hall, seat: Seat) -> None:
    own, started = seat
    own.ask("complete_assessment", "assessment_completed")
    done(hall, started["assessment_id"], "void", WHY)
    [row] = hall.rows(assessments, id=started["assessment_id"])
    assert (row.status, row.end_reason, row.total_score) == ("voided", "submitted", 0)


def test_break_is_taken_from_the_allowance_and_ended_by_the_candidate(hall: Hall, candidate: Candidate) -> None:
    grant(hall, candidate, break_minutes=10)
    with seated(candidate) as (own, started):
        assert own.ask("start_break", "paused") == {"reason": "break"}
        frozen = own.expect("deadline_changed")
        own.send("start_break")
        own.refused("conflict")
        own.ask("end_break", "unpaused")
        moved = own.expect("deadline_changed")
        assert abs(moved["remaining_seconds"] - frozen["remaining_seconds"]) < 0.5
        own.send("end_break")
        own.refused("conflict")
        record = hall.look(f"/assessments/{started['assessment_id']}/compliance")["record"]
        assert [step["step"] for step in record["deadline_steps"]] == ["start", "time_limit", "paused", "unpaused"]
        check_whole(hall, started["assessment_id"])


def test_no_break_without_an_allowance_and_none_ends_a_pause_by_staff(hall: Hall, seat: Seat) -> None:
    own, started = seat
    own.send("start_break", "b")
    refusal = own.refused("not_allowed")
    assert (refusal["reply_to"], refusal["data"]["error"]) == ("b", "No breaks were granted for this assessment.")
    done(hall, started["assessment_id"], "pause", WHY)
    own.expect("paused")
    own.expect("deadline_changed")
    own.send("end_break")
    own.refused("conflict")


def test_accommodation_sets_limit_and_deadline(hall: Hall, candidate: Candidate) -> None:
    grant(hall, candidate, extra_time_factor=1255, extra_minutes=5)
    with seated(candidate) as (own, started):
        assert started["time_limit_minutes"] == 42.65
        limit = instant(started["deadline_at"]) - instant(started["started_at"])
        assert limit == timedelta(minutes=42, seconds=39)
        own.ask("complete_assessment", "assessment_completed")
        signed = hall.look(f"/assessments/{started['assessment_id']}/compliance")
        assert signed["record"]["limit"]["personal_limit_minutes"] == 42.65
        assert signed["signature"]
        assert signed["text"]
        check_whole(hall, started["assessment_id"])


@pytest.mark.parametrize("what", ACTIONS)
@pytest.mark.parametrize("role", [Role.CANDIDATE, Role.AUTHOR, Role.REVIEWER])
def test_only_invigilators_and_administrators_touch_a_clock(hall: Hall, seat: Seat, what: str, role: Role) -> None:
    own, started = seat
    token = make_token(hall, role)
    response = hall.act(started["assessment_id"], what, WHY | {"minutes": 1}, token=token)
    assert (response.status_code, response.json()["code"]) == (403, "not_allowed")
    own.check_alive()


def test_invigilator_may(hall: Hall, seat: Seat) -> None:
    token = make_token(hall, Role.INVIGILATOR)
    response = hall.act(seat[1]["assessment_id"], "extend", WHY | {"minutes": 1}, token=token)
    assert response.status_code == 200


_TOKENS: dict[tuple[str, Role], str] = {}


def make_token(hall: Hall, role: Role) -> str:
    """A token of somebody new with that role, made beside the running server where the database allows it."""
    key = hall.url, role
    if key not in _TOKENS:
        made = hall.post("/users", {"name": "Staff", "email": f"{role}@example.org", "roles": [role]})
        _TOKENS[key] = token_for(made["user_id"])
        hall.tokens.append(_TOKENS[key])
    return _TOKENS[key]


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "x"},
        {"reason": "x", "minutes": 1, "seconds": 60},
        {"reason": "  ", "minutes": 1},
        {"minutes": 1},
        {"reason": "x", "minutes": 0},
        {"reason": "x", "seconds": -5},
        {"reason": "x", "minutes": 10081},
        {"reason": "x", "minutes": 1, "hours": 1},
    ],
)
def test_extension_that_makes_no_sense_is_refused(hall: Hall, seat: Seat, body: dict[str, Any]) -> None:
    refused(hall, seat[1]["assessment_id"], "extend", body, 422, "invalid_message")


def test_untimed_assessment_cannot_be_extended_and_can_be_paused(hall: Hall) -> None:
    [candidate] = hall.invite_many(hall.publish(time_limit_minutes=None), 1)
    with seated(candidate) as (own, started):
        refused(hall, started["assessment_id"], "extend", WHY | {"minutes": 1}, 409, "conflict")
        refused(hall, started["assessment_id"], "unpause", None, 409, "conflict")
        done(hall, started["assessment_id"], "pause", WHY)
        assert own.expect("paused")
        refused(hall, started["assessment_id"], "pause", WHY, 409, "conflict")
        own.check_alive()


def test_sweep_closes_at_the_deadline_that_an_extension_moved(hall: Hall) -> None:
    """A window that closes in three seconds, without grace; four more are given before it does."""
    closes = now() + timedelta(seconds=3)
    rules = {"time_limit_minutes": None, "grace_seconds": 0, "closes_at": closes.isoformat()}
    [candidate] = hall.invite_many(hall.publish(**rules), 1)
    with seated(candidate) as (own, started):
        done(hall, started["assessment_id"], "extend", WHY | {"seconds": 4})
        moved = closes + timedelta(seconds=4)
        assert instant(own.expect("deadline_changed")["deadline_at"]) == moved
        eventually(lambda: check_later(closes), within=20)
        asked = candidate.questions[0]
        own.answer(asked, asked.right)
        [end] = own.closed(4010, within=20)
        assert end["data"]["reason"] == "timeout"
        assert instant(end["data"]["results"]["end_time"]) == moved
        assert end["data"]["results"]["scheduler_compliance"]["within_schedule_window"] is False
        assert hall.rows(assessment_responses, assessment_id=started["assessment_id"])[0].points == 1000
        check_whole(hall, started["assessment_id"])


def test_warnings_follow_the_deadline(hall: Hall) -> None:
    """Ten seconds before the end, as an extension moved it: armed anew, and the warning of before does not come."""
    closes = now() + timedelta(seconds=13)
    [candidate] = hall.invite_many(hall.publish(time_limit_minutes=None, closes_at=closes.isoformat()), 1)
    with seated(candidate) as (own, started):
        done(hall, started["assessment_id"], "extend", WHY | {"seconds": 3})
        own.expect("deadline_changed")
        warning = own.expect("time_warning", within=20)
        assert 9 < warning["remaining_seconds"] < 10.05
        assert closes + timedelta(seconds=3) - now() < timedelta(seconds=10.05)


def check_later(instant_: datetime) -> None:
    assert now() > instant_
