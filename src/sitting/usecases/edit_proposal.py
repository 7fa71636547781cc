"""Take a proposed question into the bank in another wording."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sitting.domain.errors import Conflict, InvalidMessage
from sitting.domain.proposal import Proposal, ProposalState
from sitting.domain.question import QuestionContent
from sitting.questions.gates.verdict import Verdict
from sitting.storage.unit_of_work import Storage
from sitting.usecases.bank_index import BankIndex
from sitting.usecases.judging import failures, with_verdicts
from sitting.usecases.question_draft import QuestionDraft, content_of
from sitting.usecases.taking import take_into_bank


async def edit_proposal(
    storage: Storage,
    bank: BankIndex,
    question_id: str,
    draft: QuestionDraft,
    *,
    note: str | None,
    by: int | None,
    now: datetime,
) -> Proposal:
    """Ask the deterministic gates about the new wording, and make that a question of the bank.

    What a reviewer has looked at and wants all the same passes with the tag `gate-ok:…`. The proposal keeps the run's
    wording; what the gates say of the new one is added to its evidence.

    Raises:
        NotFound: there is no such proposal. Conflict: it was decided before.
        InvalidMessage: the question cannot be used, or a gate fails: `details.verdicts` says which and why.
    """
    async with storage.reading() as unit:
        proposal = await unit.proposals.select(question_id)
    if proposal.state is not ProposalState.WAITING:
        raise Conflict("This proposal was decided already.", question_id=question_id, state=proposal.state)
    content = content_of(draft, proposal.content.options)
    verdicts = await bank.judge(content, oldest=0)
    _require_sound(content, verdicts)
    changed = content.digest() != proposal.content_digest
    async with storage.unit_of_work() as unit:
        await take_into_bank(
            unit,
            question_id,
            content,
            ProposalState.EDITED if changed else ProposalState.ACCEPTED,
            by=by,
            now=now,
            note=note,
            evidence=with_verdicts(proposal.evidence, verdicts) if changed else None,
        )
        return await unit.proposals.select(question_id)


def _require_sound(content: QuestionContent, verdicts: Sequence[Verdict]) -> None:
    found = failures(content, verdicts)
    if found:
        raise InvalidMessage("This wording does not pass the gates.", verdicts=[each.as_data() for each in found])
