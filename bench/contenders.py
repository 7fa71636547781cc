"""What is measured against what: Sitting, echo servers and the naive way, each with its crowd of clients."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.exam import make_exam
from bench.load import Client, Load, Sample, Way, answers_to
from bench.machine import cores
from bench.servers import KINDS, cpu_seconds, migrated_url, postgres_cpu_seconds, program, sitting_node
from tests.support.postgres import PostgresServer

QUESTIONS = 20
KIND_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True)
class Window:
    """One window of one contender.

    Attributes:
        server_cpu, postgres_cpu, client_cpu: seconds of the processor used in it by the server's process, by all of
            PostgreSQL, and by us.
    """

    sample: Sample
    server_cpu: float
    postgres_cpu: float
    client_cpu: float


@dataclass
class Contender:
    """A server with clients connected.

    Attributes:
        name: as tables say it. kind: of its database, None without one. pid: of its process.
        windows: what was measured so far.
    """

    name: str
    kind: str | None
    pid: int
    clients: Sequence[Client]
    postgres: PostgresServer | None = None
    windows: list[Window] = field(default_factory=list)

    def meter(self) -> tuple[float, float, float]:
        """Seconds of the processor so far, as in a Window."""
        theirs = 0.0 if self.postgres is None else postgres_cpu_seconds(self.postgres)
        return cpu_seconds(self.pid), theirs, time.process_time()


@contextmanager
def sitting(
    kind: str, load: Load, connections: int, directory: Path, server: PostgresServer | None, layer: str | None = None
) -> Iterator[Contender]:
    """Sitting, with so many candidates who have started, each with a token of their own.

    Args:
        layer: the socket layer to be set; None: as it comes, or as the caller's SITTING_SOCKET_LAYER says.
    """
    url = migrated_url(kind, directory, server, f"bench_{layer}")
    exam = make_exam(url, connections, questions=QUESTIONS)
    start = msgspec.json.encode({"type": "start_assessment", "data": {"test_id": exam.test_id}})
    ways = [Way(f"/ws/assessment?token={token}&test_id={exam.test_id}", greeting=start) for token in exam.tokens]
    env = {"SITTING_LOG_LEVEL": "warning", "SITTING_STARTS_WAITING": "1000"}
    name = "Sitting"
    if layer is not None:
        env["SITTING_SOCKET_LAYER"] = layer
        name = f"Sitting on {layer}"
    with (
        sitting_node(url, directory, env=env) as node,
        _connected(load, node.port, ways, answers_to(exam.options)) as clients,
    ):
        yield Contender(f"{name}, {KIND_NAMES[kind]}", kind, node.pid, clients, server)


@contextmanager
def naive(
    kind: str, load: Load, connections: int, directory: Path, server: PostgresServer | None
) -> Iterator[Contender]:
    """The naive way, which knows neither candidates nor assessments."""
    url = migrated_url(kind, directory, server, "naive")
    ways = [Way(f"/ws/{number}") for number in range(1, connections + 1)]
    with (
        program("bench.naive_server", url, directory=directory, name="naive") as running,
        _connected(load, running.port, ways, _some_answers()) as clients,
    ):
        yield Contender(f"naive, {KIND_NAMES[kind]}", kind, running.pid, clients, server)


@contextmanager
def echo(layer: str, load: Load, connections: int, directory: Path) -> Iterator[Contender]:
    """An echo of the same frames; `layer` is picows or sansio."""
    ways = [Way("/", acknowledges=b"")] * connections
    with (
        program("bench.echo_server", layer, directory=directory, name=f"echo-{layer}") as running,
        _connected(load, running.port, ways, _some_answers()) as clients,
    ):
        yield Contender(f"echo, {layer}", None, running.pid, clients)


def _some_answers() -> list[bytes]:
    """As long and as many as those to a real paper."""
    letters = "abcd"
    return answers_to({f"q_{n:012d}": [f"o_{n}{letter}" for letter in letters] for n in range(1, QUESTIONS + 1)})


@contextmanager
def _connected(load: Load, port: int, ways: Sequence[Way], answers: Sequence[bytes]) -> Iterator[list[Client]]:
    clients = load.connect(port, ways, answers)
    try:
        yield clients
    finally:
        load.drop(clients)


@contextmanager
def all_contenders(
    load: Load, connections: int, directory: Path, server: PostgresServer | None, kinds: Sequence[str] = KINDS
) -> Iterator[list[Contender]]:
    """All that are measured against each other, running at the same time, each idle but in its own windows."""
    with ExitStack() as stack:
        made = [
            stack.enter_context(echo("picows", load, connections, directory)),
            stack.enter_context(echo("sansio", load, connections, directory)),
        ]
        for kind in kinds:
            made.append(stack.enter_context(sitting(kind, load, connections, directory, server)))
            made.append(stack.enter_context(sitting(kind, load, connections, directory, server, "picows")))
            made.append(stack.enter_context(naive(kind, load, connections, directory, server)))
        yield made


def shares_a_core() -> bool:
    """Whether everything runs on one core, so that nothing measured here says anything about a server's own."""
    return len(cores()) < 2
