"""The authoring run: items for all that a skill graph asks for and the bank has not got, before the reviewers."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from langgraph.graph import StateGraph

from sitting.domain.question import Difficulty
from sitting.domain.skill_graph import Skill, SkillGraph, visits, walk
from sitting.questions.graph.asking import Ask, asker
from sitting.questions.graph.nodes_checking import check, run_code, solve
from sitting.questions.graph.nodes_leaving import look_in_bank, next_work, proposals, why_not
from sitting.questions.graph.nodes_writing import repair, told, write
from sitting.questions.graph.state import End, Order, Saved, Status, Work, load, saved
from sitting.questions.graph.tools import AuthoringTools
from sitting.questions.graph.wiring import add_node, connect
from sitting.questions.wishes import AuthoringWish

WRITE_AT_ONCE = 5
"""Items of one call: more are more alike, and an answer that is cut off costs them all."""
MOST_TRIES = 2
"""Orders for one skill and difficulty that bring fewer items than they ask for."""


class Want(msgspec.Struct, frozen=True):
    """So many items are missing; `tries` counts the orders that brought too few."""

    skill: str
    difficulty: Difficulty
    count: int
    tries: int = 0


class Authoring(msgspec.Struct, frozen=True):
    """How far an authoring run is.

    Attributes:
        number: of orders so far. todo: in the order of the visits; the first is being written.
        missing: what could not be had. reasons: why, of the latest few.
    """

    number: int = 0
    handed_in: int = 0
    todo: tuple[Want, ...] = ()
    missing: tuple[Want, ...] = ()
    reasons: tuple[str, ...] = ()


def build_authoring_graph(tools: AuthoringTools) -> StateGraph[Saved, None, Saved, Saved]:
    """The graph, to be compiled with a saver; `GraphRun` drives it."""
    graph: StateGraph[Saved, None, Saved, Saved] = StateGraph(Saved)
    ask = asker(tools)
    nodes = {
        "plan": plan,
        "look_in_bank": look_in_bank,
        "write": write,
        "check": check,
        "solve": solve,
        "run_code": run_code,
        "repair": repair,
        "hand_in": hand_in,
    }
    for name, node in nodes.items():
        add_node(graph, name, node, tools, ask)
    connect(graph, first="plan", leaving="hand_in", again="look_in_bank")
    return graph


async def plan(tools: AuthoringTools, ask: Ask, state: Saved) -> Saved:
    """What is missing: what the visits of the skill graph want, less what the bank has."""
    wish = load(state.get("wish"), AuthoringWish)
    found = Authoring(todo=tuple(_wanted(wish.graph, await tools.stock())))
    work = _begun(Work(order=_order(found, wish)), found)
    await tools.tell(told("plan", work))
    return {"plan": saved(found), "work": saved(work)}


def _wanted(graph: SkillGraph, stock: Mapping[tuple[str, Difficulty], int]) -> list[Want]:
    return [
        Want(visit.skill, difficulty, count - stock.get((visit.skill, difficulty), 0))
        for visit in visits(graph)
        for difficulty, count in visit.wanted
        if count > stock.get((visit.skill, difficulty), 0)
    ]


def _order(plan: Authoring, wish: AuthoringWish) -> Order | None:
    """The next order; None if there is nothing more to write."""
    if not plan.todo:
        return None
    want = plan.todo[0]
    skill, parents = next(found for found in walk(wish.graph.skills) if found[0].name == want.skill)
    return Order(
        key=str(plan.number),
        skill=skill.name,
        difficulty=want.difficulty,
        count=min(WRITE_AT_ONCE, want.count),
        depth=skill.depth,
        parents=parents,
        sub_skills=_parts(skill),
        about=wish.about.get(skill.name, ""),
    )


def _parts(skill: Skill) -> tuple[str, ...]:
    return tuple(part.name for part in skill.skills)


async def hand_in(tools: AuthoringTools, ask: Ask, state: Saved) -> Saved:
    """What passed every gate goes to the reviewers; then the next order begins."""
    wish = load(state.get("wish"), AuthoringWish)
    plan = load(state.get("plan"), Authoring)
    work = load(state.get("work"), Work)
    leaving = proposals(work, accept=wish.accept)
    for proposal in leaving:
        await tools.hand_in(proposal)
    plan = _after(plan, work, len(leaving))
    work = _begun(next_work(work, len(leaving), _order(plan, wish)), plan)
    await tools.tell(told("hand_in", work))
    return {"plan": saved(plan), "work": saved(work)}


def _after(plan: Authoring, work: Work, used: int) -> Authoring:
    """The plan, once so many items of its first want have left."""
    assert work.order is not None
    want, *rest = plan.todo
    short = used < work.order.count
    want = msgspec.structs.replace(want, count=want.count - used, tries=want.tries + short)
    is_over = not want.count or want.tries >= MOST_TRIES
    return Authoring(
        number=plan.number + 1,
        handed_in=plan.handed_in + used,
        todo=tuple(rest) if is_over else (want, *rest),
        missing=(*plan.missing, want) if is_over and want.count else plan.missing,
        reasons=(*plan.reasons, f"{want.skill}: {why_not(work)}")[-5:] if short else plan.reasons,
    )


def _begun(work: Work, plan: Authoring) -> Work:
    """The work, ended if there is nothing more to do."""
    if work.end is not None or work.order is not None:
        return work
    missing = sum(want.count for want in plan.missing)
    sentence = f"{plan.handed_in} items handed in" + (f", {missing} could not be had" if missing else "")
    return msgspec.structs.replace(work, end=End(Status.DONE, sentence))
