"""What the storms have in common: many candidates at once, and the figures beside what is to be reached."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import uvloop

from bench.cohort import Candidate, Cohort
from bench.contenders import KIND_NAMES
from bench.results import Result, Table, command_line, save
from bench.seat import Seat, Shed
from bench.stage import KINDS, Stage, stage

T = TypeVar("T")
HANDSHAKES = 256


@dataclass(slots=True)
class Crowd:
    """Those who take one Test over one server.

    Attributes:
        shed: how often a start was told to come back later.
    """

    port: int
    cohort: Cohort
    shed: int = 0
    _door: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(HANDSHAKES))

    async def connected(self, candidate: Candidate) -> Seat:
        """A socket of that candidate; a few hundred handshakes are under way at once, as behind any load balancer."""
        async with self._door:
            return await Seat.taken(self.port, self.cohort.path(candidate))

    async def started(self, candidate: Candidate) -> tuple[Seat, dict[str, Any], dict[str, Any]]:
        """A socket with an assessment just started, what it was told, and its first question; comes back if shed."""
        seat = await self.connected(candidate)
        while True:
            try:
                facts = await seat.ask("start_assessment", {"test_id": self.cohort.test_id}, "assessment_started")
            except Shed as wait:
                self.shed += 1
                await asyncio.sleep(wait.seconds)
            else:
                assert facts["recovered"] is False
                return seat, facts, await seat.hear("question")


async def answer(seat: Seat, question: Mapping[str, Any], number: int) -> None:
    """Answer that question, and wait for the ack."""
    option = question["question"]["options"][number % len(question["question"]["options"])]["id"]
    pair = {"client_id": "bench", "client_seq": number}
    data = {"question_id": question["question_id"], "selected_option": option, **pair}
    saved = await seat.ask("submit_answer", data, "answer_saved")
    assert saved["client_seq"] == number, saved
    assert saved["question_id"] == question["question_id"], saved


async def all_of(calls: Iterable[Awaitable[T]]) -> list[T]:
    """The results of all, side by side; the first failure ends everything."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_awaited(call)) for call in calls]
    return [task.result() for task in tasks]


async def _awaited(call: Awaitable[T]) -> T:
    return await call


async def all_leave(seats: Iterable[Seat]) -> None:
    """Close all sockets, so that the loop can be closed behind them."""
    for seat in seats:
        seat.leave()
    await asyncio.sleep(0.05)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def options(about: str | None, people: int, **more: int) -> argparse.Namespace:
    """What was said on the command line: how many people, which databases, and `more` numbers."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--people", type=int, default=people)
    parser.add_argument("--databases", nargs="+", choices=KINDS, default=list(KINDS))
    for name, default in more.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    return parser.parse_args()


def measured(
    name: str,
    module: str,
    kinds: Sequence[str],
    measure: Callable[[Stage], dict[str, float]],
    reach: Mapping[str, str],
    env: Mapping[str, str] | None = None,
) -> Result:
    """Measure on each database, print the figures, and keep them in build/bench/NAME.json.

    Args:
        reach: of some figures what is to be reached, as people read it.
    """
    figures: dict[str, dict[str, float]] = {}
    for kind in kinds:
        with stage(kind, env) as place:
            figures[kind] = {key: round(value, 3) for key, value in measure(place).items()}
        for key, value in figures[kind].items():
            print(f"{kind:12} {key:32} {value:12} {'reach ' + reach[key] if key in reach else ''}", flush=True)
    keys = list(dict.fromkeys(key for each in figures.values() for key in each))
    rows = [
        [key.replace("_", " "), *(str(figures[kind].get(key, "")) for kind in kinds), reach.get(key, "")]
        for key in keys
    ]
    table = Table(name, ["figure", *(KIND_NAMES[kind] for kind in kinds), "to reach"], rows)
    result = Result(name, command_line(module), None, dict(figures), [table])
    save(result)
    return result


def timed(work: Awaitable[T]) -> tuple[float, T]:
    """How many seconds it took, and what came of it."""

    async def run() -> tuple[float, T]:
        before = time.perf_counter()
        result = await work
        return time.perf_counter() - before, result

    return uvloop.run(run())
