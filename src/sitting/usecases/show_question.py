"""Show a question, and in a linear Test move on to it."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.assessment import AssessmentState
from sitting.domain.errors import NavigationNotAllowed
from sitting.domain.events import Presented
from sitting.domain.live import LiveAssessment
from sitting.domain.navigation import step_to, wanted_question
from sitting.domain.paper import PaperQuestion
from sitting.storage.live_log import record
from sitting.storage.unit_of_work import Storage


async def show_question(
    storage: Storage,
    live: LiveAssessment,
    *,
    attachment: int,
    arrived_at: datetime,
    now: datetime,
    question_id: str | None = None,
    position: int | None = None,
) -> PaperQuestion:
    """The question of that id, else at that position, else the next one; a step of a linear Test is stored before.

    Args:
        live: moves on to what is stored. attachment: the caller's. arrived_at: of the frame that asks.

    Raises:
        QuestionNotFound: not in this paper. NavigationNotAllowed: neither the current one nor the next.
        AssessmentOver, DeadlinePassed: no question is shown any more.
        AttachmentStale: another connection has taken over, as far as `live` knows.
        Unavailable: the step is not stored; the same may be asked again.
    """

    def decide(state: AssessmentState) -> tuple[PaperQuestion, Presented | None]:
        state.require_attachment(attachment)
        question = live.deliver(wanted_question(live, question_id, position), arrived_at)
        return question, step_to(live, question)

    if not live.is_linear:  # nothing to store, and nothing that others could have changed
        question, _ = decide(live.state)
        return question
    try:
        return await record(storage, live, attachment, decide, now)
    except NavigationNotAllowed:  # as far as is known here
        await storage.refresh(live)
        return await record(storage, live, attachment, decide, now)
