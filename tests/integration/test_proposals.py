"""What runs hand in: kept with its wording, decided once, prepared for a slot once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from sitting.domain.errors import Conflict, NotFound
from sitting.domain.proposal import PreparedQuestion, Proposal, ProposalState
from sitting.domain.run import RunKind
from sitting.storage.repositories.proposals import ProposalFilter
from sitting.storage.unit_of_work import Storage
from tests.support.builders import make_user, publish_test, seated
from tests.support.clock import NOON
from tests.support.runs import make_proposal, queue_run
from tests.support.storage import Nodes

LATER = NOON + timedelta(hours=1)


async def handed_in(storage: Storage, *, number: int = 1, run_id: str | None = None) -> Proposal:
    """A proposal that waits, of a run of its own if no other is named."""
    run_id = run_id or (await queue_run(storage)).run_id
    async with storage.unit_of_work() as unit:
        await unit.proposals.insert_many([make_proposal(run_id, number)], now=NOON)
        return await unit.proposals.select(f"q_new{number}")


async def test_proposal_keeps_its_wording_its_lineage_and_its_evidence(storage: Storage) -> None:
    run = await queue_run(storage)
    new = make_proposal(run.run_id)
    found = await handed_in(storage, run_id=run.run_id)
    assert (found.content, found.content_digest) == (new.content, new.content.digest())
    assert (found.run_id, found.lineage, found.evidence) == (run.run_id, new.lineage, new.evidence)
    assert (found.state, found.created_at, found.decided_at) == (ProposalState.WAITING, NOON, None)
    async with storage.reading() as unit:
        with pytest.raises(NotFound):
            await unit.proposals.select("q_nowhere")


async def test_handing_in_again_changes_nothing(storage: Storage) -> None:
    first = await handed_in(storage)
    async with storage.unit_of_work() as unit:
        await unit.proposals.decide(first.question_id, ProposalState.ACCEPTED, by=None, now=LATER)
        again = replace(make_proposal(first.run_id, text="Another wording?"), question_id=first.question_id)
        await unit.proposals.insert_many([again, make_proposal(first.run_id, 2)], now=LATER)
        await unit.proposals.insert_many([], now=LATER)
    async with storage.reading() as unit:
        found = await unit.proposals.select(first.question_id)
        assert (found.content, found.state, found.created_at) == (first.content, ProposalState.ACCEPTED, NOON)
        assert (await unit.proposals.select("q_new2")).created_at == LATER


async def test_proposals_come_in_pages_oldest_first_as_they_are_wanted(storage: Storage) -> None:
    test = await publish_test(storage)
    run = await queue_run(storage, test_id=test.test_id)
    other = await queue_run(storage)
    async with storage.unit_of_work() as unit:
        for number, at in ((3, NOON), (1, LATER), (2, LATER)):
            await unit.proposals.insert_many([make_proposal(run.run_id, number)], now=at)
        await unit.proposals.insert_many([make_proposal(other.run_id, 4, skill="SQL")], now=LATER)
        await unit.proposals.decide("q_new2", ProposalState.REJECTED, by=None, now=LATER)

    async def ids(wanted: ProposalFilter | None = None) -> list[str]:
        found: list[Proposal] = []
        async with storage.reading() as unit:
            while page := await unit.proposals.list_page(
                limit=1, after=(found[-1].created_at, found[-1].question_id) if found else None, wanted=wanted
            ):
                found += page
        return [each.question_id for each in found]

    assert await ids() == ["q_new3", "q_new1", "q_new4"]
    assert await ids(ProposalFilter(state=None)) == ["q_new3", "q_new1", "q_new2", "q_new4"]
    assert await ids(ProposalFilter(ProposalState.REJECTED)) == ["q_new2"]
    assert await ids(ProposalFilter(test_id=test.test_id)) == ["q_new3", "q_new1"]
    assert await ids(ProposalFilter(run_id=other.run_id)) == ["q_new4"]
    assert await ids(ProposalFilter(skill="SQL")) == ["q_new4"]


async def test_two_reviewers_decide_once(two_nodes: Nodes) -> None:
    proposal = await handed_in(two_nodes[0])
    reviewers = [(await make_user(two_nodes[0])).user_id for _ in range(2)]
    states = (ProposalState.ACCEPTED, ProposalState.REJECTED)

    async def decide(place: int) -> object:
        try:
            async with two_nodes[place].unit_of_work() as unit:
                await unit.proposals.decide(
                    proposal.question_id, states[place], by=reviewers[place], now=LATER, note=f"note {place}"
                )
        except Conflict as refused:
            return refused.details["state"]
        return place

    said = await asyncio.gather(decide(0), decide(1))
    (winner,) = [one for one in said if isinstance(one, int)]
    assert states[winner] in said
    async with two_nodes[0].reading() as unit:
        found = await unit.proposals.select(proposal.question_id)
    assert (found.state, found.decided_by, found.decided_at, found.note) == (
        states[winner],
        reviewers[winner],
        LATER,
        f"note {winner}",
    )


async def test_decision_about_nothing_is_refused(storage: Storage) -> None:
    async with storage.unit_of_work() as unit:
        with pytest.raises(NotFound):
            await unit.proposals.decide("q_nowhere", ProposalState.ACCEPTED, by=None, now=NOON)


async def test_slot_gets_one_question_and_a_question_one_slot(storage: Storage) -> None:
    assessment_id = (await seated(storage)).assessment_id
    run = await queue_run(storage, kind=RunKind.LIVE, assessment_id=assessment_id)
    first, second = [await handed_in(storage, number=number, run_id=run.run_id) for number in (1, 2)]
    async with storage.unit_of_work() as unit:
        assert await unit.prepared.put(assessment_id, 3, second.question_id, now=LATER)
        assert await unit.prepared.put(assessment_id, 2, first.question_id, now=NOON)
        assert not await unit.prepared.put(assessment_id, 2, second.question_id, now=LATER)
        assert not await unit.prepared.put(assessment_id, 4, first.question_id, now=LATER)
    expected = {
        2: PreparedQuestion(2, first.question_id, first.content_digest, NOON),
        3: PreparedQuestion(3, second.question_id, second.content_digest, LATER),
    }
    async with storage.reading() as unit:
        assert await unit.prepared.of_assessment(assessment_id) == expected
        assert await unit.prepared.at(assessment_id, 2) == expected[2]
        assert await unit.prepared.at(assessment_id, 4) is None
        assert await unit.prepared.of_assessment(assessment_id + 1) == {}
