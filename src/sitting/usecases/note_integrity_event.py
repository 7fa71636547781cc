"""Keep what the candidate's client noticed."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.assessment import AssessmentState
from sitting.domain.errors import AssessmentOver
from sitting.domain.events import IntegrityNoted
from sitting.domain.live import LiveAssessment
from sitting.domain.log_bounds import bounded_note
from sitting.storage.live_log import record
from sitting.storage.unit_of_work import Storage


async def note_integrity_event(
    storage: Storage, live: LiveAssessment, *, attachment: int, kind: str, detail: str | None, now: datetime
) -> None:
    """Write the observation into the log; beyond a bound it is dropped.

    Raises:
        AssessmentOver: too late. AttachmentStale, Unavailable: not stored.
    """

    def decide(state: AssessmentState) -> tuple[None, IntegrityNoted | None]:
        if state.is_over:
            raise AssessmentOver()
        return None, bounded_note(state, IntegrityNoted(kind, detail))

    await record(storage, live, attachment, decide, now)
