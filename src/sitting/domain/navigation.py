"""Which question a candidate may see: any of the paper, or, in a linear Test, one after the other and never again."""

from __future__ import annotations

from sitting.domain.errors import NavigationNotAllowed
from sitting.domain.events import Presented
from sitting.domain.live import LiveAssessment
from sitting.domain.paper import PaperQuestion


def wanted_question(live: LiveAssessment, question_id: str | None, position: int | None) -> PaperQuestion:
    """The question of that id, else the one at that position, else the next one, or the last if none is left.

    Raises:
        QuestionNotFound: this paper does not hold it.
        NavigationNotAllowed: it is only a reserve so far, and nobody can say yet which question will stand there.
    """
    if question_id is not None:
        question = live.paper.question(question_id)
        if live.is_undecided(question):
            raise NavigationNotAllowed(position=live.state.position)
        return question
    if position is not None:
        return live.paper.at_position(position)
    return live.next_unanswered() or live.paper.questions[-1]


def step_to(live: LiveAssessment, question: PaperQuestion) -> Presented | None:
    """What the log must hold before `question` is shown; None if it may be shown as things stand.

    Raises:
        NavigationNotAllowed: the Test is linear, and the question neither the current one nor the next.
    """
    if not live.is_linear or question.position == live.state.position:
        return None
    if question.position != live.state.position + 1:
        raise NavigationNotAllowed(position=live.state.position)
    return Presented(question.position)


def require_current(live: LiveAssessment, question: PaperQuestion) -> None:
    """Refuse what a linear Test allows for the current question alone.

    Raises:
        NavigationNotAllowed: it is another one.
    """
    if live.is_linear and question.position != live.state.position:
        raise NavigationNotAllowed(question_id=question.question_id, position=live.state.position)
