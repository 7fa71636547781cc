"""Give back what an outage took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import structlog

from sitting.domain.errors import Unavailable
from sitting.domain.outage import Outage, time_credit
from sitting.storage.errors import SequenceTaken
from sitting.storage.repositories.heartbeats import OwedOutage
from sitting.storage.unit_of_work import Storage, UnitOfWork

BATCH = 20
"""Assessments in one commit: answers may have to wait for it."""
MAX_LOSSES = 20

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
            counts = [await _credit(unit, assessment_id, owed.outage, cap, now) for assessment_id in batch]
        given.credits += sum(seconds > 0 for seconds in counts)
        given.seconds += sum(counts)
        if len(batch) < BATCH:
            break
        after = batch[-1]
    async with storage.unit_of_work() as unit:
        await unit.heartbeats.settle(owed.outage_id, now)
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
        except (
            ValueError,
            msgspec.MsgspecError,
        ) as fault:  # a log that cannot be read must not keep the others from their time
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
