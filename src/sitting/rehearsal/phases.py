"""The phases: what all candidates do together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from sitting.rehearsal.candidate import Candidate, GaveUp
from sitting.rehearsal.measures import Measures, PhaseSpan
from sitting.rehearsal.stored import Staged
from sitting.rehearsal.tasks import end_all

Act = Callable[[Candidate], Awaitable[None]]
OWN_PACE = 0.02  # seconds
LOOK_AT_LOAD = 1.0  # seconds


@contextmanager
def phase(measures: Measures, name: str, elapsed: Callable[[], float]) -> Iterator[None]:
    """Notes when it began and ended."""
    begin = elapsed()
    try:
        yield
    finally:
        measures.phases.append(PhaseSpan(name, begin, elapsed()))


async def everybody(candidates: Sequence[Candidate], act: Act, measures: Measures) -> None:
    """Let all do that at once who have not given up; whoever gives up now is counted."""

    async def one(candidate: Candidate) -> None:
        try:
            await act(candidate)
        except GaveUp as why:
            candidate.gone = str(why)
            measures.gave_up += 1

    tasks = [asyncio.create_task(one(candidate)) for candidate in candidates if candidate.gone is None]
    try:
        await asyncio.gather(*tasks)
    finally:
        await end_all(tasks)


async def start_all(candidates: Sequence[Candidate], staged: Staged, ramp: float, measures: Measures) -> None:
    """All start within `ramp` seconds, evenly."""
    places = {candidate: place / max(1, len(candidates)) for place, candidate in enumerate(candidates)}

    async def start(candidate: Candidate) -> None:
        await asyncio.sleep(ramp * places[candidate])
        await candidate.start(staged)

    await everybody(candidates, start, measures)


async def watch(measures: Measures, elapsed: Callable[[], float]) -> None:
    """Note for ever how many sockets are open, and by how much this process is late: what is measured includes that."""
    loop = asyncio.get_running_loop()
    looked, used = loop.time(), time.process_time()
    while True:
        due = loop.time() + OWN_PACE
        await asyncio.sleep(OWN_PACE)
        now = loop.time()
        measures.was_late(max(0.0, now - due))
        measures.timeline.at(elapsed()).sockets = measures.sockets
        if now >= looked + LOOK_AT_LOAD:
            measures.was_busy((time.process_time() - used) / (now - looked), elapsed())
            looked, used = now, time.process_time()
