"""Have a question ready for a place of somebody's paper, before it comes up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

from sitting.domain.errors import Conflict
from sitting.domain.freezing import require_place, require_usable
from sitting.domain.question import QuestionContent
from sitting.domain.run import Lease
from sitting.questions.gates.near_duplicate import QuestionIndex
from sitting.questions.gates.settings import DEFAULTS
from sitting.storage.unit_of_work import Storage, UnitOfWork


async def prepare_question(
    storage: Storage,
    *,
    assessment_id: int,
    position: int,
    question_id: str,
    now: datetime,
    lease: Lease | None = None,
    least: float = DEFAULTS.duplicate_similarity,
) -> None:
    """Have a question that was written shown at that position, unless the candidate is there before.

    Doing it again changes nothing.

    Args:
        question_id: of a proposal. lease: of the run that does it; None: nobody else does.
        least: how similar, from 0 to 1, is nearly the same.

    Raises:
        AssessmentNotFound, AssessmentOver: there is none that goes on.
        NotFound: no such question was written. QuestionNotFound: the paper has no such position.
        Conflict: the place takes no such question (any more), or has one already; a reviewer did not take the question
            as it is; it was written for somebody else; or the paper, or what else is ready for it, holds one that says
            nearly the same.
        LeaseLost: another node has the run, or it is over. Unavailable: the database failed; nothing is stored.
    """
    async with storage.reading() as unit:
        content, others = await _compared(unit, assessment_id, position, question_id)
    await asyncio.to_thread(_require_another, others, content, least)  # a long paper takes its time

    async def work(unit: UnitOfWork) -> None:
        if lease is not None:
            await unit.runs.hold(lease)
        require_place(await unit.load(assessment_id), position, question_id, content)
        if await unit.prepared.put(assessment_id, position, question_id, now=now):
            return
        ready = await unit.prepared.at(assessment_id, position)
        if ready is None or ready.question_id != question_id:
            raise Conflict("Another question is ready for this place, or this one for another.", position=position)

    await storage.work(work)


async def _compared(
    unit: UnitOfWork, assessment_id: int, position: int, question_id: str
) -> tuple[QuestionContent, dict[str, QuestionContent]]:
    """The question, and by question_id what it must differ from: the rest of the paper, and what is ready for that."""
    live, proposal = await unit.load(assessment_id), await unit.proposals.select(question_id)
    require_usable(proposal)
    if (await unit.runs.select(proposal.run_id)).assessment_id not in (None, assessment_id):
        raise Conflict("This question was written for somebody else.", question_id=question_id)
    require_place(live, position, question_id, proposal.content)
    others = {q.question_id: q.content for q in live.paper.questions if q.position != position}
    for place, each in (await unit.prepared.of_assessment(assessment_id)).items():
        if place != position:
            others[each.question_id] = (await unit.proposals.select(each.question_id)).content
    return proposal.content, others


def _require_another(others: Mapping[str, QuestionContent], content: QuestionContent, least: float) -> None:
    index = QuestionIndex()
    for question_id, other in others.items():
        index.add(question_id, other)
    similar = index.search(content, least=least)
    if similar:
        raise Conflict("The paper holds a question that says nearly the same.", question_id=similar[0].question_id)
