"""Look at an assessment without touching it."""

from __future__ import annotations

from sitting.domain.errors import AssessmentNotFound
from sitting.domain.live import LiveAssessment
from sitting.identity.access import Action, may
from sitting.identity.identify import Identity
from sitting.storage.unit_of_work import Storage


async def read_assessment(storage: Storage, identity: Identity, assessment_id: int) -> LiveAssessment:
    """The assessment as it stands: for staff any, for a candidate their own.

    Raises:
        AssessmentNotFound: there is none, or none that the caller may know of.
    """
    async with storage.reading() as unit:
        live = await unit.load(assessment_id)
    if live.assessment.user_id != identity.user_id and not may(identity, Action.READ_ASSESSMENTS):
        raise AssessmentNotFound(assessment_id=assessment_id)
    return live
