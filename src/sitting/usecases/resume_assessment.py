"""Go on with an assessment after a lost connection, or take it over from another window."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.errors import AssessmentNotFound
from sitting.domain.live import LiveAssessment
from sitting.domain.takeover import Claim
from sitting.storage.unit_of_work import Storage, UnitOfWork


async def resume_assessment(
    storage: Storage,
    *,
    user_id: int,
    assessment_id: int,
    connection_id: str,
    now: datetime,
    window_id: str | None = None,
    attachment: int | None = None,
    node_id: str | None = None,
) -> LiveAssessment:
    """Attach the connection to the assessment, unless it is over: then it is returned as it stands.

    Args:
        window_id, attachment, node_id: see `domain.takeover.Claim`.

    Raises:
        AttachmentStale: the client comes back by itself, and another window has the assessment; nothing is written.
        AssessmentNotFound: there is none, or it is somebody else's.
        Unavailable: the database failed; the assessment stays resumable.
    """

    async def work(unit: UnitOfWork) -> LiveAssessment:
        live = await unit.load(assessment_id)
        if live.assessment.user_id != user_id:
            raise AssessmentNotFound(assessment_id=assessment_id)
        if not live.state.is_over:
            await unit.attach(live, Claim(connection_id, window_id, attachment, node_id), now)
        return live

    return await storage.work(work)
