"""The servers that are measured, each pinned to one core, and what they and PostgreSQL use of the processor.

The server under measurement has the first core to itself; who measures, and PostgreSQL, share the others.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.machine import ROOT, cores
from tests.support.databases import migrate, sqlite_url
from tests.support.eventually import eventually
from tests.support.postgres import PostgresServer
from tests.support.processes import ChildProcess, free_port
from tests.support.server import COMMAND, SittingProcess

KINDS = ("sqlite", "postgresql")
_TICKS = os.sysconf("SC_CLK_TCK")
_ENV = {"SITTING_MESSAGES_PER_SECOND": "100000"}  # a closed loop over few sockets is faster than any candidate


def server_core() -> int:
    """The core of the server under measurement."""
    return cores()[0]


def other_cores() -> list[int]:
    """The cores of everybody else: all but the server's, if there are others."""
    return cores()[1:] or cores()


def leave_the_servers_core() -> None:
    """Have this process, and what it starts without pinning it, run beside the server's core."""
    os.sched_setaffinity(0, other_cores())


def pinned(core: int | None = None) -> list[str]:
    """What to put before a command to run it on that core, by default the server's."""
    return ["taskset", "-c", str(server_core() if core is None else core)]


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        name: as tables call it. port: on 127.0.0.1. pid: of the process that serves.
        database: which PostgreSQL it uses; None: it uses none.
    """

    name: str
    port: int
    pid: int
    database: PostgresServer | None = None


@contextmanager
def workshop() -> Iterator[Path]:
    """A directory for one run, removed in the end. It lies where data lie, on a disk: in memory no commit costs."""
    root = ROOT / "build" / "bench-run"
    root.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=root))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@contextmanager
def postgres(kinds: Collection[str] = KINDS) -> Iterator[PostgresServer | None]:
    """A PostgreSQL as the tests use it, durable in every respect, if it is among the kinds of databases in use."""
    if "postgresql" not in kinds:
        yield None
        return
    with PostgresServer() as server:
        yield server


def migrated_url(kind: str, directory: Path, server: PostgresServer | None, name: str = "bench") -> str:
    """The address of an empty database at the newest schema."""
    if kind == "sqlite":
        url = sqlite_url(directory / f"{name}.db")
    else:
        assert server is not None
        url = server.create_database(name)
    migrate(url)
    return url


def layer_asked_for() -> dict[str, str]:
    """The caller's SITTING_SOCKET_LAYER, if it is set."""
    return {name: os.environ[name] for name in ("SITTING_SOCKET_LAYER",) if name in os.environ}


@contextmanager
def sitting_node(
    url: str, directory: Path, *, env: Mapping[str, str] | None = None, core: int | None = None
) -> Iterator[SittingProcess]:
    """`sitting serve` on one core, as people run it. The caller's SITTING_SOCKET_LAYER is passed on."""
    program = [*pinned(core), str(COMMAND)]
    settings = {**_ENV, **layer_asked_for(), **(env or {})}
    with SittingProcess.serve(url, directory, env=settings, program=program) as node:
        yield node


@contextmanager
def program(module: str, *arguments: str, directory: Path, name: str) -> Iterator[Server]:
    """A server of this package, on the server's core: `python -m MODULE PORT ARGUMENTS…`, which says `ready`."""
    port = free_port()
    command = [*pinned(), sys.executable, "-m", module, str(port), *arguments]
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    child = ChildProcess(command, name=f"{name}-{port}", directory=directory, env=env)

    def check_ready() -> None:
        assert child.exit_code() is None, child.tail()
        assert "ready" in child.stdout_path.read_text(), child.tail()

    with ExitStack() as stack:
        stack.callback(child.kill)
        eventually(check_ready, within=30)
        yield Server(name, port, child.pid)


# --- what they use ---


def cpu_seconds(pid: int) -> float:
    """Of the processor, by all threads of that process since its start, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def postgres_cpu_seconds(server: PostgresServer) -> float:
    """Of the processor, by all processes of that PostgreSQL since its start, those that ended included."""
    postmaster = postmaster_pid(server)
    ended = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
    alive = [postmaster, *_children(postmaster)]
    return sum(map(_cpu_or_none, alive)) + (int(ended[13]) + int(ended[14])) / _TICKS


def postmaster_pid(server: PostgresServer) -> int:
    """The pid of that PostgreSQL's first process."""
    return int((server.directory / "data" / "postmaster.pid").read_text().splitlines()[0])


def memory_bytes(pid: int) -> dict[str, int]:
    """What that process holds: `rss` of pages in memory, `pss` with shared ones divided by those who share."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    sizes = {line.split(":")[0].lower(): int(line.split()[1]) * 1024 for line in lines[1:]}
    return {name: sizes[name] for name in ("rss", "pss")}


def _cpu_or_none(pid: int) -> float:
    try:
        return cpu_seconds(pid)
    except FileNotFoundError:  # it ended meanwhile, and its parent counts it
        return 0.0


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
