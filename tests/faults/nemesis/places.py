"""The database and the nodes, as the nemesis may treat them, and what keeps them running as a service manager would."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from sitting.kit.clock import SystemClock
from tests.faults.nemesis.crashing_sitting import CRASH_FILE, GO_FILE, PROGRAM
from tests.faults.nemesis.proxy import Proxy
from tests.support.postgres import PostgresServer
from tests.support.processes import ChildProcess, free_port
from tests.support.server import SittingProcess

KEEP_SECONDS = 0.3
SYNC_FILE = "FAILING_SYNC"
SIZE = 6 << 30  # of the disk; it takes memory only for what is written
SPARE = 1 << 16

now = SystemClock().now


class Disk:
    """A small file system in memory that can be full, mounted at `path`; None of it if this process may not mount."""

    def __init__(self, path: Path, *, owner: tuple[int, int]) -> None:
        self.path = path
        path.mkdir(exist_ok=True)
        options = f"size={SIZE},mode=700,uid={owner[0]},gid={owner[1]}"
        self.is_mounted = _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path))

    def fill(self) -> None:
        """Nothing more fits."""
        used = shutil.disk_usage(self.path).used
        _run("mount", "-o", f"remount,size={used + SPARE}", str(self.path))

    def empty(self) -> None:
        """There is room again."""
        _run("mount", "-o", f"remount,size={SIZE}", str(self.path))

    def close(self) -> None:
        """Take it away with all that is on it."""
        if self.is_mounted:
            _run("umount", "--lazy", str(self.path))


class FailingSync:
    """fsync that fails for one program while it is told to."""

    def __init__(self, library: Path | None, file: Path) -> None:
        self._file, self._hit = file, file.with_name(f"{file.name}.hit")
        self.env = {} if library is None else {"LD_PRELOAD": str(library), SYNC_FILE: str(file)}
        self.is_possible = library is not None

    def begin(self) -> None:
        self._hit.unlink(missing_ok=True)
        self._file.touch()

    def end(self) -> bool:
        """Let it work again; returns whether it failed at all."""
        self._file.unlink(missing_ok=True)
        return self._hit.exists()


def sync_library(directory: Path) -> Path | None:
    """The shim of failing_sync.c, compiled; None if there is no compiler."""
    library = directory / "failing_sync.so"
    source = Path(__file__).with_name("failing_sync.c")
    is_made = _run("cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl")
    return library if is_made else None


async def until(check: Callable[[], Awaitable[bool]], *, within: float, every: float = 0.2) -> None:
    """Ask again and again until it is so.

    Raises:
        TimeoutError: it is not, after `within` seconds.
    """
    ends_at = time.monotonic() + within
    while not await check():
        if time.monotonic() >= ends_at:
            raise TimeoutError
        await asyncio.sleep(every)


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
    except FileNotFoundError:
        return False


class Postgres(PostgresServer):
    """PostgreSQL on a small disk, whose fsync can fail.

    Attributes:
        is_wanted: whether somebody starts it again when it has ended.
    """

    def __init__(self, library: Path | None) -> None:
        super().__init__()
        self.lock = asyncio.Lock()
        self.is_wanted = True
        owner = (0, 0) if self._account is None else (self._account.uid, self._account.gid)
        self.disk = Disk(self.directory, owner=owner)
        if library is not None:
            library = Path(shutil.copy(library, self.directory))
            library.chmod(0o755)
        self.sync = FailingSync(library, self.directory / "sync-fails")

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.exit_code() is None

    def revive(self) -> None:
        """Start it, whatever has become of it."""
        if self._process is not None and not self.is_alive:
            self._process.kill()
            self._process = None
        if self._process is None:
            (self._data / "postmaster.pid").unlink(missing_ok=True)
            try:
                self.start()
            except (RuntimeError, AssertionError):
                if self._process is not None:
                    self._process.kill()
                    self._process = None
                raise

    def close(self) -> None:
        try:
            if self._process is not None:
                self._process.kill()
                self._process = None
        finally:
            self.disk.close()
            shutil.rmtree(self.directory, ignore_errors=True)

    def _program(self, name: str) -> Path:
        program = super()._program(name)
        if name != "postgres" or not self.sync.is_possible:
            return program
        wrapper = self.directory / "postgres-with-shim"
        if not wrapper.exists():
            settings = "\n".join(f"export {name}='{value}'" for name, value in self.sync.env.items())
            wrapper.write_text(f'#!/bin/sh\n{settings}\nexec {program} "$@"\n')
            wrapper.chmod(0o755)
        return wrapper


class _Spare:
    """A node's process that waits for the word to begin."""

    def __init__(self, new: Callable[[], tuple[ChildProcess, Path]]) -> None:
        self._process, self._gate = new()
        self._pipe = os.open(self._gate, os.O_RDWR)

    @property
    def is_alive(self) -> bool:
        return self._process.exit_code() is None

    def go(self) -> ChildProcess:
        """Let it begin."""
        os.write(self._pipe, b"go\n")
        return self._process

    def done(self) -> None:
        """It has begun, or died."""
        os.close(self._pipe)


class Node(SittingProcess):
    """One node, its door for clients and its wire to the database.

    Attributes:
        is_wanted: whether somebody starts it again when it has ended.
        wire: to the database; None where that is a file.
    """

    number: int
    door: Proxy
    wire: Proxy | None
    sync: FailingSync
    crash_file: Path
    lock: asyncio.Lock
    is_wanted: bool
    _spare: _Spare | None
    _begun: _Spare | None

    @classmethod
    def make(
        cls, number: int, url: str, directory: Path, chance: random.Random, wire: Proxy | None, sync: FailingSync
    ) -> Node:
        """The node of that number on that database, not started yet."""
        crash_file = directory / f"crash-{number}"
        env: Mapping[str, str] = {CRASH_FILE: str(crash_file), "SITTING_LOG_LEVEL": "warning", **sync.env}
        node = cls.serve(url, directory, env=env, program=PROGRAM)
        node.number, node.wire, node.sync, node.crash_file = number, wire, sync, crash_file
        node.door = Proxy(free_port(), node.port, chance, carries_frames=True)
        node.lock = asyncio.Lock()
        node.is_wanted = True
        node._spare = node._begun = None
        return node

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.exit_code() is None

    @property
    def client_url(self) -> str:
        return f"ws://127.0.0.1:{self.door.port}/ws/assessment"

    def revive(self) -> None:
        """Start it, whatever has become of it; it need not be ready yet."""
        if not self.is_alive:
            self.close()
            self.start(ready=False)

    def start(self, *, ready: bool = True) -> None:
        """As ever, but by a process that has loaded everything before, if there is one."""
        if self._begun is not None:
            self._begun.done()
        self._begun = self._spare if self._spare is not None and self._spare.is_alive else _Spare(self._new)
        self._spare = None
        self._process = self._begun.go()
        if ready:
            self.wait_ready()

    def prepare(self) -> None:
        """Have a process ready for the next start."""
        if self._spare is None:
            self._spare = _Spare(self._new)

    def forget(self) -> None:
        """End it, and the process for the next start."""
        self.close()
        if self._spare is not None:
            self._spare.go().kill()
            self._spare = None

    def _new(self) -> tuple[ChildProcess, Path]:
        self._starts += 1
        name = f"sitting-{self.port}-{self._starts}"
        gate = self.directory / f"{name}.go"
        env = {**self._env, GO_FILE: str(gate)}
        os.mkfifo(gate)
        return ChildProcess(self._command, name=name, directory=self.directory, env=env), gate


class Places:
    """All of it: the database, the nodes, the wires.

    Attributes:
        url: of the database, past all wires. outages: when nothing could be ended, from and to.
        cannot: which faults this machine does not allow, and why.
    """

    def __init__(self, kind: str, directory: Path, nodes: int, chance: random.Random) -> None:
        self.kind, self.directory, self._count, self._chance = kind, directory, nodes, chance
        self.postgres: Postgres | None = None
        self.disk: Disk | None = None
        self.url = ""
        self.nodes: list[Node] = []
        self.outages: list[tuple[Any, Any]] = []
        self._keeper: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start everything, with an empty migrated database."""
        library = await asyncio.to_thread(sync_library, self.directory)
        if self.kind == "postgresql":
            self.postgres = Postgres(library)
            self.disk = self.postgres.disk
            await asyncio.to_thread(self.postgres.start)
            self.url = await asyncio.to_thread(self.postgres.create_database, "sitting")
        else:
            self.disk = Disk(self.directory / "disk", owner=(os.geteuid(), os.getegid()))
            self.url = f"sqlite:///{self.disk.path}/sitting.db"
        from tests.support.databases import migrate

        await asyncio.to_thread(migrate, self.url)
        for number in range(self._count):
            self.nodes.append(await self._make_node(number, library))
        for node in self.nodes:
            await node.door.open()
            node.start(ready=False)
        for node in self.nodes:
            await asyncio.to_thread(node.wait_ready, within=120)

    async def _make_node(self, number: int, library: Path | None) -> Node:
        if self.postgres is None:
            sync = FailingSync(library, self.directory / f"sync-fails-{number}")
            return Node.make(number, self.url, self.directory, self._chance, None, sync)
        wire = Proxy(free_port(), self.postgres.port, self._chance)
        await wire.open()
        url = self.url.replace(f":{self.postgres.port}/", f":{wire.port}/")
        sync = FailingSync(None, self.directory / f"sync-fails-{number}")
        return Node.make(number, url, self.directory, self._chance, wire, sync)

    def keep_running(self) -> None:
        """From now on, start again what has ended though it is wanted."""
        self._keeper = asyncio.create_task(self._keep(), name="keeper")

    async def close(self) -> None:
        """End everything and leave nothing behind but the logs."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        for node in self.nodes:
            await asyncio.to_thread(node.forget)
            for wire in (node.door, node.wire):
                if wire is not None:
                    await wire.close()
        if self.postgres is not None:
            await asyncio.to_thread(self.postgres.close)
        elif self.disk is not None:
            self.disk.close()

    async def _keep(self) -> None:
        while True:
            for place in (self.postgres, *self.nodes):
                if place is not None and place.is_wanted and not place.is_alive and not place.lock.locked():
                    async with place.lock:
                        with suppress(RuntimeError, AssertionError, OSError):
                            await asyncio.to_thread(place.revive)
            for node in self.nodes:
                node.prepare()
            await asyncio.sleep(KEEP_SECONDS)

    async def wait_ready(self, within: float = 120) -> None:
        """Until the database and all nodes are ready."""
        async with asyncio.timeout(within):
            for node in self.nodes:
                await until(lambda node=node: asyncio.to_thread(_is_ready, node), within=within)  # type: ignore[misc]

    @asynccontextmanager
    async def outage(self) -> Any:
        """For the time of the block, and until all nodes are ready again, nothing can be ended."""
        begun = now()
        try:
            yield
            await self.wait_ready()
        finally:
            self.outages.append((begun, now()))


def _is_ready(node: Node) -> bool:
    if not node.is_alive:
        return False
    try:
        node.wait_ready(within=0)
    except (AssertionError, RuntimeError):
        return False
    return True
