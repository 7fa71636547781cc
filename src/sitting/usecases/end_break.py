"""A candidate comes back from a break."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.live import LiveAssessment
from sitting.domain.pausing import end_break as break_ended
from sitting.storage.unit_of_work import Storage, UnitOfWork


async def end_break(
    storage: Storage, assessment_id: int, *, user_id: int, attachment: int, arrived_at: datetime, now: datetime
) -> LiveAssessment:
    """Let the clock run again since the request arrived, or since the allowance was used up if that was before.

    Args:
        attachment: the caller's own.

    Raises:
        AttachmentStale: another connection has taken over. AssessmentOver: it ended.
        Conflict: there is no break to end. Unavailable: the database failed.
    """

    async def work(unit: UnitOfWork) -> LiveAssessment:
        live = await unit.load(assessment_id)
        live.state.require_attachment(attachment)
        if not await unit.note_resumption(live, arrived_at, now):
            await unit.append_time(live, break_ended(live.state, user_id, arrived_at), now)
        return live

    return await storage.work(work)
