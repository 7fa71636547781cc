"""Faults of nodes: killed at any moment or at a named point, stopped, frozen past a takeover."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import Any

from tests.faults.nemesis.crashing_sitting import POINTS
from tests.faults.nemesis.faults import Fault, NotReached, Scene
from tests.faults.nemesis.places import Node, until

REACHED_SECONDS = 6.0


def node_faults(nodes: int) -> list[Fault]:
    """All kinds for an installation of so many nodes."""
    faults = [
        Fault("kill -9 of a node", kill_one),
        Fault("SIGTERM of a node", terminate_one),
        Fault("SIGSTOP past takeovers, then SIGCONT", freeze),
        *(Fault(f"kill -9 at a point: {point}", partial(crash, point)) for point in POINTS),
    ]
    return [*faults, Fault("kill -9 of all nodes", kill_all)] if nodes > 1 else faults


@asynccontextmanager
async def unwanted(*nodes: Node) -> AsyncIterator[None]:
    """Nobody starts these nodes again until the end of the block."""
    for node in nodes:
        node.is_wanted = False
    try:
        yield
    finally:
        for node in nodes:
            node.is_wanted = True


def _outage(scene: Scene) -> Any:
    """One node down among several is none."""
    return scene.places.outage() if len(scene.places.nodes) == 1 else nullcontext()


async def kill_one(scene: Scene) -> str:
    node = scene.some_node()
    async with _outage(scene), unwanted(node), node.lock:
        await asyncio.to_thread(node.close)
        await asyncio.sleep(scene.chance.uniform(0, 2))
    return f"node {node.number}"


async def kill_all(scene: Scene) -> str:
    nodes = scene.places.nodes
    async with scene.places.outage(), unwanted(*nodes):
        await asyncio.gather(*(asyncio.to_thread(node.close) for node in nodes))
        await asyncio.sleep(scene.chance.uniform(0, 3))
    return f"{len(nodes)} nodes"


async def terminate_one(scene: Scene) -> str:
    node = scene.some_node()
    async with _outage(scene), unwanted(node), node.lock:
        if node.is_alive:
            await asyncio.to_thread(node.terminate, within=30)
    return f"node {node.number}"


async def freeze(scene: Scene) -> str:
    """Meanwhile some of those who were on it go on elsewhere, where there is an elsewhere."""
    node = scene.some_node()
    seconds = scene.chance.uniform(3, 9)
    async with _outage(scene):
        async with node.lock:
            if not node.is_alive:
                raise NotReached
            node.pause()
            try:
                moved = _move_away(scene, node)
                await asyncio.sleep(seconds)
            finally:
                node.resume()
        await asyncio.sleep(1)
    return f"node {node.number}, {seconds:.1f} s, {moved} taken over"


def _move_away(scene: Scene, node: Node) -> int:
    others = [each.number for each in scene.places.nodes if each is not node]
    moved = 0
    for sitting in list(scene.hall.running.values()) if others else ():
        if sitting.devices[-1].node == node.number and scene.chance.random() < 0.5:
            sitting.join(scene.chance.choice(others))
            moved += 1
    return moved


async def crash(point: str, scene: Scene) -> str:
    node = scene.some_node()

    async def is_dead() -> bool:
        return not node.is_alive

    async with _outage(scene), unwanted(node):
        node.crash_file.write_text(point)
        try:
            await until(is_dead, within=REACHED_SECONDS, every=0.02)
        except TimeoutError:
            raise NotReached from None
        finally:
            node.crash_file.unlink()
    return f"node {node.number}"
