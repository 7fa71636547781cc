"""What an hour of one candidate costs: 40 questions shown, answered and acked, a heartbeat every 20 s, all attached.

The hour is compressed: nobody waits between two messages. What passes by the clock alone (pings, the sweep, the looks
at who may be connected) is counted as often as the shorter time brings it. Answers come closer together than in an
hour, so more of them share a commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import uvloop

from bench.cohort import Cohort
from bench.seat import Seat
from bench.stage import Stage, cpu_seconds
from bench.storm import Crowd, all_of, answer, measured, options

QUESTIONS = 40
HEARTBEATS = 180
AT_ONCE = 64


async def attach(crowd: Crowd) -> list[tuple[Seat, dict[str, Any]]]:
    """Everybody starts, and stays."""
    found: list[tuple[Seat, dict[str, Any]]] = []
    for first in range(0, len(crowd.cohort.candidates), AT_ONCE):
        some = crowd.cohort.candidates[first : first + AT_ONCE]
        found += [(seat, facts) for seat, facts, _ in await all_of(map(crowd.started, some))]
    return found


async def run(port: int, cohort: Cohort) -> None:
    """Round by round, each candidate one question a round."""
    everybody = await attach(Crowd(port, cohort))
    door = asyncio.Semaphore(AT_ONCE)
    for number in range(1, QUESTIONS + 1):
        await all_of(_one_question(door, seat, facts, number) for seat, facts in everybody)
    await all_of(_finish(door, seat) for seat, _ in everybody)


async def _one_question(door: asyncio.Semaphore, seat: Seat, facts: dict[str, Any], number: int) -> None:
    async with door:
        wish = {"question_id": facts["outline"][number - 1]["question_id"]}
        await answer(seat, await seat.ask("get_question", wish, "question"), number)
        due = HEARTBEATS * number // QUESTIONS - HEARTBEATS * (number - 1) // QUESTIONS
        for _ in range(due):
            await seat.ask("heartbeat", {}, "pong")


async def _finish(door: asyncio.Semaphore, seat: Seat) -> None:
    async with door:
        await seat.ask("complete_assessment", {}, "assessment_completed")
        seat.leave()


def measure(place: Stage, sizes: Sequence[int]) -> dict[str, float]:
    """Per candidate, for each number of them: seconds of processor, and bytes that the database has grown by."""
    cohorts = [place.invite(people, questions=QUESTIONS) for people in sizes]
    place.server.start()
    figures: dict[str, float] = {}
    for people, cohort in zip(sizes, cohorts, strict=True):
        before = _meters(place)
        uvloop.run(run(place.server.port, cohort))
        server, database, size = (after - start for after, start in zip(_meters(place), before, strict=True))
        figures |= {
            f"server_cpu_seconds at {people}": server / people,
            f"database_cpu_seconds at {people}": database / people,
            f"database_kilobytes at {people}": size / people / 1000,
        }
    return figures


def _meters(place: Stage) -> tuple[float, float, float]:
    return cpu_seconds(place.server.pid), place.database_seconds(), place.database_bytes()


def main() -> None:
    said = options(__doc__, 10_000)
    sizes = sorted({100, 1000, said.people} if said.people >= 1000 else {said.people})
    measured(
        "candidate_hour",
        "bench.candidate_hour",
        said.databases,
        partial(measure, sizes=sizes),
        {},
        {"SITTING_MESSAGES_PER_SECOND": "100000"},
    )


if __name__ == "__main__":
    main()
