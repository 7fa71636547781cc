"""Take a proposed question into the bank as it is."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.proposal import Proposal, ProposalState
from sitting.questions.gates.settings import GateSettings
from sitting.storage.unit_of_work import Storage
from sitting.usecases.judging import require_new
from sitting.usecases.taking import take_into_bank


async def accept_proposal(
    storage: Storage, gates: GateSettings, question_id: str, *, note: str | None, by: int | None, now: datetime
) -> Proposal:
    """Make it a question of the bank, under the id that it has.

    Raises:
        NotFound: there is no such proposal.
        Conflict: it was decided before, or the bank has got a question that says nearly the same.
    """
    async with storage.reading() as unit:
        proposal = await unit.proposals.select(question_id)
    if proposal.state is ProposalState.WAITING:
        await require_new(storage, proposal.content, gates)
    async with storage.unit_of_work() as unit:
        await take_into_bank(unit, question_id, None, ProposalState.ACCEPTED, by=by, now=now, note=note)
        return await unit.proposals.select(question_id)
