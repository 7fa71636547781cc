"""What becomes of frames whose sender is gone by the time that the server gets to them."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support.delivery import Candidate, Hall, Line, Logged, seated
from tests.support.eventually import eventually


def log_behind_the_leaving(hall: Hall, assessment_id: int) -> list[Logged]:
    """The log once the server has noticed that the socket is closed and has dealt with all that it sent."""

    def look() -> list[Logged]:
        log = hall.log_of(assessment_id)
        assert log[-1].type == "detached", [entry.type for entry in log]
        return log

    return eventually(look)


def leave(hall: Hall, own: Line, candidate: Candidate, *last: tuple[str, dict[str, Any]]) -> None:
    """Answer the first question, say what comes `last` and hang up, all of it while the database makes one wait."""
    asked = candidate.questions[0]

    async def say_it() -> None:
        async with hall.held_up():
            own.send("submit_answer", question_id=asked.question_id, selected_option=asked.right)
            for type_, data in last:
                own.send(type_, **data)
            own.socket.close()

    asyncio.run(say_it())


def test_answers_that_arrived_are_kept_though_the_client_is_gone(hall: Hall) -> None:
    candidate = hall.invite()
    _, second, third, _ = candidate.questions
    answers = [{"question_id": asked.question_id, "selected_option": asked.right} for asked in (second, third)]
    with seated(candidate) as (own, started):
        leave(hall, own, candidate, *(("submit_answer", answer) for answer in answers))
    log = log_behind_the_leaving(hall, started["assessment_id"])
    assert [entry.type for entry in log] == ["started", "attached", *["answered"] * 3, "detached"]


def test_handing_in_that_arrived_counts_though_the_client_is_gone(hall: Hall) -> None:
    candidate = hall.invite()
    with seated(candidate) as (own, started):
        leave(hall, own, candidate, ("complete_assessment", {}))

    def look() -> None:
        assert hall.log_of(started["assessment_id"])[-1].type == "finalized"

    eventually(look)


def test_p20_client_that_is_gone_takes_nothing_over(hall: Hall) -> None:
    """Else its late start would throw out the socket on which the candidate has come back meanwhile."""
    candidate = hall.invite()
    with seated(candidate) as (own, started):
        ids = {"test_id": candidate.test_id}, {"assessment_id": started["assessment_id"]}
        leave(hall, own, candidate, ("start_assessment", ids[0]), ("resume_assessment", ids[1]))
    log = log_behind_the_leaving(hall, started["assessment_id"])
    assert [entry.type for entry in log] == ["started", "attached", "answered", "detached"]
