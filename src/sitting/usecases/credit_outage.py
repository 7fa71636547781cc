"""Give back what an outage took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import structlog

from sitting.domain.errors import Unavailable
from sitting.domain.outage import Outage, time_credit
from sitting.domain.pausing import pause_that_ran_out
from sitting.storage.errors import SequenceTaken
from sitting.storage.repositories.heartbeats import OwedOutage
from sitting.storage.unit_of_work import Storage, UnitOfWork

BATCH = 100
"""Assessments in one commit: answers may have to wait for it."""
MAX_LOSSES = 20
UNREADABLE = (ValueError, msgspec.MsgspecError)
"""What a log that cannot be read raises."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Given:
    """What was given: so many credits, of so many seconds in all."""

    credits: int = 0
    seconds: int = 0


async def credit_outage(storage: Storage, owed: OwedOutage, *, cap: timedelta, now: datetime) -> Given:
    """Credit every open assessment that was attached when the outage began, and note that this is done.

    Whatever is committed when it breaks off stands, and the next call does the rest: what an assessment got stands in
    its own log.

    Args:
        cap: what one assessment gets at most, of all outages together; nothing: nobody gets anything.

    Raises:
        Unavailable: the database failed, or somebody else wrote too often.
    """
    given, after = Given(), 0
    while cap:
        async with storage.unit_of_work() as unit:
            batch = await unit.assessments.open_at(owed.outage.began_at, owed.outage.ended_at, after=after, limit=BATCH)
            counts = await _credit_all(unit, batch, owed.outage, cap, now)
        given.credits += sum(seconds > 0 for seconds in counts)
        given.seconds += sum(counts)
        if len(batch) < BATCH:
            break
        after = batch[-1]
    async with storage.unit_of_work() as unit:
        await unit.heartbeats.settle(owed.outage_id, now)
    return given


async def _credit_all(
    unit: UnitOfWork, assessment_ids: Sequence[int], outage: Outage, cap: timedelta, now: datetime
) -> list[int]:
    """The seconds that each gets: all in a few statements, but for those that need a look of their own."""
    try:
        lives = await unit.load_many(assessment_ids)
    except UNREADABLE:
        lives = {}  # one of them; it is found out which
    owed = {
        assessment_id: (live, time_credit(live.state, outage, cap))
        for assessment_id, live in lives.items()
        if live.state.is_over or pause_that_ran_out(live.state, outage.ended_at) is None
    }
    moving = [(live, body, now) for live, body in owed.values() if body is not None]
    stored = dict(zip((live.assessment_id for live, _, _ in moving), await unit.append_times(moving), strict=True))
    given = []
    for assessment_id in assessment_ids:
        _, body = owed.get(assessment_id, (None, None))
        is_done = stored.get(assessment_id, assessment_id in owed and body is None)
        seconds = 0 if body is None else body.seconds
        given.append(seconds if is_done else await _credit(unit, assessment_id, outage, cap, now))
    return given


async def _credit(unit: UnitOfWork, assessment_id: int, outage: Outage, cap: timedelta, now: datetime) -> int:
    """The seconds that it gets. The candidate may be writing: a lost number begins this one again, not the batch.

    Raises:
        Unavailable: it was lost too often.
    """
    for _ in range(MAX_LOSSES):
        try:
            return await _try(unit, assessment_id, outage, cap, now)
        except SequenceTaken:
            continue
        except UNREADABLE as fault:  # it must not keep the others from their time
            log.error("crediting_failed", assessment_id=assessment_id, exc_info=fault)
            return 0
    raise Unavailable()


async def _try(unit: UnitOfWork, assessment_id: int, outage: Outage, cap: timedelta, now: datetime) -> int:
    live = await unit.load(assessment_id)
    if live.state.is_over:
        return 0
    await unit.note_resumption(live, outage.ended_at, now)
    body = time_credit(live.state, outage, cap)
    if body is None:
        return 0
    await unit.append_time(live, body, now)
    return body.seconds
