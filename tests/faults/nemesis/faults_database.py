"""Faults of the database: PostgreSQL killed, stopped and restarted; a full disk; fsync that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.nemesis.faults import Fault, NotReached, Scene
from tests.faults.nemesis.places import Places, Postgres


def database_faults(places: Places) -> list[Fault]:
    """All kinds for this database."""
    can_mount = places.disk is not None and places.disk.is_mounted
    sync = places.postgres.sync if places.postgres is not None else places.nodes[0].sync
    faults = [
        Fault("full disk under the database", fill_disk, cannot="" if can_mount else "it needs root to mount a tmpfs"),
        Fault("fsync fails with EIO", fail_sync, cannot="" if sync.is_possible else "it needs a C compiler"),
    ]
    if places.postgres is None:
        return faults
    return [
        *faults,
        Fault("kill -9 of PostgreSQL", kill),
        Fault("immediate stop of PostgreSQL", stop_at_once),
        Fault("restart of PostgreSQL", restart),
    ]


def _server(scene: Scene) -> Postgres:
    assert scene.places.postgres is not None
    return scene.places.postgres


@asynccontextmanager
async def _down(scene: Scene) -> AsyncIterator[Postgres]:
    """The server is down for the block, and started again behind it."""
    server = _server(scene)
    async with scene.places.outage():
        server.is_wanted = False
        try:
            async with server.lock:
                if not server.is_alive:
                    raise NotReached
                yield server
                await asyncio.sleep(scene.chance.uniform(0, 3))
                await asyncio.to_thread(server.revive)
        finally:
            server.is_wanted = True


async def kill(scene: Scene) -> str:
    async with _down(scene) as server:
        await asyncio.to_thread(server.kill)
    return "postmaster and backends"


async def stop_at_once(scene: Scene) -> str:
    async with _down(scene) as server:
        await asyncio.to_thread(server.stop, immediate=True)
    return "SIGQUIT"


async def restart(scene: Scene) -> str:
    async with _down(scene) as server:
        await asyncio.to_thread(server.stop)
    return "SIGINT"


async def fill_disk(scene: Scene) -> str:
    disk = scene.places.disk
    assert disk is not None
    seconds = scene.chance.uniform(2, 6)
    async with scene.places.outage():
        await asyncio.to_thread(disk.fill)
        try:
            await asyncio.sleep(seconds)
        finally:
            await asyncio.to_thread(disk.empty)
    return f"{seconds:.1f} s"


async def fail_sync(scene: Scene) -> str:
    sync = scene.places.postgres.sync if scene.places.postgres is not None else scene.places.nodes[0].sync
    seconds = scene.chance.uniform(1, 4)
    async with scene.places.outage():
        sync.begin()
        try:
            await asyncio.sleep(seconds)
        finally:
            was_hit = sync.end()
    if not was_hit:
        raise NotReached
    return f"{seconds:.1f} s"
