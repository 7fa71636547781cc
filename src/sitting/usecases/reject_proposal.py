"""Keep a proposed question out of the bank."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.proposal import Proposal, ProposalState
from sitting.storage.unit_of_work import Storage


async def reject_proposal(
    storage: Storage, question_id: str, *, note: str | None, by: int | None, now: datetime
) -> Proposal:
    """Note that nobody is to get this question.

    Raises:
        NotFound: there is no such proposal. Conflict: it was decided before.
    """
    async with storage.unit_of_work() as unit:
        await unit.proposals.decide(question_id, ProposalState.REJECTED, by=by, now=now, note=note)
        return await unit.proposals.select(question_id)
