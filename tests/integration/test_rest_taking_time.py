"""Time over REST: the arrival of the whole request decides, and whoever asks learns what a socket would be told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from sitting.api import create_api
from sitting.domain.user import Role
from sitting.workers.sweeper import sweep
from tests.support.clock import NOON, ManualClock
from tests.support.rest import BASE_URL, Rest, make_services, refused, said
from tests.support.storage import execute
from tests.support.taking import Desk, at_desk, begin_at_desk

STEP = timedelta(milliseconds=1)
DEADLINE = NOON + timedelta(minutes=30)
END = DEADLINE + timedelta(seconds=5)


class SlowServersClock(ManualClock):
    """A millisecond passes between any two looks at it."""

    def now(self) -> datetime:
        return self.advance(milliseconds=1) - STEP


@pytest.mark.parametrize("arrival", [DEADLINE, END - STEP, END])
async def test_p15_rest_answer_that_arrives_by_deadline_and_grace_counts(rest: Rest, arrival: datetime) -> None:
    desk = await at_desk(rest)
    rest.clock.set(arrival)
    said(await desk.answer(1, pair=("phone", 1)))
    back = await desk.resume({**desk.item(2), "client_id": "phone", "client_seq": 2})
    assert [each["outcome"] for each in back.snapshot["acknowledged"]] == ["saved"]
    end = said(await back.act("complete"))["results"]
    assert (end["status"], end["answered_questions"], end["end_time"]) == ("completed", 2, "2026-03-02T12:30:00Z")


async def test_p15_rest_answer_that_arrives_later_is_kept_and_does_not_count(rest: Rest) -> None:
    desk = await at_desk(rest)
    rest.clock.set(END + STEP)
    refused(await desk.answer(1, pair=("phone", 1)), 409, "deadline_passed")
    refused(await desk.act("complete"), 409, "deadline_passed")
    back = await desk.resume({**desk.item(2), "client_id": "phone", "client_seq": 2})
    assert [(each["outcome"], each["code"]) for each in back.snapshot["acknowledged"]] == [("late", "deadline_passed")]
    assert back.snapshot["responses"] == []
    assert await desk.log() == ["started", "attached", "late_answer", "attached", "late_answer"]


async def test_questions_are_shown_until_the_deadline_alone(rest: Rest) -> None:
    desk = await at_desk(rest)
    rest.clock.set(DEADLINE - STEP)
    said(await desk.act("question", position=2))
    rest.clock.set(DEADLINE + STEP)
    refused(await desk.act("question", position=2), 409, "deadline_passed")


async def test_p15_server_that_is_slow_behind_the_arrival_takes_no_time_from_the_candidate(rest: Rest) -> None:
    desk = await at_desk(rest)
    services = make_services(rest.storage, SlowServersClock(END))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(create_api(services)), base_url=BASE_URL) as client:
        slow = replace(desk, caller=replace(desk.caller, client=client))
        said(await slow.answer(1, pair=("phone", 1)))
        assert services.clock.now() > END + STEP, "the server looked at its clock more than once"
        refused(await slow.answer(2, pair=("phone", 2)), 409, "deadline_passed")


@pytest.mark.parametrize(("over", "status"), [(timedelta(0), 200), (STEP, 409)])
async def test_p15_body_that_trickles_in_arrives_with_its_last_byte(rest: Rest, over: timedelta, status: int) -> None:
    desk = await at_desk(rest)
    text = json.dumps({"attachment": desk.attachment, **desk.item(1)}).encode()

    async def trickle() -> AsyncIterator[bytes]:
        yield text[:10]
        rest.clock.set(END + over)
        yield text[10:]

    rest.clock.set(DEADLINE - timedelta(minutes=1))
    address = f"/api/v1/assessments/{desk.assessment_id}/answers"
    headers = {**desk.caller.headers, "Content-Type": "application/json"}
    assert (await rest.client.post(address, content=trickle(), headers=headers)).status_code == status


async def test_whoever_asks_learns_what_time_is_left_and_changes_nothing(rest: Rest) -> None:
    desk = await at_desk(rest)
    before = await desk.log()
    rest.clock.advance(minutes=10)
    assert await desk.look("clock") == {
        "assessment_id": desk.assessment_id,
        "server_time": "2026-03-02T12:10:00Z",
        "status": "started",
        "deadline_at": "2026-03-02T12:30:00Z",
        "remaining_seconds": 1200.0,
        "pause_reason": None,
        "attachment": desk.attachment,
    }
    assert (await desk.look("progress"))["remaining_seconds"] == 1200.0
    assert await desk.log() == before


async def act_as_staff(rest: Rest, desk: Desk, what: str, **body: Any) -> None:
    staff = await rest.person(Role.INVIGILATOR)
    said(await staff.post(f"/assessments/{desk.assessment_id}/{what}", {"reason": "A fire alarm.", **body}))


async def test_pause_is_seen_and_refuses_answers_until_it_is_over(rest: Rest) -> None:
    desk = await at_desk(rest)
    rest.clock.advance(minutes=10)
    await act_as_staff(rest, desk, "pause")
    seen = await desk.look("clock")
    assert (seen["status"], seen["pause_reason"], seen["deadline_at"]) == ("paused", "A fire alarm.", None)
    problem = refused(await desk.answer(1, pair=("phone", 1)), 409, "paused")
    assert problem["retryable"] is True
    for what in ("question", "complete"):
        refused(await desk.act(what), 409, "paused")
    rest.clock.advance(minutes=5)
    staff = await rest.person(Role.INVIGILATOR)
    said(await staff.post(f"/assessments/{desk.assessment_id}/unpause"))
    said(await desk.answer(1, pair=("phone", 1)))
    seen = await desk.look("clock")
    assert (seen["status"], seen["pause_reason"], seen["remaining_seconds"]) == ("in_progress", None, 1200.0)


async def test_extension_is_seen_and_lets_answers_in(rest: Rest) -> None:
    desk = await at_desk(rest)
    rest.clock.set(END + STEP)
    await act_as_staff(rest, desk, "extend", minutes=1)
    assert (await desk.look("clock"))["deadline_at"] == "2026-03-02T12:31:00Z"
    said(await desk.answer(1))


async def test_end_by_the_server_is_seen_and_a_resume_has_the_results(rest: Rest) -> None:
    desk = await at_desk(rest)
    said(await desk.answer(1))
    rest.clock.set(END + timedelta(seconds=6))
    assert await sweep(rest.services, rest.clock.now()) == 1
    seen = await desk.look("clock")
    assert (seen["status"], seen["remaining_seconds"]) == ("timeout", 0.0)
    back = await desk.resume()
    assert (back.snapshot["reason"], back.snapshot["results"]["answered_questions"]) == ("timeout", 1)
    assert back.snapshot["attachment"] == desk.attachment, "nobody attaches to what is over"


async def test_breaks_are_taken_from_what_was_granted(rest: Rest) -> None:
    without = await at_desk(rest, max_attempts=2)
    refused(await without.act("break/start"), 403, "not_allowed")
    refused(await without.act("break/end"), 409, "conflict")
    await execute(rest.storage, "UPDATE candidate_applications SET break_minutes = 10")
    said(await without.act("complete"))
    async with rest.storage.reading() as unit:
        application = await unit.applications.select(without.snapshot["application_id"])
    desk = await begin_at_desk(rest, application)
    rest.clock.advance(minutes=10)
    seen = said(await desk.act("break/start"))
    assert (seen["status"], seen["pause_reason"], seen["remaining_seconds"]) == ("paused", "break", 1200.0)
    refused(await desk.act("break/start"), 409, "conflict")
    refused(await desk.answer(1), 409, "paused")
    rest.clock.advance(minutes=4)
    seen = said(await desk.act("break/end"))
    assert (seen["status"], seen["deadline_at"]) == ("started", "2026-03-02T12:34:00Z")
    said(await desk.answer(1))
