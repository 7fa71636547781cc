"""The review queue: questions that runs wrote, and what becomes of each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from sitting.api.fields import EntityId, QuestionPath, Text
from sitting.api.idempotency import IdempotentRoute
from sitting.api.pagination import Page, Paged
from sitting.api.places import cursor_of, place_of
from sitting.api.problems import refusals
from sitting.api.proposal_bodies import Decision, EditedProposal, ShownProposal, shown_proposal
from sitting.api.security import Now, Parts, require
from sitting.domain.errors import Conflict, NotFound
from sitting.domain.proposal import ProposalState
from sitting.domain.run import RunKind
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.storage.repositories.proposals import ProposalFilter
from sitting.usecases.accept_proposal import accept_proposal
from sitting.usecases.edit_proposal import edit_proposal
from sitting.usecases.reject_proposal import reject_proposal

router = APIRouter(prefix="/proposals", tags=["questions by a model"], route_class=IdempotentRoute)

Reader = Annotated[Identity, require(Action.READ_BANK)]
Reviewer = Annotated[Identity, require(Action.REVIEW_QUESTIONS)]


async def _wanted(
    state: ProposalState | None = None,
    run_id: Annotated[Text | None, Query(max_length=64)] = None,
    test_id: Annotated[EntityId | None, Query()] = None,
    skill: Annotated[Text | None, Query(max_length=200)] = None,
    kind: Annotated[RunKind | None, Query(description="of the run that wrote them")] = None,
) -> ProposalFilter:
    return ProposalFilter(state, run_id, test_id, skill, kind)


@router.get("", responses=refusals())
async def list_proposals(
    services: Parts, window: Paged, _who: Reader, wanted: Annotated[ProposalFilter, Depends(_wanted)]
) -> Page[ShownProposal]:
    """Proposed questions, the oldest first, narrowed by whatever is given; `state=waiting` is the queue."""
    async with services.storage.reading() as unit:
        rows = await unit.proposals.list_page(limit=window.rows, after=place_of(window.after), wanted=wanted)
    return window.page(rows, lambda each: cursor_of(each.created_at, each.question_id), shown_proposal)


@router.get("/{question_id}", responses=refusals(NotFound))
async def read_proposal(services: Parts, question_id: QuestionPath, _who: Reader) -> ShownProposal:
    """A proposed question, with where it comes from and what each gate said, also after it was decided."""
    async with services.storage.reading() as unit:
        return shown_proposal(await unit.proposals.select(question_id))


@router.post("/{question_id}/accept", responses=refusals(NotFound, Conflict))
async def accept(
    services: Parts, now: Now, question_id: QuestionPath, who: Reviewer, body: Decision | None = None
) -> ShownProposal:
    """Take it into the bank as it is, as a question of the same id."""
    note = body.note if body else None
    accepted = await accept_proposal(services.storage, services.gates, question_id, note=note, by=who.user_id, now=now)
    return shown_proposal(accepted)


@router.post("/{question_id}/edit", responses=refusals(NotFound, Conflict))
async def edit(
    services: Parts, now: Now, question_id: QuestionPath, who: Reviewer, body: EditedProposal
) -> ShownProposal:
    """Take it into the bank in this wording, if that passes the deterministic gates.

    A refusal has what failed in `details.verdicts`. The tag `gate-ok:GATE` overrules a gate.
    """
    edited = await edit_proposal(
        services.storage,
        services.bank,
        question_id,
        body.question.to_draft(),
        note=body.note,
        by=who.user_id,
        now=now,
    )
    return shown_proposal(edited)


@router.post("/{question_id}/reject", responses=refusals(NotFound, Conflict))
async def reject(
    services: Parts, now: Now, question_id: QuestionPath, who: Reviewer, body: Decision | None = None
) -> ShownProposal:
    """Keep it out of the bank."""
    note = body.note if body else None
    return shown_proposal(await reject_proposal(services.storage, question_id, note=note, by=who.user_id, now=now))
