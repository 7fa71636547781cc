"""Hand in a question that a run has written and checked."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.proposal import NewProposal, ProposalState
from sitting.domain.run import Lease
from sitting.kit.ids import derived_id
from sitting.storage.repositories.questions import shown_media
from sitting.storage.turns import Urgency
from sitting.storage.unit_of_work import Storage
from sitting.usecases.create_question import QUESTION_ID_LENGTH
from sitting.usecases.taking import take_into_bank


def question_id_of(run_id: str, key: str) -> str:
    """The id of the question that a run hands in under that key: the same each time that it does so."""
    return derived_id("q", QUESTION_ID_LENGTH, f"{run_id}/{key}")


async def hand_in_question(storage: Storage, lease: Lease, new: NewProposal, *, accept: bool, now: datetime) -> None:
    """Put a question before the reviewers, or right into the bank. Doing it again changes nothing.

    One that shows an image waits for a reviewer in any case, since no model has stored any.

    Args:
        accept: nobody has to look at it.

    Raises:
        LeaseLost: another node has the run, or it is over; nothing is stored.
        Unavailable: the database failed.
    """
    async with storage.unit_of_work(Urgency.LATER) as unit:
        await unit.runs.hold(lease)
        await unit.proposals.insert_many([new], now=now)
        stored = await unit.proposals.select(new.question_id)
        if accept and stored.state is ProposalState.WAITING and not shown_media(stored.content):
            await take_into_bank(unit, new.question_id, None, ProposalState.ACCEPTED, by=None, now=now)
