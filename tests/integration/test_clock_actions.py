"""What moves a clock, at the millisecond, on both databases: use cases and sweep under a clock that the test moves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from sitting.domain.application import Accommodation
from sitting.domain.assessment import Status
from sitting.domain.errors import AssessmentOver, AttachmentStale, ClockPaused, Conflict, NotAllowed, SittingError
from sitting.domain.events import Credited, EndReason
from sitting.domain.user import Role
from sitting.storage.tables import assessment_events, candidate_applications
from sitting.storage.unit_of_work import Storage
from sitting.usecases.end_break import end_break
from sitting.usecases.extend_assessment import extend_assessment
from sitting.usecases.pause_assessment import pause_assessment
from sitting.usecases.services import Services
from sitting.usecases.start_break import start_break
from sitting.usecases.unpause_assessment import unpause_assessment
from sitting.usecases.verify_log import verify_log
from sitting.usecases.void_assessment import void_assessment
from sitting.workers.sweeper import sweep
from tests.support.builders import SIGNER, Seat, begin, finalize, seated
from tests.support.clock import NOON, ManualClock
from tests.support.rest import KEYS, Rest, refused, said
from tests.support.storage import assessment_row, execute, log_of, rows

STEP = timedelta(milliseconds=1)
STAFF = 1
DEADLINE = NOON + timedelta(minutes=30)
PAUSED_AT = NOON + timedelta(minutes=10)
UNTIL = PAUSED_AT + timedelta(minutes=15)


@pytest.fixture
async def seat(storage: Storage) -> Seat:
    """Somebody at work since NOON, with 30 minutes, a grace of 5 seconds, and pauses of 15 minutes at most."""
    return await seated(storage, max_pause_minutes=15)


async def swept(storage: Storage, now: datetime) -> int:
    return await sweep(Services(storage, KEYS, SIGNER, ManualClock(now)), now)


async def pause(seat: Seat, at: datetime = PAUSED_AT) -> None:
    await pause_assessment(seat.storage, seat.assessment_id, reason="alarm", by=STAFF, now=at)
    seat.live.is_stale = True


async def unpause(seat: Seat, at: datetime) -> None:
    await unpause_assessment(seat.storage, seat.assessment_id, by=STAFF, now=at)
    seat.live.is_stale = True


async def check_whole(seat: Seat) -> None:
    [verified] = [
        each async for each in verify_log(seat.storage.database, SIGNER.verifies, assessment_id=seat.assessment_id)
    ]
    assert str(verified.broken) == "None"


@pytest.mark.parametrize(
    ("arrival", "error"),
    [
        (PAUSED_AT - STEP, None),
        (PAUSED_AT, ClockPaused),
        (UNTIL - STEP, ClockPaused),
        (UNTIL, None),
        (UNTIL + STEP, None),
    ],
)
async def test_answer_is_judged_by_its_arrival_whenever_it_is_judged(
    seat: Seat, arrival: datetime, error: type[SittingError] | None
) -> None:
    """Once while the log knows of no end of the pause, and once behind it: the verdict is the same."""
    await pause(seat)
    lagging = await seat.twin()
    for position in (1, 2):
        outcome = await lagging.answer(position, at=arrival)
        assert (type(outcome.error) if outcome.error else None) == error
        await swept(seat.storage, UNTIL + timedelta(minutes=1))
        lagging = await seat.twin()
    expected = Status.IN_PROGRESS if error is None else Status.STARTED
    assert (await assessment_row(seat.storage, seat.assessment_id)).status == expected
    await check_whole(seat)


async def test_pause_begins_behind_an_answer_that_came_while_it_was_asked_for(seat: Seat) -> None:
    arrival = PAUSED_AT + STEP
    await seat.answer(1, at=arrival)
    await pause(seat)
    twin = await seat.twin()
    assert twin.live.state.schedule.pauses[0].paused_at > arrival
    await check_whole(seat)


async def test_sweep_ends_a_pause_at_its_instant_and_not_at_its_own_and_once(seat: Seat) -> None:
    await pause(seat)
    assert (await assessment_row(seat.storage, seat.assessment_id)).sweep_at == UNTIL
    assert await swept(seat.storage, UNTIL - STEP) == 0
    late = UNTIL + timedelta(minutes=2)
    assert [await swept(seat.storage, late) for _ in range(3)] == [1, 0, 0]
    row = await assessment_row(seat.storage, seat.assessment_id)
    assert (row.status, row.deadline_at) == (Status.STARTED, DEADLINE + timedelta(minutes=15))
    assert row.sweep_at == row.deadline_at + timedelta(seconds=10)
    assert (await log_of(seat.storage, seat.assessment_id)).count("unpaused") == 1
    await check_whole(seat)


async def test_behind_a_long_outage_the_pause_ends_and_then_the_time(seat: Seat) -> None:
    await pause(seat)
    tomorrow = NOON + timedelta(days=1)
    assert [await swept(seat.storage, tomorrow) for _ in range(3)] == [1, 1, 0]
    row = await assessment_row(seat.storage, seat.assessment_id)
    assert (row.status, row.end_time) == (Status.TIMEOUT, DEADLINE + timedelta(minutes=15))
    assert row.time_taken_minutes == 30.0
    await check_whole(seat)


@pytest.mark.parametrize(("off", "closes"), [(-STEP, 0), (timedelta(0), 1), (STEP, 1)])
async def test_sweep_closes_behind_deadline_grace_and_drain_as_an_extension_moved_them(
    seat: Seat, off: timedelta, closes: int
) -> None:
    await extend_assessment(seat.storage, seat.assessment_id, seconds=60, reason="slow", by=STAFF, now=NOON)
    deadline = DEADLINE + timedelta(minutes=1)
    assert await swept(seat.storage, deadline + timedelta(seconds=10) + off) == closes
    if closes:
        assert (await assessment_row(seat.storage, seat.assessment_id)).end_time == deadline
    await check_whole(seat)


async def test_extension_between_the_deadline_and_the_sweep_moves_the_deadline(seat: Seat) -> None:
    behind = DEADLINE + timedelta(seconds=7)
    live = await extend_assessment(seat.storage, seat.assessment_id, seconds=300, reason="slow", by=STAFF, now=behind)
    assert live.state.schedule.deadline_at == DEADLINE + timedelta(minutes=5)
    seat.live.is_stale = True
    assert (await seat.answer(1, at=behind + STEP)).error is None
    await check_whole(seat)


@pytest.mark.parametrize(("at", "refused_with"), [(DEADLINE, None), (DEADLINE + STEP, Conflict)])
async def test_pause_is_possible_until_the_deadline(
    seat: Seat, at: datetime, refused_with: type[SittingError] | None
) -> None:
    if refused_with is None:
        await pause(seat, at)
    else:
        with pytest.raises(refused_with):
            await pause(seat, at)
    await check_whole(seat)


async def test_nothing_moves_the_clock_of_what_is_over(seat: Seat) -> None:
    await seat.finish(at=PAUSED_AT)
    for action in (pause(seat), unpause(seat, PAUSED_AT)):
        with pytest.raises(AssessmentOver):
            await action
    with pytest.raises(AssessmentOver):
        await extend_assessment(seat.storage, seat.assessment_id, seconds=1, reason="slow", by=STAFF, now=PAUSED_AT)


async def test_handing_in_is_refused_in_a_pause_unless_it_arrived_before(seat: Seat) -> None:
    await pause(seat)
    with pytest.raises(ClockPaused):
        await seat.finish(at=PAUSED_AT + STEP)
    live = await seat.finish(at=PAUSED_AT + timedelta(seconds=1), arrived_at=PAUSED_AT - STEP)
    assert (live.assessment.status, live.assessment.end_time) == (Status.COMPLETED, PAUSED_AT - STEP)
    await check_whole(seat)


async def test_handing_in_behind_a_pause_that_ran_out_notes_its_end_first(seat: Seat) -> None:
    await pause(seat)
    live = await seat.finish(at=UNTIL + STEP)
    assert (await log_of(seat.storage, seat.assessment_id))[-2:] == ["unpaused", "finalized"]
    assert live.assessment.time_taken_minutes == 10.0
    await check_whole(seat)


async def test_invigilator_ends_a_paused_assessment_and_minutes_leave_the_pause_out(seat: Seat) -> None:
    await pause(seat)
    at = PAUSED_AT + timedelta(minutes=3)
    live = await finalize(seat.storage, seat.assessment_id, at=at, reason=EndReason.ENDED_BY_INVIGILATOR)
    row = live.assessment
    assert (row.status, row.end_time, row.deadline_at, row.time_taken_minutes) == (Status.COMPLETED, at, None, 10.0)
    await check_whole(seat)


async def test_untimed_assessment_is_abandoned_though_it_is_paused(storage: Storage) -> None:
    seat = await seated(storage, time_limit_minutes=None, abandon_after_days=1, max_pause_minutes=60)
    tomorrow = NOON + timedelta(days=1)
    await pause(seat, tomorrow - timedelta(minutes=5))
    assert await swept(storage, tomorrow - STEP) == 0
    assert await swept(storage, tomorrow) == 1
    row = await assessment_row(storage, seat.assessment_id)
    assert (row.status, row.end_reason, row.end_time) == (Status.TIMEOUT, "abandoned", tomorrow)
    await check_whole(seat)


async def test_credit_moves_the_deadline_and_is_told_in_the_results(seat: Seat) -> None:
    """Nothing gives credits yet; the log may hold them."""
    async with seat.storage.unit_of_work() as unit:
        live = await unit.load(seat.assessment_id)
        later = live.state.schedule.extended(timedelta(seconds=90)).deadline_at
        await unit.append_time(live, Credited(90, "outage", later), PAUSED_AT)
    assert (await assessment_row(seat.storage, seat.assessment_id)).deadline_at == DEADLINE + timedelta(seconds=90)
    await seat.finish(at=PAUSED_AT + STEP)
    await check_whole(seat)


async def grant(seat: Seat, minutes: int) -> Seat:
    """The same candidate with break time, in an attempt of its own."""
    await void_assessment(seat.storage, seat.assessment_id, reason="anew", by=STAFF, now=NOON)
    await execute(seat.storage, f"UPDATE candidate_applications SET break_minutes = {minutes:d}")
    [row] = await rows(seat.storage, candidate_applications)
    async with seat.storage.reading() as unit:
        application = await unit.applications.select(row.id)
    assert application.accommodation == Accommodation(break_minutes=minutes)
    return await begin(seat.storage, application)


async def test_breaks_last_for_what_is_left_of_the_allowance(seat: Seat) -> None:
    seat = await grant(seat, 15)
    who: dict[str, Any] = {"user_id": STAFF, "attachment": seat.attachment}
    storage, id_ = seat.storage, seat.assessment_id
    await start_break(storage, id_, **who, arrived_at=PAUSED_AT, now=PAUSED_AT)
    back = PAUSED_AT + timedelta(minutes=6)
    await end_break(storage, id_, **who, arrived_at=back, now=back)
    again = back + timedelta(minutes=1)
    live = await start_break(storage, id_, **who, arrived_at=again, now=again)
    assert live.state.schedule.pauses[-1].until == again + timedelta(minutes=9)
    await swept(storage, again + timedelta(minutes=20))
    third = again + timedelta(minutes=21)
    with pytest.raises(NotAllowed, match="used up"):
        await start_break(storage, id_, **who, arrived_at=third, now=third)
    assert (await assessment_row(storage, id_)).deadline_at == DEADLINE + timedelta(minutes=15)
    await check_whole(seat)


async def test_socket_that_was_replaced_takes_no_break(seat: Seat) -> None:
    seat = await grant(seat, 15)
    await seat.take_over()
    with pytest.raises(AttachmentStale):
        await start_break(
            seat.storage, seat.assessment_id, user_id=STAFF, attachment=seat.attachment, arrived_at=NOON, now=NOON
        )


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ("UPDATE assessments SET deadline_at = NULL", "row"),
        ("UPDATE assessments SET compliance = replace(compliance, 'alarm', 'smoke')", "compliance"),
        ("UPDATE assessments SET compliance = NULL", "compliance"),
        ("UPDATE assessments SET compliance_signature = receipt_signature", "compliance"),
        ("UPDATE assessments SET time_taken_minutes = 15", "row"),
    ],
)
async def test_audit_finds_a_changed_clock_and_a_changed_record(seat: Seat, change: str, place: str) -> None:
    await pause(seat)
    await unpause(seat, PAUSED_AT + timedelta(minutes=5))
    await seat.finish(at=PAUSED_AT + timedelta(minutes=6))
    await check_whole(seat)
    await execute(seat.storage, change)
    [verified] = [each async for each in verify_log(seat.storage.database, SIGNER.verifies)]
    assert verified.broken is not None
    assert verified.broken.place == place


async def test_voiding_keeps_record_and_receipt_as_they_were_signed(seat: Seat) -> None:
    await seat.finish(at=PAUSED_AT)
    before = await assessment_row(seat.storage, seat.assessment_id)
    await void_assessment(seat.storage, seat.assessment_id, reason="cheated", by=STAFF, now=PAUSED_AT)
    after = await assessment_row(seat.storage, seat.assessment_id)
    assert (after.status, after.compliance, after.receipt_seq) == (Status.VOIDED, before.compliance, before.receipt_seq)
    await check_whole(seat)


async def test_same_request_under_the_same_key_moves_the_clock_once(rest: Rest) -> None:
    seat = await seated(rest.storage)
    staff = (await rest.person(Role.INVIGILATOR)).holding(**{"Idempotency-Key": "one"})
    body = {"minutes": 5, "reason": "A slow keyboard."}
    first = said(await staff.post(f"/assessments/{seat.assessment_id}/extend", body))
    assert said(await staff.post(f"/assessments/{seat.assessment_id}/extend", body)) == first
    extended = await rows(rest.storage, assessment_events, assessment_id=seat.assessment_id, type="extended")
    assert len(extended) == 1
    refused(await staff.post(f"/assessments/{seat.assessment_id}/extend", body | {"minutes": 6}), 409, "conflict")
