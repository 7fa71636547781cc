"""Faults of the network: partitions between node and database, slow and disorderly wires, all sockets cut."""

from __future__ import annotations

import asyncio
import subprocess

from tests.faults.nemesis.faults import Fault, Scene
from tests.faults.nemesis.places import Places
from tests.faults.nemesis.proxy import Proxy

TABLE = "sitting_faults"


def network_faults(places: Places, *, alone: bool) -> list[Fault]:
    """All kinds; `alone`: this process has a network of its own, in which it may drop packets."""
    faults = [
        Fault("delay and jitter between clients and nodes", slow_doors, is_gentle=True),
        Fault("messages twice and in another order", disorder, is_gentle=True),
        Fault("all sockets cut: reconnect storm", cut_all, is_gentle=True),
        Fault("partition of clients and a node", silence_door, is_gentle=True),
    ]
    if places.postgres is None:
        return faults
    cannot = "" if alone and _filters() else "it needs root, network namespaces and nft"
    return [
        *faults,
        Fault("delay and jitter between node and database", slow_wire, is_gentle=True),
        Fault("partition of a node and the database (proxy)", silence_wire),
        Fault("partition of a node and the database (nftables)", drop_packets, cannot=cannot),
        Fault("connections of a node to the database cut", cut_wire),
    ]


def _wire(scene: Scene) -> tuple[int, Proxy]:
    node = scene.some_node()
    assert node.wire is not None
    return node.number, node.wire


async def slow_doors(scene: Scene) -> str:
    delay, jitter = scene.chance.uniform(0, 0.05), scene.chance.uniform(0, 0.1)
    doors = [node.door for node in scene.places.nodes]
    for door in doors:
        door.weather.delay, door.weather.jitter = delay, jitter
    await asyncio.sleep(scene.chance.uniform(2, 6))
    for door in doors:
        door.calm()
    return f"{delay * 1000:.0f} ms and up to {jitter * 1000:.0f} ms"


async def slow_wire(scene: Scene) -> str:
    number, wire = _wire(scene)
    wire.weather.delay, wire.weather.jitter = scene.chance.uniform(0, 0.02), scene.chance.uniform(0, 0.05)
    await asyncio.sleep(scene.chance.uniform(2, 6))
    wire.calm()
    return f"node {number}"


async def disorder(scene: Scene) -> str:
    doors = [node.door for node in scene.places.nodes]
    for door in doors:
        door.weather.repeats, door.weather.swaps = 0.2, 0.2
    await asyncio.sleep(scene.chance.uniform(3, 8))
    for door in doors:
        door.calm()
    return "a fifth of all"


async def cut_all(scene: Scene) -> str:
    return f"{sum(node.door.cut() for node in scene.places.nodes)} sockets"


async def silence_door(scene: Scene) -> str:
    door = scene.some_node().door
    return await _silence(door, scene.chance.uniform(2, 11))


async def silence_wire(scene: Scene) -> str:
    number, wire = _wire(scene)
    return f"node {number}, {await _silence(wire, scene.chance.uniform(2, 14))}"


async def _silence(proxy: Proxy, seconds: float) -> str:
    proxy.silence()
    try:
        await asyncio.sleep(seconds)
    finally:
        proxy.calm()
    return f"{seconds:.1f} s"


async def cut_wire(scene: Scene) -> str:
    number, wire = _wire(scene)
    return f"node {number}, {wire.cut()} connections"


async def drop_packets(scene: Scene) -> str:
    """Between the node and its wire to the database: packets vanish, in both directions."""
    number, wire = _wire(scene)
    seconds = scene.chance.uniform(2, 14)
    chain = f"inet {TABLE} input"
    await _nft(f"add table inet {TABLE}", f"add chain {chain} {{ type filter hook input priority 0; }}")
    await _nft(f"add rule {chain} tcp dport {wire.port} drop", f"add rule {chain} tcp sport {wire.port} drop")
    try:
        await asyncio.sleep(seconds)
    finally:
        await _nft(f"delete table inet {TABLE}")
    return f"node {number}, {seconds:.1f} s"


async def _nft(*commands: str) -> None:
    for command in commands:
        await asyncio.to_thread(subprocess.run, ["nft", command], check=True, capture_output=True, timeout=10)


def _filters() -> bool:
    """Whether packets can be dropped here."""
    try:
        for command in (f"add table inet {TABLE}", f"delete table inet {TABLE}"):
            subprocess.run(["nft", command], check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return False
    return True
