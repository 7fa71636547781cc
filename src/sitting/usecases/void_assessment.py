"""Say that an assessment does not count."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.assessment import Status
from sitting.domain.errors import Conflict
from sitting.domain.events import Voided
from sitting.domain.live import LiveAssessment
from sitting.storage.unit_of_work import Storage, UnitOfWork


async def void_assessment(
    storage: Storage, assessment_id: int, *, reason: str, by: int, now: datetime
) -> LiveAssessment:
    """Void it, open or over. It uses up no attempt then, and what it came to stays in the record.

    Raises:
        AssessmentNotFound: there is none. Conflict: it is voided already. Unavailable: the database failed.
    """

    async def work(unit: UnitOfWork) -> LiveAssessment:
        live = await unit.load(assessment_id)
        if live.state.status is Status.VOIDED:
            raise Conflict("This assessment is voided already.", assessment_id=assessment_id)
        await unit.append(live, Voided(reason, by), now)
        await unit.assessments.update_voided(assessment_id, now=now)
        live.assessment = await unit.assessments.select(assessment_id)
        return live

    return await storage.work(work)
