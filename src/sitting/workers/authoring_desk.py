"""What the nodes of an authoring run do in the world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sitting.domain.question import Difficulty
from sitting.domain.skill_graph import visits
from sitting.questions.graph.tools import AuthoringTools, Proposal
from sitting.questions.provider import Answer, Question
from sitting.questions.wishes import AuthoringWish
from sitting.workers.run_desk import Desk

Stock = Mapping[tuple[str, Difficulty], int]


def authoring_tools(desk: Desk, wish: AuthoringWish) -> AuthoringTools:
    """The tools of the graph, for the run that is on that desk."""

    async def ask(question: Question[Any]) -> Answer[Any]:
        async with desk.shop.authoring_turns:
            return await desk.ask(question)

    async def stock() -> Stock:
        async with desk.storage.reading() as unit:
            counted = await unit.questions.skills()
        found = {(each.skill, difficulty): count for each in counted for difficulty, count in each.questions.items()}
        desk.progress.wanted = missing(wish, found)
        return found

    async def hand_in(proposal: Proposal) -> None:
        await desk.hand_in(proposal)

    return AuthoringTools(
        ask=ask,
        stems=desk.stems,
        judge=desk.judge,
        check_code=desk.check_code,
        tell=desk.progress.tell,
        solve=desk.shop.model.solve,
        gates=desk.shop.services.gates,
        same_meaning=desk.comparing(),
        stock=stock,
        hand_in=hand_in,
    )


def missing(wish: AuthoringWish, stock: Stock) -> int:
    """How many questions the bank lacks of what is wanted."""
    wanted = ((visit.skill, difficulty, count) for visit in visits(wish.graph) for difficulty, count in visit.wanted)
    return sum(max(0, count - stock.get((skill, difficulty), 0)) for skill, difficulty, count in wanted)
