"""When a candidate learns what is right, and what then is said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sitting.domain.answer import GivenAnswer
from sitting.domain.assessment import Status, StoredAnswer
from sitting.domain.blueprint import Blueprint, FeedbackPolicy
from sitting.domain.events import Verdict
from sitting.domain.key_text import key_text
from sitting.domain.live import LiveAssessment
from sitting.domain.messages import Acknowledgement, AnswerFeedback, ShownOption
from sitting.domain.paper import PaperQuestion, media_address
from sitting.domain.scoring import RIGHT, credit_of
from sitting.kit.markup import to_html


def feedback_on(live: LiveAssessment, stored: StoredAnswer | None) -> AnswerFeedback | None:
    """What the candidate is told about a stored answer at once; None if nothing.

    Nothing is said where the Test shows no feedback after answers, about an answer that was cleared, and about one that
    does not count: it locks nothing.
    """
    if live.blueprint.feedback is not FeedbackPolicy.AFTER_ANSWER or stored is None:
        return None
    record = stored.record
    if record.verdict is not Verdict.SAVED or record.given.is_cleared:
        return None
    return _feedback(live.paper.question(record.question_id), record.given)


def feedback_on_pending(live: LiveAssessment, acknowledged: Sequence[Acknowledgement]) -> list[AnswerFeedback]:
    """What the candidate is told, once per question, about pending answers that a resume stored, or found stored."""
    stored = (each.question_id for each in acknowledged if each.outcome in (Verdict.SAVED, Verdict.DUPLICATE))
    told = (feedback_on(live, live.state.responses.get(question_id)) for question_id in dict.fromkeys(stored))
    return [feedback for feedback in told if feedback is not None]


def _feedback(question: PaperQuestion, given: GivenAnswer) -> AnswerFeedback:
    content = question.content
    chosen = given.selected_options or (given.selected_option,)
    return AnswerFeedback(
        question_id=question.question_id,
        correct=credit_of(content, given) == RIGHT,
        correct_option=content.key or None,
        correct_options=content.right_options,
        correct_text=key_text(content),
        explanation=content.explanation,
        explanation_html=to_html(content.explanation, image_url=media_address),
        option_feedback=tuple(
            ShownOption(option.id, option.feedback, to_html(option.feedback, inline=True, image_url=media_address))
            for option in content.options
            if option.id in chosen and option.feedback
        ),
    )


def may_review(blueprint: Blueprint, status: Status, now: datetime) -> bool:
    """Whether a candidate may read their whole paper with what is right: never before the end.

    What was voided is not shown: the same questions may come again. A Test that shows answers after the window, and has
    no end of the window, never shows them.
    """
    is_over = status in (Status.COMPLETED, Status.TIMEOUT)
    match blueprint.feedback:
        case FeedbackPolicy.AFTER_ANSWER | FeedbackPolicy.AFTER_END:
            return is_over
        case FeedbackPolicy.AFTER_WINDOW:
            return is_over and blueprint.closes_at is not None and now >= blueprint.closes_at
        case FeedbackPolicy.NONE:
            return False
