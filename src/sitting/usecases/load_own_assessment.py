"""Look up the assessment that a candidate works on."""

from __future__ import annotations

from sitting.domain.errors import AssessmentNotFound
from sitting.domain.live import LiveAssessment
from sitting.storage.unit_of_work import Storage


async def load_own_assessment(storage: Storage, *, user_id: int, assessment_id: int) -> LiveAssessment:
    """The assessment as it stands, for the candidate whose it is and for nobody else, staff included.

    Raises:
        AssessmentNotFound: there is none, or it is somebody else's. Unavailable: the database cannot be reached.
    """
    async with storage.reading() as unit:
        live = await unit.load(assessment_id)
    if live.assessment.user_id != user_id:
        raise AssessmentNotFound(assessment_id=assessment_id)
    return live
