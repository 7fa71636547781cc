"""Let a candidate's clock run again."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.live import LiveAssessment
from sitting.domain.pausing import unpause
from sitting.storage.unit_of_work import Storage, UnitOfWork


async def unpause_assessment(storage: Storage, assessment_id: int, *, by: int, now: datetime) -> LiveAssessment:
    """End a pause, or a candidate's break.

    Raises:
        AssessmentNotFound: there is none. AssessmentOver: it ended. Conflict: it is not paused.
        Unavailable: the database failed.
    """

    async def work(unit: UnitOfWork) -> LiveAssessment:
        live = await unit.load(assessment_id)
        if not await unit.note_resumption(live, now, now):
            await unit.append_time(live, unpause(live.state, by, now), now)
        return live

    return await storage.work(work)
