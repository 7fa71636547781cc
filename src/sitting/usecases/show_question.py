"""Show a question, and in a linear Test move on to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sitting.domain.errors import NavigationNotAllowed, QuestionNotFound, Unavailable
from sitting.domain.events import Presented
from sitting.domain.freezing import may_take_place, presented_instead
from sitting.domain.live import LiveAssessment
from sitting.domain.navigation import step_to, wanted_question
from sitting.domain.paper import PaperQuestion
from sitting.domain.proposal import Proposal
from sitting.questions.drawing import written_order
from sitting.storage.hub import Move, Moved
from sitting.storage.live_log import record
from sitting.storage.unit_of_work import Storage, UnitOfWork


async def show_question(
    storage: Storage,
    live: LiveAssessment,
    *,
    attachment: int,
    arrived_at: datetime,
    now: datetime,
    question_id: str | None = None,
    position: int | None = None,
) -> PaperQuestion:
    """The question of that id, else at that position, else the next one; a step of a linear Test is stored before.

    Where a question was written for the candidate and is ready, the step puts it into the paper; else the reserve that
    the paper holds is shown, and nobody waits.

    Args:
        live: moves on to what is stored. attachment: the caller's.
        arrived_at: of the frame that asks.

    Raises:
        QuestionNotFound: not in this paper. NavigationNotAllowed: neither the current one nor the next.
        AssessmentOver, DeadlinePassed: no question is shown any more.
        AttachmentStale: another connection has taken over, as far as `live` knows.
        Unavailable: the step is not stored; the same may be asked again.
    """
    asked = _Asked(attachment, arrived_at, now, question_id, position)
    if not live.is_linear:  # nothing to store, and nothing that others could have changed
        question, _ = asked.decide(live)
        return question
    try:
        return await _move_on(storage, live, asked)
    except (NavigationNotAllowed, QuestionNotFound):  # as far as is known here
        await storage.refresh(live)
        return await _move_on(storage, live, asked)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a candidate asks for; the fields are the arguments of `show_question`."""

    attachment: int
    arrived_at: datetime
    now: datetime
    question_id: str | None
    position: int | None

    def decide(self, live: LiveAssessment) -> tuple[PaperQuestion, Presented | None]:
        """The question that is meant, and the step that it takes."""
        live.state.require_attachment(self.attachment)
        question = live.deliver(wanted_question(live, self.question_id, self.position), self.arrived_at)
        return question, step_to(live, question)


async def _move_on(storage: Storage, live: LiveAssessment, asked: _Asked) -> PaperQuestion:
    if not live.blueprint.is_generated:
        return await record(storage, live, asked.attachment, lambda _: asked.decide(live), asked.now)
    if await _is_ready(storage, live, asked):
        return await _show_written(storage, live, asked)
    before = live.state.position
    question = await record(storage, live, asked.attachment, lambda _: asked.decide(live), asked.now)
    if live.state.position > before:  # whoever writes the next questions is to know
        storage.hub.publish(Moved(live.assessment_id, Move.STEP))
    return question


async def _is_ready(storage: Storage, live: LiveAssessment, asked: _Asked) -> bool:
    """Whether the step leads to a question that was written and waits there. If nobody can say, it does not."""
    if live.is_stale:
        await storage.refresh(live)
    question, step = asked.decide(live)
    if step is None or not live.is_undecided(question):
        return False
    try:
        return await storage.together(_ready_ones, (live.assessment_id, question.position), reading=True)
    except Unavailable:
        return False


async def _ready_ones(unit: UnitOfWork, places: Sequence[tuple[int, int]]) -> list[bool | Exception]:
    return [await unit.prepared.at(assessment_id, position) is not None for assessment_id, position in places]


async def _show_written(storage: Storage, live: LiveAssessment, asked: _Asked) -> PaperQuestion:
    """Step and paper in one transaction; whoever was faster has decided which question it is."""

    async def work(unit: UnitOfWork) -> tuple[LiveAssessment, PaperQuestion]:
        fresh = await unit.load(live.assessment_id)
        reserve, step = asked.decide(fresh)
        if step is not None:
            await _step(unit, fresh, reserve, step, asked.now)
        return fresh, fresh.paper.at_position(reserve.position)

    live.is_stale = True  # until it is known what is stored
    fresh, question = await storage.work(work)
    live.become(fresh)
    return question


async def _step(unit: UnitOfWork, live: LiveAssessment, reserve: PaperQuestion, step: Presented, now: datetime) -> None:
    written = await _written(unit, live, reserve)
    if written is None:
        await unit.append(live, step, now)
        return
    order = written_order(written.content, live.assessment.seed or "", reserve.position)
    await unit.exchange(live, presented_instead(live, reserve, written, order), written.content, now)


async def _written(unit: UnitOfWork, live: LiveAssessment, reserve: PaperQuestion) -> Proposal | None:
    """What takes the place of the reserve; None if that is shown."""
    ready = await unit.prepared.at(live.assessment_id, reserve.position) if live.is_undecided(reserve) else None
    if ready is None:
        return None
    proposal = await unit.proposals.select(ready.question_id)
    return proposal if may_take_place(live, proposal) else None
