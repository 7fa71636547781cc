"""Stop a candidate's clock."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.events import PauseKind
from sitting.domain.live import LiveAssessment
from sitting.domain.pausing import pause
from sitting.storage.unit_of_work import Storage, UnitOfWork


async def pause_assessment(
    storage: Storage, assessment_id: int, *, reason: str, by: int, now: datetime
) -> LiveAssessment:
    """Pause from `now` on, at most for as long as the Test lets a pause last.

    Raises:
        AssessmentNotFound: there is none. AssessmentOver: it ended. Conflict: it is paused already, or its time is up.
        Unavailable: the database failed.
    """

    async def work(unit: UnitOfWork) -> LiveAssessment:
        live = await unit.load(assessment_id)
        await unit.note_resumption(live, now, now)
        body = pause(live.state, PauseKind.STAFF, reason, by, now, live.blueprint.max_pause)
        await unit.append_time(live, body, now)
        return live

    return await storage.work(work)
