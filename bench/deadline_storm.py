"""A deadline storm: many assessments with one deadline, some of them attached, and nobody hands in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import uvloop
from sqlalchemy import func, select

from bench.cohort import Candidate, Cohort, make_cohort
from bench.seat import Failed, Seat
from bench.stage import Stage, cpu_seconds
from bench.storm import Crowd, all_leave, all_of, measured, options
from sitting.domain.deadline import DRAIN
from sitting.domain.response import Answer
from sitting.storage.opening import open_storage
from sitting.storage.tables import assessments
from sitting.storage.unit_of_work import Storage
from sitting.storage.url import DatabaseUrl
from sitting.usecases.start_assessment import start_assessment
from sitting.usecases.submit_answers import submit_answers
from tests.support.storage import running_storage

REACH = {"all_final_after_seconds": "≤ 10 at 10,000", "not_final": "0", "attached_not_told": "0"}
MINUTES = 60
GRACE = timedelta(seconds=5)
ANSWERS = 5
PATIENCE_SECONDS = 60.0


async def prepare(url: str, people: int, closes_at: Callable[[], datetime]) -> tuple[Cohort, list[int], datetime]:
    """Have everybody start so that all time is over at one instant, and answer a few questions.

    Returns:
        The cohort, the assessment_ids in its order, and that instant.
    """
    async with running_storage(url) as storage:
        cohort = await make_cohort(storage, people, minutes=MINUTES)
        deadline = closes_at()
        began = deadline - timedelta(minutes=MINUTES)
        ids: list[int] = []
        for first in range(0, people, 500):
            some = cohort.candidates[first : first + 500]
            ids += await all_of(_at_work(storage, cohort, candidate, began) for candidate in some)
    return cohort, ids, deadline


async def _at_work(storage: Storage, cohort: Cohort, candidate: Candidate, at: datetime) -> int:
    started = await start_assessment(
        storage,
        user_id=candidate.user_id,
        test_id=cohort.test_id,
        application_id=None,
        connection_id="c_bench",
        now=at,
    )
    live = started.live
    for question in live.paper.questions[:ANSWERS]:
        (outcome,) = await submit_answers(
            storage,
            live,
            attachment=live.state.attachment,
            answers=[Answer(question.question_id, question.option_order[0])],
            arrived_at=at,
            now=at,
        )
        assert outcome.stored is not None
    return live.assessment_id


async def run(place: Stage, cohort: Cohort, ids: list[int], deadline: datetime, attached: int) -> dict[str, float]:
    """Attach some, wait for the deadline, and look until all are final."""
    crowd = Crowd(place.server.port, cohort)

    async def resumed(candidate: Candidate, assessment_id: int) -> Seat:
        seat = await crowd.connected(candidate)
        await seat.ask("resume_assessment", {"assessment_id": assessment_id}, "assessment_recovered")
        return seat

    some = zip(cohort.candidates[:attached], ids[:attached], strict=True)
    seats = await all_of(resumed(candidate, id_) for candidate, id_ in some)
    due = deadline + GRACE + DRAIN
    assert datetime.now(UTC) < deadline, "the deadline came before everybody was ready: --lead has to be longer"
    storage = open_storage(DatabaseUrl.parse(place.url))
    try:
        await asyncio.sleep((due - datetime.now(UTC)).total_seconds())
        cpu, database = cpu_seconds(place.server.pid), place.database_seconds()
        left = await _open_after(storage, PATIENCE_SECONDS)
        took = (datetime.now(UTC) - due).total_seconds()
    finally:
        await storage.database.close()
    told = [await _told(seat) for seat in seats]
    await all_leave(seats)
    return {
        "all_final_after_seconds": took,
        "not_final": float(left),
        "attached_not_told": float(len(told) - sum(told)),
        "server_cpu_seconds": cpu_seconds(place.server.pid) - cpu,
        "database_cpu_seconds": place.database_seconds() - database,
    }


async def _open_after(storage: Storage, patience: float) -> int:
    until = time.monotonic() + patience
    statement = select(func.count()).where(assessments.c.end_time.is_(None))
    while True:
        async with storage.database.reading() as connection:
            left = await connection.scalar(statement) or 0
        if not left or time.monotonic() > until:
            return left
        await asyncio.sleep(0.1)


async def _told(seat: Seat) -> bool:
    try:
        completed = await seat.hear("assessment_completed")
    except Failed:
        return False
    return bool(completed["reason"] == "timeout")


def measure(place: Stage, people: int, attached: int, lead: int) -> dict[str, float]:
    """How long behind D + G + 5 s the last one is final, and whether those who watched were told."""

    def closes_at() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=lead)

    cohort, ids, deadline = uvloop.run(prepare(place.url, people, closes_at))
    place.server.start()
    return uvloop.run(run(place, cohort, ids, deadline, attached))


def main() -> None:
    said = options(__doc__, 10_000, attached=2000, lead=120)
    measured(
        "deadline_storm",
        "bench.deadline_storm",
        said.databases,
        lambda place: measure(place, said.people, said.attached, said.lead),
        REACH,
    )


if __name__ == "__main__":
    main()
