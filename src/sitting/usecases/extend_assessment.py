"""Give a candidate more time."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.live import LiveAssessment
from sitting.domain.pausing import extend
from sitting.storage.unit_of_work import Storage, UnitOfWork


async def extend_assessment(
    storage: Storage, assessment_id: int, *, seconds: int, reason: str, by: int, now: datetime
) -> LiveAssessment:
    """Move the deadline by so many seconds, past the window's end too; in a pause, what is left grows by them.

    Raises:
        AssessmentNotFound: there is none. AssessmentOver: it ended. Conflict: nothing limits the time.
        Unavailable: the database failed.
    """

    async def work(unit: UnitOfWork) -> LiveAssessment:
        live = await unit.load(assessment_id)
        await unit.append_time(live, extend(live.state, seconds, reason, by), now)
        return live

    return await storage.work(work)
