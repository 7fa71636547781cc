"""A reconnect storm: the node is killed with everybody attached, comes back, and so does everybody at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop

from bench.cohort import Candidate, Cohort
from bench.seat import Seat
from bench.stage import Stage, cpu_seconds
from bench.storm import Crowd, all_leave, all_of, answer, measured, options, percentile

REACH = {"all_back_after_seconds": "≤ 20 at 5,000", "wrong_snapshots": "0", "most_seconds_off": "≤ 1"}
ANSWERS = 2


@dataclass(slots=True)
class AtWork:
    """What a candidate knows before the node dies."""

    candidate: Candidate
    assessment_id: int
    deadline_at: str
    answered: list[str]
    seat: Seat


async def begin(port: int, cohort: Cohort, kill: Callable[[], None]) -> list[AtWork]:
    """Everybody starts and answers a little; then the node is killed, with all of them attached."""
    crowd = Crowd(port, cohort)

    async def come(candidate: Candidate) -> AtWork:
        seat, facts, question = await crowd.started(candidate)
        known = AtWork(candidate, facts["assessment_id"], facts["deadline_at"], [], seat)
        for number, item in enumerate(facts["outline"][:ANSWERS], 1):
            if question["question_id"] != item["question_id"]:
                question = await seat.ask("get_question", {"question_id": item["question_id"]}, "question")
            await answer(seat, question, number)
            known.answered.append(question["question_id"])
        return known

    found: list[AtWork] = []
    for first in range(0, len(cohort.candidates), 256):
        found += await all_of(map(come, cohort.candidates[first : first + 256]))
    kill()
    await all_leave(known.seat for known in found)
    return found


async def come_back(port: int, cohort: Cohort, everybody: Sequence[AtWork]) -> dict[str, float]:
    """All at once, from the moment at which the node is ready."""
    crowd, before = Crowd(port, cohort), time.perf_counter()
    wrong: list[int] = []
    off: list[float] = []
    seats: list[Seat] = []

    async def back(known: AtWork) -> float:
        seat = await crowd.connected(known.candidate)
        wish = {"assessment_id": known.assessment_id}
        snapshot = await seat.ask("resume_assessment", wish, "assessment_recovered")
        seats.append(seat)
        off.append(_seconds_off(snapshot))
        if not _is_as_known(snapshot, known):
            wrong.append(known.assessment_id)
        return time.perf_counter() - before

    waits = await all_of(map(back, everybody))
    await all_leave(seats)
    return {
        "all_back_after_seconds": max(waits),
        "half_back_after_seconds": percentile(waits, 0.5),
        "wrong_snapshots": float(len(wrong)),
        "most_seconds_off": max(off),
    }


def _is_as_known(snapshot: dict[str, Any], known: AtWork) -> bool:
    stored = {each["question_id"] for each in snapshot["responses"]}
    credited = timedelta(seconds=sum(each["seconds"] for each in snapshot["time_credits"]))
    deadline_at = datetime.fromisoformat(known.deadline_at) + credited
    return stored == set(known.answered) and datetime.fromisoformat(snapshot["deadline_at"]) == deadline_at


def _seconds_off(snapshot: dict[str, Any]) -> float:
    left = datetime.fromisoformat(snapshot["deadline_at"]) - datetime.now(UTC)
    return abs(float(snapshot["remaining_seconds"]) - left.total_seconds())


def measure(place: Stage, people: int) -> dict[str, float]:
    """How long after the node's return the last one has gone on, and what they were told."""
    cohort = place.invite(people)
    place.server.start()
    everybody = uvloop.run(begin(place.server.port, cohort, place.server.kill))
    before = time.perf_counter()
    place.server.start()
    ready = time.perf_counter() - before
    pid, database = place.server.pid, place.database_seconds()
    server = cpu_seconds(pid)
    figures = uvloop.run(come_back(place.server.port, cohort, everybody))
    return {
        "ready_after_seconds": ready,
        **figures,
        "server_cpu_seconds": cpu_seconds(pid) - server,
        "database_cpu_seconds": place.database_seconds() - database,
    }


def main() -> None:
    said = options(__doc__, 5000)
    measured(
        "reconnect_storm", "bench.reconnect_storm", said.databases, lambda place: measure(place, said.people), REACH
    )


if __name__ == "__main__":
    main()
