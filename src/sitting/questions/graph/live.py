"""The live run: writes a candidate's next questions while they answer, and stays a few ahead of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import StateGraph

from sitting.domain.question import Difficulty
from sitting.questions.graph.asking import Ask, asker
from sitting.questions.graph.driving import GraphRun
from sitting.questions.graph.nodes_checking import check, run_code, solve
from sitting.questions.graph.nodes_leaving import look_in_bank, next_work, proposals, why_not
from sitting.questions.graph.nodes_writing import repair, told, write
from sitting.questions.graph.state import End, Order, Saved, Status, Work, load, saved
from sitting.questions.graph.tools import Candidate, LiveTools, Tally
from sitting.questions.graph.wiring import add_node, connect
from sitting.questions.wishes import LiveWish, Slot

SURE = 2
"""So many more right answers than wrong ones, or the other way round, move the difficulty."""


class GivenUp(msgspec.Struct, frozen=True):
    """A slot that the bank serves, and why."""

    position: int
    reason: str


class Live(msgspec.Struct, frozen=True):
    """How far a live run is.

    Attributes:
        prepared: the positions for which something is. given_up: those that it leaves to the bank.
        trouble: why the model was not asked for a while, the last time that this was so; empty if it never was.
    """

    prepared: tuple[int, ...] = ()
    given_up: tuple[GivenUp, ...] = ()
    trouble: str = ""


def initialize_assessment_graph(
    assessment_id: int,
    slots: Sequence[Slot],
    tools: LiveTools,
    saver: BaseCheckpointSaver[Any],
    *,
    run_id: str,
    uses_answers: bool = True,
) -> GraphRun:
    """The live run of an assessment, where its saver has left it; nothing happens before `advance`.

    It belongs to the assessment and not to a connection, since those die.
    """
    wish = LiveWish(assessment_id, tuple(slots), uses_answers=uses_answers)
    return GraphRun(build_live_graph(tools).compile(checkpointer=saver), run_id, saved(wish))


def build_live_graph(tools: LiveTools) -> StateGraph[Saved, None, Saved, Saved]:
    """The graph, to be compiled with a saver."""
    graph: StateGraph[Saved, None, Saved, Saved] = StateGraph(Saved)
    ask = asker(tools)
    nodes = {
        "next_slot": next_slot,
        "look_in_bank": look_in_bank,
        "write": write,
        "check": check,
        "solve": solve,
        "run_code": run_code,
        "repair": repair,
        "prepare": prepare,
    }
    for name, node in nodes.items():
        add_node(graph, name, node, tools, ask)
    connect(graph, first="next_slot", leaving="prepare", again="next_slot")
    return graph


async def next_slot(tools: LiveTools, ask: Ask, state: Saved) -> Saved:
    """The nearest slot before the candidate that has nothing yet; none within reach parks the run."""
    wish = load(state.get("wish"), LiveWish)
    plan = load(state.get("plan"), Live)
    work = load(state.get("work"), Work)
    candidate = await tools.candidate()
    open_slots = _open(wish, plan, candidate)
    if not open_slots:
        work = msgspec.structs.replace(work, order=None, end=_end(plan))
    elif open_slots[0].position > candidate.position + wish.ahead:
        work = msgspec.structs.replace(work, order=None, end=End(Status.PARKED, "far enough ahead of the candidate"))
    else:
        work = Work(order=_order(open_slots[0], candidate, wish), in_vain=work.in_vain)
    await tools.tell(told("next_slot", work))
    return {"plan": saved(plan), "work": saved(work)}


def _open(wish: LiveWish, plan: Live, candidate: Candidate) -> list[Slot]:
    """The slots that something may still be written for, the nearest first."""
    if candidate.is_over:
        return []
    done = {*plan.prepared, *(each.position for each in plan.given_up)}
    slots = [slot for slot in wish.slots if slot.position > candidate.position and slot.position not in done]
    return sorted(slots, key=lambda slot: slot.position)


def _order(slot: Slot, candidate: Candidate, wish: LiveWish) -> Order:
    tally = (candidate.tallies or {}).get(slot.skill, Tally()) if wish.uses_answers else Tally()
    return Order(
        key=str(slot.position),
        skill=slot.skill,
        difficulty=difficulty_for(slot, tally),
        depth=slot.depth,
        parents=slot.parents,
        sub_skills=slot.sub_skills,
        position=slot.position,
        right=tally.right,
        wrong=tally.wrong,
        for_candidate=True,
    )


def difficulty_for(slot: Slot, tally: Tally) -> Difficulty:
    """What to ask after these answers about the skill: a step up or down if they are clear, within what is allowed."""
    ladder = [each for each in Difficulty if each in slot.allowed]
    if slot.difficulty not in ladder:
        return slot.difficulty
    step = (tally.right - tally.wrong >= SURE) - (tally.wrong - tally.right >= SURE)
    return ladder[min(max(ladder.index(slot.difficulty) + step, 0), len(ladder) - 1)]


async def prepare(tools: LiveTools, ask: Ask, state: Saved) -> Saved:
    """What passed every gate takes the slot; otherwise the bank serves there."""
    plan = load(state.get("plan"), Live)
    work = load(state.get("work"), Work)
    assert work.order is not None
    position = work.order.position
    leaving = proposals(work)[:1]
    reason = "" if leaving else why_not(work)
    if leaving and not await tools.prepare(position, leaving[0]):
        reason = "too late: the candidate was there before"
    if reason:
        plan = msgspec.structs.replace(plan, given_up=(*plan.given_up, GivenUp(position, reason[:200])))
    else:
        plan = msgspec.structs.replace(plan, prepared=(*plan.prepared, position))
    work = next_work(work, len(leaving), None)
    if work.end is not None and work.end.may_pass:
        plan = msgspec.structs.replace(plan, trouble=work.end.reason)
        is_last = not _open(load(state.get("wish"), LiveWish), plan, await tools.candidate())
        work = Work(end=_end(plan) if is_last else End(Status.PARKED, work.end.reason))
    await tools.tell(told("prepare", work, reason))
    return {"plan": saved(plan), "work": saved(work)}


def _end(plan: Live) -> End:
    """A model that was ill for a while, and brought nothing else, is why the bank has served."""
    if plan.trouble and not plan.prepared:
        return End(Status.BANK_SERVES, plan.trouble)
    return End(Status.DONE, f"{len(plan.prepared)} questions prepared, {len(plan.given_up)} left to the bank")
