"""Drives the graph of one run as far as it goes now, from wherever its saver has left it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph

from sitting.questions.graph.state import End, Saved, Status, Work, load

MOST_STEPS = 100_000
"""Of one `advance`; beyond what the largest skill graph takes."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands once its graph has stopped.

    Attributes:
        reason: a sentence for staff.
        plan: how far it is: `Authoring` or `Live`, as JSON can hold it.
    """

    status: Status
    reason: str
    plan: dict[str, Any]


@dataclass(frozen=True, slots=True)
class GraphRun:
    """A compiled graph and the run that it is to drive; `wish` counts only for a run that has not begun."""

    graph: CompiledStateGraph[Saved, None, Saved, Saved]
    run_id: str
    wish: dict[str, Any]

    async def advance(self) -> Standing:
        """Go on until the run is parked or over. One that is over stays as it is.

        Raises:
            Exception: whatever a tool has raised; another `advance`, by anybody with this saver, goes on from there.
        """
        config: RunnableConfig = {"configurable": {"thread_id": self.run_id}, "recursion_limit": MOST_STEPS}
        before = await self.graph.aget_state(config)
        if before.created_at is None:
            given: Saved | None = {"wish": self.wish, "plan": {}, "work": {}}
        elif before.tasks:  # not `next`, which leaves out those whose results are kept already
            given = None
        elif _end(before.values).status is not Status.PARKED:
            return _standing(before.values)
        else:
            given = {"woken": "yes"}
        return _standing(await self.graph.ainvoke(given, config, durability="sync"))


def _standing(values: dict[str, Any]) -> Standing:
    end = _end(values)
    return Standing(end.status, end.reason, values.get("plan") or {})


def _end(values: dict[str, Any]) -> End:
    end = load(values.get("work"), Work).end
    assert end is not None
    return end
