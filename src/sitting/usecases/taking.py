"""From the review queue into the bank: both sides of it in one transaction."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.proposal import ProposalState
from sitting.domain.question import QuestionContent, QuestionVersion
from sitting.storage.unit_of_work import UnitOfWork


async def take_into_bank(
    unit: UnitOfWork,
    question_id: str,
    content: QuestionContent | None,
    state: ProposalState,
    *,
    by: int | None,
    now: datetime,
    note: str | None = None,
    evidence: str | None = None,
) -> QuestionVersion:
    """Decide a proposal that waits, and make it a question under the id that it has.

    Args:
        content: the wording that the bank gets; None: the run's. state: `accepted` or `edited`.
        evidence: in the place of what there is; None leaves it.

    Raises:
        NotFound: there is no such proposal. Conflict: it was decided before.
        InvalidMessage: it shows an image that is not stored.
    """
    await unit.proposals.decide(question_id, state, by=by, now=now, note=note, evidence=evidence)
    content = content or (await unit.proposals.select(question_id)).content  # behind the lock: it may have been erased
    return await unit.questions.create(question_id, content, slug=None, by=by, now=now)
