"""Several at once, and one who comes and goes: one end, one result, and no time won or lost."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest

from sitting.domain.errors import AttachmentStale, Unavailable
from sitting.domain.events import EndReason, Verdict
from sitting.domain.live import LiveAssessment, completed_message
from sitting.storage.repositories.events import EventRepository
from sitting.storage.tables import assessment_events, assessments
from sitting.storage.unit_of_work import Storage
from tests.support.builders import Seat, begin, finalize, invite, publish_test, seated
from tests.support.clock import NOON
from tests.support.storage import Nodes, assessment_row, log_of, rows

DEADLINE = NOON + timedelta(minutes=30)
GRACE = timedelta(seconds=5)
CLOSABLE = DEADLINE + GRACE + timedelta(seconds=5)
QUESTIONS = 12
MANY = 200
PACE_SECONDS = 0.01  # three times as fast as a socket may go on for ever; without a pause they take every number
ENDS = {EndReason.SUBMITTED: "completed", EndReason.TIMEOUT: "timeout", EndReason.ENDED_BY_INVIGILATOR: "completed"}


async def race(seat: Seat, other: Storage, *, head_start: int) -> tuple[list[int], bool, list[LiveAssessment]]:
    """Candidate, sweep and invigilator end it while answers are stored.

    Returns the positions acknowledged, whether an answer came behind the end, and what each who ended it saw.

    Right answers that arrived in the grace are dealt with when the time is up, one after the other until one is not
    saved. Those who end it set out when so many are acknowledged, so that the order differs from race to race.
    """
    acked: list[int] = []
    enough = asyncio.Event()
    twin = await seat.twin()

    async def answer_all() -> bool:
        for position in itertools.islice(itertools.cycle(range(1, QUESTIONS + 1)), MANY):
            if len(acked) == head_start:
                enough.set()
            with contextlib.suppress(Unavailable):
                (outcome,) = await twin.send(twin.make_answer(position), at=DEADLINE + GRACE, now=CLOSABLE)
                if outcome.verdict is not Verdict.SAVED:
                    return True
                acked.append(position)
            await asyncio.sleep(PACE_SECONDS)
        return False

    async def end(node: Storage, reason: EndReason, arrived_at: datetime | None = None) -> LiveAssessment:
        await enough.wait()
        for _ in range(MANY):
            with contextlib.suppress(Unavailable):
                return await finalize(node, seat.assessment_id, at=CLOSABLE, arrived_at=arrived_at, reason=reason)
        raise AssertionError("it could not be ended")

    interrupted, *saw = await asyncio.gather(
        answer_all(),
        end(seat.storage, EndReason.SUBMITTED, DEADLINE + GRACE),
        end(other, EndReason.TIMEOUT),
        end(seat.storage, EndReason.TIMEOUT),
        end(other, EndReason.ENDED_BY_INVIGILATOR),
    )
    return acked, interrupted, saw


async def test_p12_candidate_sweep_and_invigilator_at_once_make_one_end_with_every_acknowledged_answer(
    two_nodes: Nodes,
) -> None:
    test = await publish_test(two_nodes[0], QUESTIONS)
    interrupted = 0
    for head_start in range(0, QUESTIONS, 2):
        seat = await begin(two_nodes[0], await invite(two_nodes[0], test))
        acked, behind, saw = await race(seat, two_nodes[1], head_start=head_start)
        interrupted += behind
        log, row = (
            await log_of(two_nodes[0], seat.assessment_id),
            await assessment_row(two_nodes[0], seat.assessment_id),
        )
        assert log.count("finalized") == 1
        assert "answered" not in log[log.index("finalized") :]
        assert (row.total_score, row.end_time) == (1000 * len(set(acked)), DEADLINE)
        assert row.status == ENDS[EndReason(row.end_reason)]
        assert len({live.assessment.receipt_signature for live in saw}) == 1
        assert all(completed_message(live) == completed_message(saw[0]) for live in saw)
    assert interrupted, "nobody ended it before the last answer: the test says nothing"


async def test_p09_start_that_fails_at_any_entry_of_its_log_uses_up_no_attempt(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = await invite(storage, await publish_test(storage, max_attempts=1))
    broke = 0
    for number in range(1, MANY):
        with monkeypatch.context() as patch:
            break_write(patch, number)
            with contextlib.suppress(Broken):
                assert (await begin(storage, application)).live.assessment.attempt == 1
                break
        broke += 1
        assert (await rows(storage, assessments), await rows(storage, assessment_events)) == ([], []), number
    assert 0 < broke < MANY - 1, "no write was broken, or all that there can be"


class Broken(Exception):
    """What no code of ours expects."""


def break_write(patch: pytest.MonkeyPatch, number: int) -> None:
    """Let the write of that number into any log fail, behind the deed."""
    done = itertools.count(1)

    def breaking(write: Any) -> Any:
        async def breaks(self: EventRepository, *what: Any) -> Any:
            result = await write(self, *what)
            if next(done) == number:
                raise Broken()
            return result

        return breaks

    for name in ("append", "append_many", "insert_first"):
        patch.setattr(EventRepository, name, breaking(getattr(EventRepository, name)))


async def test_p17_refresh_second_device_and_another_node_neither_add_nor_take_time(two_nodes: Nodes) -> None:
    seat = await seated(two_nodes[0])
    application_id = seat.live.assessment.application_id
    async with two_nodes[0].reading() as unit:
        application = await unit.applications.select(application_id)
    for minute in range(1, 31):
        at = NOON + timedelta(minutes=minute)
        node = two_nodes[minute % 2]
        newer = await (begin(node, application, at=at) if minute % 3 == 0 else seat.take_over(node, at=at))
        assert newer.assessment_id == seat.assessment_id
        assert newer.live.remaining_seconds(at) == 60.0 * (30 - minute)
        with pytest.raises(AttachmentStale):
            await seat.answer(1, at=at)
        seat = newer
    assert seat.live.state.schedule.deadline_at == DEADLINE
    assert (await assessment_row(two_nodes[0], seat.assessment_id)).deadline_at == DEADLINE
    assert set(await log_of(two_nodes[0], seat.assessment_id)) == {"started", "attached"}
