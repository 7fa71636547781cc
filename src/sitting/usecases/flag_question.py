"""Mark a question to come back to it."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.assessment import AssessmentState
from sitting.domain.errors import AssessmentOver
from sitting.domain.events import Flagged
from sitting.domain.live import LiveAssessment
from sitting.domain.log_bounds import require_room
from sitting.domain.navigation import require_current
from sitting.storage.live_log import record
from sitting.storage.unit_of_work import Storage


async def flag_question(
    storage: Storage, live: LiveAssessment, *, attachment: int, question_id: str, flagged: bool, now: datetime
) -> None:
    """Set or take away the mark; setting it twice is one event.

    Raises:
        QuestionNotFound: not in this paper. AssessmentOver: too late. NavigationNotAllowed: not the current one.
        Conflict: the log is full. AttachmentStale, Unavailable: not stored.
    """

    def decide(state: AssessmentState) -> tuple[None, Flagged | None]:
        if state.is_over:
            raise AssessmentOver()
        require_current(live, live.paper.question(question_id))
        if (question_id in state.flags) == flagged:
            return None, None
        require_room(state)
        return None, Flagged(question_id, flagged)

    await record(storage, live, attachment, decide, now)
