"""When a question that was written for the candidate becomes a part of their paper, and which may."""

from __future__ import annotations

from sitting.domain.errors import AssessmentOver, Conflict
from sitting.domain.events import Presented, SlotQuestion
from sitting.domain.live import LiveAssessment
from sitting.domain.paper import PaperQuestion
from sitting.domain.proposal import Proposal, ProposalState
from sitting.domain.question import QuestionContent

USABLE = (ProposalState.WAITING, ProposalState.ACCEPTED)


def presented_instead(
    live: LiveAssessment, reserve: PaperQuestion, proposal: Proposal, option_order: tuple[str, ...]
) -> Presented:
    """The entry by which that question is shown in the place of its reserve.

    Where the Test says that such questions do not count, the slot is worth nothing from here on.
    """
    generated = live.blueprint.generated_in(reserve.section)
    counts = generated is None or generated.is_scored
    question = SlotQuestion(proposal.question_id, proposal.content_digest, option_order, None if counts else 0)
    return Presented(reserve.position, question, reserve.as_slot(points=None if counts else reserve.points))


def may_take_place(live: LiveAssessment, proposal: Proposal) -> bool:
    """Whether nothing has come up since it was made ready."""
    return proposal.state in USABLE and proposal.question_id not in live.paper.by_id


def require_usable(proposal: Proposal) -> None:
    """Refuse what a reviewer did not take as it is.

    Raises:
        Conflict: it was rejected, or taken in another wording.
    """
    if proposal.state not in USABLE:
        raise Conflict("A reviewer did not take this question as it is.", question_id=proposal.question_id)


def require_place(live: LiveAssessment, position: int, question_id: str, content: QuestionContent) -> PaperQuestion:
    """The reserve whose place that question may take.

    Raises:
        AssessmentOver: it ended. QuestionNotFound: there is no such position.
        Conflict: the slot takes no question that is written, has been shown already, or asks for another skill; or the
            paper holds that very question.
    """
    if live.state.is_over:
        raise AssessmentOver()
    reserve = live.paper.at_position(position)
    if live.blueprint.generated_in(reserve.section) is None:
        raise Conflict("No question is written for this place.", position=position)
    if not live.is_undecided(reserve):
        raise Conflict("What stands at this place has been shown.", position=position)
    if content.skill != reserve.content.skill:
        raise Conflict("This question is about another skill.", position=position, skill=reserve.content.skill)
    if question_id in live.paper.by_id:
        raise Conflict("The paper holds this question already.", position=position, question_id=question_id)
    return reserve
