"""A start storm: all at one instant from connect to the first question, each with a paper of 20 drawn and frozen."""

from __future__ import annotations

import time

import uvloop

from bench.cohort import Candidate, Cohort
from bench.seat import Seat
from bench.stage import Stage, cpu_seconds
from bench.storm import Crowd, all_leave, all_of, measured, options, percentile

REACH = {"all_started_after_seconds": "≤ 15 at 5,000", "failed": "0"}


async def run(port: int, cohort: Cohort) -> dict[str, float]:
    """Everybody comes at once; whoever is told to come back later does so on the same socket."""
    crowd, before = Crowd(port, cohort), time.perf_counter()
    clocks: list[float] = []

    async def come(candidate: Candidate) -> float:
        seat, facts, question = await crowd.started(candidate)
        assert question["question_id"] in {each["question_id"] for each in facts["outline"]}
        clocks.append(3600 - facts["remaining_seconds"])
        seats.append(seat)
        return time.perf_counter() - before

    seats: list[Seat] = []
    waits = await all_of(come(candidate) for candidate in cohort.candidates)
    await all_leave(seats)
    return {
        "all_started_after_seconds": max(waits),
        "half_started_after_seconds": percentile(waits, 0.5),
        "failed": float(len(cohort.candidates) - len(waits)),
        "told_to_come_back": float(crowd.shed),
        "most_time_lost_seconds": max(clocks),
    }


def measure(place: Stage, people: int) -> dict[str, float]:
    """How long it took, whether anybody failed, and how much of their time the crowd cost the candidates."""
    cohort = place.invite(people)
    place.server.start()
    pid, database = place.server.pid, place.database_seconds()
    server = cpu_seconds(pid)
    figures = uvloop.run(run(place.server.port, cohort))
    return {
        **figures,
        "server_cpu_seconds": cpu_seconds(pid) - server,
        "database_cpu_seconds": place.database_seconds() - database,
    }


def main() -> None:
    said = options(__doc__, 5000)
    measured("start_storm", "bench.start_storm", said.databases, lambda place: measure(place, said.people), REACH)


if __name__ == "__main__":
    main()
