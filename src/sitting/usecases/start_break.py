"""A candidate stops the clock, as the accommodation allows."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.live import LiveAssessment
from sitting.domain.pausing import begin_break
from sitting.storage.unit_of_work import Storage, UnitOfWork


async def start_break(
    storage: Storage, assessment_id: int, *, user_id: int, attachment: int, arrived_at: datetime, now: datetime
) -> LiveAssessment:
    """Begin a break when the request arrived; it lasts for what is left of the allowance at most.

    Args:
        attachment: the caller's own.

    Raises:
        AttachmentStale: another connection has taken over. AssessmentOver: it ended.
        NotAllowed: no allowance, or none left. Conflict: it is paused already, or its time is up.
        Unavailable: the database failed.
    """

    async def work(unit: UnitOfWork) -> LiveAssessment:
        live = await unit.load(assessment_id)
        live.state.require_attachment(attachment)
        await unit.note_resumption(live, arrived_at, now)
        await unit.append_time(live, begin_break(live.state, user_id, arrived_at), now)
        return live

    return await storage.work(work)
