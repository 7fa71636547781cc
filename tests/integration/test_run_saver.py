"""Graphs go on where their checkpoints say, on any node: nothing is done again, and no dead node interferes."""

from __future__ import annotations

import asyncio
import operator
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import task
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from sitting.domain.run import Lease
from sitting.storage.checkpoints import RunSaver
from sitting.storage.errors import LeaseLost
from sitting.storage.graph_tables import run_checkpoints, run_writes
from sitting.storage.unit_of_work import Storage
from tests.support.clock import NOON
from tests.support.eventually import eventually_async
from tests.support.runs import LEASE, claim, run_at_work
from tests.support.storage import Nodes, execute, rows

LATER = NOON + LEASE


class Walk(TypedDict):
    """What the graph of these tests gathers."""

    answers: Annotated[list[str], operator.add]
    rounds: int


class Depth(StrEnum):
    SHALLOW = "shallow"


@dataclass(frozen=True)
class Noted:
    """A value of ours, as states hold them."""

    text: str
    depth: Depth


class Model:
    """Answers, and counts how often it was asked what. Whoever asks for `trouble` gets it, once."""

    def __init__(self, trouble: str = "") -> None:
        self.asked: Counter[str] = Counter()
        self.trouble = trouble
        self.reached = asyncio.Event()

    async def answer(self, question: str) -> str:
        self.asked[question] += 1
        if question == self.trouble:
            self.trouble = ""
            self.reached.set()
            raise ConnectionError("the line is dead")
        return f"answer to {question}"

    async def hang(self, question: str) -> str:
        """As `answer`, but trouble is that nothing comes."""
        self.asked[question] += 1
        if question == self.trouble:
            self.trouble = ""
            self.reached.set()
            await asyncio.Event().wait()
        return f"answer to {question}"


def graph_of(ask: Any, saver: BaseCheckpointSaver[Any]) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Two rounds of: a node that asks a, then b and c at once; and a node that asks d."""
    asking = task(ask)

    async def first(state: Walk) -> dict[str, Any]:
        round_ = state["rounds"]
        one = await asking(f"a{round_}")
        others = await asyncio.gather(asking(f"b{round_}"), asking(f"c{round_}"))
        return {"answers": [one, *others]}

    async def second(state: Walk) -> dict[str, Any]:
        return {"answers": [await asking(f"d{state['rounds']}")], "rounds": state["rounds"] + 1}

    graph = StateGraph(Walk)
    graph.add_node("first", first)
    graph.add_node("second", second)
    graph.add_edge(START, "first")
    graph.add_edge("first", "second")
    graph.add_conditional_edges("second", lambda state: END if state["rounds"] > 1 else "first")
    return graph.compile(checkpointer=saver)


WALKED = [f"answer to {letter}{round_}" for round_ in (0, 1) for letter in "abcd"]


def config_of(run_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": run_id}}


async def drive(ask: Any, saver: BaseCheckpointSaver[Any], run_id: str, *, fresh: bool = True) -> Any:
    start = {"answers": [], "rounds": 0} if fresh else None
    try:
        return await graph_of(ask, saver).ainvoke(start, config_of(run_id), durability="sync")
    finally:
        if isinstance(saver, RunSaver):
            await saver.wait_for_writes()


async def history(saver: BaseCheckpointSaver[Any], run_id: str) -> list[tuple[Any, ...]]:
    """Of each checkpoint, the newest first: why it was made, at which step, and what the state was."""
    return [
        (each.metadata["source"], each.metadata["step"], each.checkpoint["channel_values"].get("answers"))
        async for each in saver.alist(config_of(run_id))
    ]


async def taken_over(storage: Storage) -> Lease:
    """The lease of another node, once the one before has run out and is not just writing."""

    async def look() -> Lease:
        found = await claim(storage, "n_b", at=LATER)
        assert found
        return found[0].lease

    return await eventually_async(look)


# --- going on ---


async def test_graph_runs_as_it_does_in_memory(storage: Storage) -> None:
    lease = await run_at_work(storage)
    saver, memory = RunSaver(storage, lease), InMemorySaver()
    ours = await drive(Model().answer, saver, lease.run_id)
    assert ours == await drive(Model().answer, memory, lease.run_id)
    assert ours["answers"] == WALKED
    assert await history(saver, lease.run_id) == await history(memory, lease.run_id)


@pytest.mark.parametrize("question", [f"{letter}{round_}" for round_ in (0, 1) for letter in "abcd"])
async def test_run_that_failed_anywhere_goes_on_there_on_another_node(two_nodes: Nodes, question: str) -> None:
    lease = await run_at_work(two_nodes[0], "n_a")
    model = Model(question)
    with pytest.raises(ConnectionError):
        await drive(model.answer, RunSaver(two_nodes[0], lease), lease.run_id)
    saver = RunSaver(two_nodes[1], await taken_over(two_nodes[1]))
    ended = await drive(model.answer, saver, lease.run_id, fresh=False)
    assert (ended["answers"], ended["rounds"]) == (WALKED, 2)
    again = {asked for asked, times in model.asked.items() if times > 1}
    # b and c are under way together: where one fails, the other may have been cut off.
    assert again <= ({f"b{question[1]}", f"c{question[1]}"} if question[0] in "bc" else {question})
    assert model.asked[question] == 2


@pytest.mark.parametrize("question", ["a0", "c0", "d0", "b1"])
async def test_run_whose_node_vanished_goes_on_and_asks_again_only_what_was_under_way(
    two_nodes: Nodes, question: str
) -> None:
    lease = await run_at_work(two_nodes[0], "n_a")
    model = Model(question)
    vanished = RunSaver(two_nodes[0], lease)
    driving = asyncio.ensure_future(drive(model.hang, vanished, lease.run_id))
    async with asyncio.timeout(20):
        await model.reached.wait()
    saver = RunSaver(two_nodes[1], await taken_over(two_nodes[1]))
    ended = await drive(model.hang, saver, lease.run_id, fresh=False)
    driving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await driving
    assert (ended["answers"], ended["rounds"]) == (WALKED, 2)
    again = {asked for asked, times in model.asked.items() if times > 1}
    assert question in again
    assert again <= {question, f"b{question[1]}", f"c{question[1]}"}


async def test_failure_in_the_same_process_resumes_as_it_does_in_memory(storage: Storage) -> None:
    lease = await run_at_work(storage)
    for saver in (RunSaver(storage, lease), InMemorySaver()):
        model = Model("d0")
        with pytest.raises(ConnectionError):
            await drive(model.answer, saver, lease.run_id)
        assert (await drive(model.answer, saver, lease.run_id, fresh=False))["answers"] == WALKED
        assert {asked: times for asked, times in model.asked.items() if times > 1} == {"d0": 2}


async def test_graph_that_is_cancelled_leaves_no_write_under_way(storage: Storage) -> None:
    lease = await run_at_work(storage)
    saver, model = RunSaver(storage, lease), Model("c0")
    start = {"answers": [], "rounds": 0}
    graph = graph_of(model.hang, saver)
    driving = asyncio.ensure_future(graph.ainvoke(start, config_of(lease.run_id), durability="sync"))
    async with asyncio.timeout(20):
        await model.reached.wait()
    driving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await driving
    await saver.wait_for_writes()
    writing = [each for each in asyncio.all_tasks() if "aput" in repr(each.get_coro())]
    assert [each for each in writing if not each.done()] == []
    assert (await drive(model.hang, saver, lease.run_id, fresh=False))["answers"] == WALKED
    assert (model.asked["a0"], model.asked["c0"]) == (1, 2)


# --- leases ---


async def test_node_that_lost_its_lease_leaves_no_step_behind(two_nodes: Nodes) -> None:
    lease = await run_at_work(two_nodes[0], "n_a")
    model = Model("a0")
    frozen = RunSaver(two_nodes[0], lease)
    with pytest.raises(ConnectionError):
        await drive(model.answer, frozen, lease.run_id)
    saver = RunSaver(two_nodes[1], await taken_over(two_nodes[1]))
    before = await history(saver, lease.run_id), await rows(two_nodes[1], run_writes)
    with pytest.raises(LeaseLost):
        await drive(model.answer, frozen, lease.run_id, fresh=False)
    assert (await history(saver, lease.run_id), await rows(two_nodes[1], run_writes)) == before
    assert (await drive(model.answer, saver, lease.run_id, fresh=False))["answers"] == WALKED


async def test_saver_writes_for_its_own_run_alone(storage: Storage) -> None:
    lease, other = await run_at_work(storage), await run_at_work(storage)
    saver = RunSaver(storage, lease)
    with pytest.raises(ValueError, match="cannot write for"):
        await drive(Model().answer, saver, other.run_id)
    with pytest.raises(ValueError, match="cannot write for"):
        await saver.adelete_thread(other.run_id)
    assert await rows(storage, run_checkpoints) == []


# --- what is kept ---


async def put(saver: RunSaver, run_id: str, value: object, *, namespace: str = "", parent: str | None = None) -> str:
    """Store a checkpoint with that value in its state; returns its id."""
    checkpoint = empty_checkpoint() | {"channel_values": {"it": value}, "channel_versions": {"it": 1}}
    place = {"thread_id": run_id, "checkpoint_ns": namespace} | ({} if parent is None else {"checkpoint_id": parent})
    config: RunnableConfig = {"configurable": place}
    await saver.aput(config, checkpoint, {"source": "loop", "step": 1}, {"it": 1})
    return str(checkpoint["id"])


async def test_newest_is_what_was_written_last_whatever_the_clocks_of_nodes_say(two_nodes: Nodes) -> None:
    lease = await run_at_work(two_nodes[0])
    ahead = RunSaver(two_nodes[0], lease)
    first = await put(ahead, lease.run_id, "of the node whose clock is ahead")
    await execute(two_nodes[0], "UPDATE run_checkpoints SET checkpoint_id = 'ffffffff-ffff-6fff-bfff-ffffffffffff'")
    del first
    saver = RunSaver(two_nodes[1], await taken_over(two_nodes[1]))
    second = await put(saver, lease.run_id, "later")
    found = await saver.aget_tuple(config_of(lease.run_id))
    assert found is not None
    assert found.checkpoint["id"] == second


async def test_namespaces_parents_filters_and_limits(storage: Storage) -> None:
    lease = await run_at_work(storage)
    saver = RunSaver(storage, lease)
    one = await put(saver, lease.run_id, 1)
    within = await put(saver, lease.run_id, 2, namespace="within:1")
    two = await put(saver, lease.run_id, 3, parent=one)

    async def ids(config: RunnableConfig | None, **wanted: Any) -> list[str]:
        return [each.checkpoint["id"] async for each in saver.alist(config, **wanted)]

    whole = config_of(lease.run_id)
    root: RunnableConfig = {"configurable": {"thread_id": lease.run_id, "checkpoint_ns": ""}}
    exact: RunnableConfig = {"configurable": {"thread_id": lease.run_id, "checkpoint_ns": "", "checkpoint_id": two}}
    assert await ids(whole) == await ids(None) == [two, within, one]
    assert await ids(root) == [two, one]
    assert await ids(whole, limit=1) == [two]
    assert await ids(root, before=exact) == [one]
    assert await ids(exact) == [two]
    assert await ids(whole, filter={"step": 2}) == []
    assert await ids(whole, filter={"step": 1, "source": "loop"}, limit=2) == [two, within]
    found = await saver.aget_tuple(exact)
    assert found is not None
    assert found.parent_config is not None
    assert found.parent_config["configurable"]["checkpoint_id"] == one
    assert found.metadata["step"] == 1
    assert await saver.aget_tuple(config_of("r_nowhere")) is None
    await saver.adelete_thread(lease.run_id)
    assert await ids(whole) == []


async def test_writes_of_a_task_are_kept_once_and_errors_are_replaced(storage: Storage) -> None:
    lease = await run_at_work(storage)
    saver = RunSaver(storage, lease)
    place = {"thread_id": lease.run_id, "checkpoint_ns": "", "checkpoint_id": await put(saver, lease.run_id, 1)}
    config: RunnableConfig = {"configurable": place}
    for value in ("first", "second"):
        await saver.aput_writes(config, [("answers", value), ("rounds", value)], "t1", "~1")
        await saver.aput_writes(config, [("__error__", value)], "t2")
    found = await saver.aget_tuple(config)
    assert found is not None
    assert found.pending_writes == [
        ("t2", "__error__", "second"),
        ("t1", "answers", "first"),
        ("t1", "rounds", "first"),
    ]


# --- what may be kept ---


async def test_values_of_ours_come_back_as_they_were(storage: Storage) -> None:
    lease = await run_at_work(storage)
    saver = RunSaver(storage, lease, types=[Noted, Depth])
    value = {
        "noted": [Noted("Zoë 李 👩‍🔬", Depth.SHALLOW)],
        "at": NOON,
        "bytes": b"\x00\xff",
        "none": None,
        "big": 2**60,
    }
    await put(saver, lease.run_id, value)
    found = await saver.aget_tuple(config_of(lease.run_id))
    assert found is not None
    assert found.checkpoint["channel_values"]["it"] == value


async def test_type_that_is_not_known_is_not_made_when_it_is_read(storage: Storage) -> None:
    lease = await run_at_work(storage)
    await put(RunSaver(storage, lease, types=[Noted, Depth]), lease.run_id, Noted("text", Depth.SHALLOW))
    found = await RunSaver(storage, lease).aget_tuple(config_of(lease.run_id))
    assert found is not None
    assert not isinstance(found.checkpoint["channel_values"]["it"], Noted)


@pytest.mark.parametrize(
    "value",
    [
        Noted("text", Depth.SHALLOW),
        [{"depth": Depth.SHALLOW}],
        {"deep": ({"lock": asyncio.Lock()},)},
        Path("a/path"),
        {2**70},
    ],
    ids=["dataclass", "enum", "lock", "path", "beyond 64 bits"],
)
async def test_what_could_not_be_made_again_is_refused_when_it_is_written(storage: Storage, value: object) -> None:
    lease = await run_at_work(storage)
    with pytest.raises(TypeError):
        await put(RunSaver(storage, lease), lease.run_id, value)
    assert await rows(storage, run_checkpoints) == []


@pytest.mark.parametrize("encoding", ["pickle", "json"])
async def test_encoding_that_is_never_written_is_never_read(storage: Storage, encoding: str) -> None:
    lease = await run_at_work(storage)
    saver = RunSaver(storage, lease)
    await put(saver, lease.run_id, 1)
    await execute(storage, "UPDATE run_checkpoints SET encoding = :encoding", encoding=encoding)
    with pytest.raises(ValueError, match="not read as"):
        await saver.aget_tuple(config_of(lease.run_id))


def test_server_without_runs_does_not_load_langgraph() -> None:
    said = "import sys, sitting.app; print([name for name in sys.modules if name.startswith('lang')])"
    ended = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout, ended.stderr) == ("[]\n", "")
