"""Whole candidates: connect, start, 20 answers acked one by one, finish; a closed loop of 128."""

from __future__ import annotations

import time
from collections.abc import Iterator

import uvloop

from bench.cohort import Candidate, Cohort
from bench.stage import Stage, cpu_seconds
from bench.storm import Crowd, all_of, answer, measured, options

REACH = {"candidates_per_second": "≥ 100"}


async def sit(crowd: Crowd, candidate: Candidate) -> None:
    """One candidate from the socket to the result, with a client that asks for each question."""
    seat, facts, question = await crowd.started(candidate)
    questions = [each["question_id"] for each in facts["outline"]]
    for number, question_id in enumerate(questions, 1):
        if question_id != question["question_id"]:
            question = await seat.ask("get_question", {"question_id": question_id}, "question")
        await answer(seat, question, number)
    completed = await seat.ask("complete_assessment", {}, "assessment_completed")
    assert completed["results"]["answered_questions"] == len(questions)
    seat.leave()


async def run(port: int, cohort: Cohort, at_once: int) -> float:
    """Seconds for the whole cohort, so many of them at once."""
    crowd, line = Crowd(port, cohort), iter(cohort.candidates)
    before = time.perf_counter()

    async def one_after_the_other(line: Iterator[Candidate]) -> None:
        for candidate in line:
            await sit(crowd, candidate)

    await all_of(one_after_the_other(line) for _ in range(at_once))
    return time.perf_counter() - before


def measure(place: Stage, people: int, at_once: int) -> dict[str, float]:
    """Candidates per second, and milliseconds of processor that one costs."""
    cohort = place.invite(people)
    place.server.start()
    pid, database, own = place.server.pid, place.database_seconds(), time.process_time()
    server = cpu_seconds(pid)
    seconds = uvloop.run(run(place.server.port, cohort, at_once))
    return {
        "candidates_per_second": people / seconds,
        "server_ms_per_candidate": 1000 * (cpu_seconds(pid) - server) / people,
        "database_ms_per_candidate": 1000 * (place.database_seconds() - database) / people,
        "load_ms_per_candidate": 1000 * (time.process_time() - own) / people,
    }


def main() -> None:
    said = options(__doc__, 2000, at_once=128)
    measured(
        "whole_candidates",
        "bench.whole_candidates",
        said.databases,
        lambda place: measure(place, said.people, said.at_once),
        REACH,
    )


if __name__ == "__main__":
    main()
