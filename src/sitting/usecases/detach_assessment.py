"""Note that the socket which holds an assessment is gone."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.assessment import AssessmentState
from sitting.domain.events import Detached
from sitting.domain.live import LiveAssessment
from sitting.storage.live_log import record
from sitting.storage.unit_of_work import Storage


async def detach_assessment(storage: Storage, live: LiveAssessment, *, attachment: int, now: datetime) -> None:
    """Log `detached`, unless the assessment is over or was taken over.

    Raises:
        AttachmentStale: it was taken over. Unavailable: not stored.
    """

    def decide(state: AssessmentState) -> tuple[None, Detached | None]:
        return None, None if state.is_over or not state.attached else Detached(attachment)

    await record(storage, live, attachment, decide, now)
