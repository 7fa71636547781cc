"""How functions of ours become the nodes of a graph, and which way it goes from one to the next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from langgraph.graph import END, START, StateGraph

from sitting.questions.graph.asking import Ask
from sitting.questions.graph.nodes_checking import after_gates, after_writing
from sitting.questions.graph.state import Saved, Work, load
from sitting.questions.graph.tools import Tools

AnyTools = TypeVar("AnyTools", bound=Tools)


def add_node(
    graph: StateGraph[Saved, None, Saved, Saved],
    name: str,
    node: Callable[[AnyTools, Ask, Saved], Awaitable[Saved]],
    tools: AnyTools,
    ask: Ask,
) -> None:
    """Add a node that gets the tools, the way to ask, and all channels; it returns those that it changes."""

    async def run(state: Saved) -> Saved:
        return await node(tools, ask, state)

    graph.add_node(name, run)


def connect(graph: StateGraph[Saved, None, Saved, Saved], *, first: str, leaving: str, again: str) -> None:
    """The way of an order through either graph.

    Args:
        first: the node that finds the first order. leaving: the one behind which its items are elsewhere.
        again: where it goes on from there, unless the run is over.
    """
    graph.add_edge(START, first)
    graph.add_conditional_edges(first, _after_an_order, {"go on": "look_in_bank", "end": END})
    graph.add_edge("look_in_bank", "write")
    graph.add_conditional_edges("write", after_writing, {"check": "check", "leave": leaving})
    graph.add_edge("check", "solve")
    graph.add_edge("solve", "run_code")
    graph.add_conditional_edges("run_code", after_gates, {"repair": "repair", "leave": leaving})
    graph.add_edge("repair", "check")
    graph.add_conditional_edges(leaving, _after_an_order, {"go on": again, "end": END})


def _after_an_order(state: Saved) -> str:
    return "go on" if load(state.get("work"), Work).end is None else "end"
