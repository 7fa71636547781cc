"""The deadline while candidates are connected: what still counts, what does not, and how the end reaches them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from sitting.storage.tables import assessment_responses, assessments
from tests.support.delivery import Candidate, Hall, Line, line, now, seated
from tests.support.eventually import eventually

GRACE = timedelta(seconds=2)
AHEAD = timedelta(seconds=6)
WARNED_AHEAD = timedelta(seconds=13)
NAMES = ("writer", "idle", "older", "handing in", "tardy", "returning")
Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class Evening:
    """What each candidate heard when the window closed for all of them.

    Attributes:
        in_grace: behind the deadline, and within the grace. behind: after both. end: until the socket closed.
    """

    deadline: datetime
    people: dict[str, Candidate]
    in_grace: dict[str, Messages]
    behind: dict[str, Messages]
    end: dict[str, Messages]
    warning: dict[str, Any]
    refused_start: dict[str, Any]


def wait_until(instant: datetime) -> None:
    def check() -> None:
        assert now() > instant

    eventually(check, within=20)


def read(own: Line, number: int) -> Messages:
    return [own.read() for _ in range(number)]


def answer(own: Line, candidate: Candidate, place: int, id_: str | None = None) -> None:
    asked = candidate.questions[place]
    own.send("submit_answer", id_, question_id=asked.question_id, selected_option=asked.right)


def say_in_grace(lines: dict[str, Line], people: dict[str, Candidate]) -> dict[str, Messages]:
    answer(lines["writer"], people["writer"], 1)
    lines["writer"].send("get_question", "q")
    answer(lines["older"], people["older"], 3)
    lines["handing in"].send("complete_assessment")
    return {
        "writer": read(lines["writer"], 3),
        "older": read(lines["older"], 3),
        "handing in": read(lines["handing in"], 1),
    }


def say_behind(lines: dict[str, Line], people: dict[str, Candidate]) -> dict[str, Messages]:
    answer(lines["writer"], people["writer"], 2, "late")
    lines["writer"].send("get_progress")
    lines["tardy"].send("complete_assessment", "late")
    lines["returning"].send("start_assessment")
    lines["returning"].send("heartbeat")
    return {
        "writer": read(lines["writer"], 2),
        "tardy": read(lines["tardy"], 1),
        "returning": read(lines["returning"], 2),
    }


@pytest.fixture(scope="module")
def evening(hall: Hall) -> Iterator[Evening]:
    """A window that closes while everybody is at work, in real time."""
    warned = invite_until(hall, now() + WARNED_AHEAD, 1)[0]
    deadline = now() + AHEAD
    *those, absent = invite_until(hall, deadline, len(NAMES) + 1)
    people = dict(zip(NAMES, those, strict=True))
    with ExitStack() as stack:
        hearing, _ = stack.enter_context(seated(warned))
        lines = {
            name: stack.enter_context(seated(candidate, v1=name != "older"))[0] for name, candidate in people.items()
        }
        lines["writer"].answer(people["writer"].questions[0], people["writer"].questions[0].right)
        for asked in people["older"].questions[:3]:
            lines["older"].answer(asked, asked.right)
            lines["older"].expect("question")
        assert now() < deadline, "too slow for this test"
        wait_until(deadline)
        in_grace = say_in_grace(lines, people)
        wait_until(deadline + GRACE)
        lines["returning"] = stack.enter_context(line(people["returning"].address))
        behind = say_behind(lines, people)
        late = stack.enter_context(line(absent.address))
        late.send("start_assessment")
        refused_start = late.refused("test_not_open")
        end = {name: lines[name].closed(4010, within=20) for name in ("writer", "idle", "tardy", "returning")}
        yield Evening(deadline, people, in_grace, behind, end, hearing.expect("time_warning"), refused_start)


def invite_until(hall: Hall, deadline: datetime, number: int) -> list[Candidate]:
    """So many people, invited to a Test whose only limit is the end of its window."""
    rules = {"time_limit_minutes": None, "grace_seconds": GRACE.seconds, "closes_at": deadline.isoformat()}
    return hall.invite_many(hall.publish(**rules), number)


@pytest.fixture
def row_of(hall: Hall, evening: Evening) -> Callable[[str], Any]:
    """The row of somebody's assessment."""
    return lambda name: hall.rows(assessments, user_id=evening.people[name].user_id)[0]


def types(messages: Messages) -> list[str]:
    return [message["type"] for message in messages]


def test_p15_answer_within_the_grace_counts(hall: Hall, evening: Evening, row_of: Callable[[str], Any]) -> None:
    assert types(evening.in_grace["writer"][:2]) == ["answer_saved", "progress_update"]
    assert evening.in_grace["writer"][1]["data"]["remaining_seconds"] == 0
    stored = hall.rows(assessment_responses, assessment_id=row_of("writer").id)
    counted = [asked.question_id for asked in evening.people["writer"].questions[:2]]
    assert {(row.question_id, row.points) for row in stored} == {(question_id, 1000) for question_id in counted}
    assert row_of("writer").total_score == 2000


def test_question_is_not_given_behind_the_deadline(evening: Evening) -> None:
    message = evening.in_grace["writer"][2]
    assert (message["data"]["code"], message["reply_to"]) == ("deadline_passed", "q")


def test_p14_answer_behind_the_grace_is_refused_and_kept(
    hall: Hall, evening: Evening, row_of: Callable[[str], Any]
) -> None:
    refusal, progress = evening.behind["writer"]
    assert (refusal["data"]["code"], refusal["reply_to"]) == ("deadline_passed", "late")
    assert progress["data"]["answered_questions"] == 2
    late = [entry for entry in hall.log_of(row_of("writer").id) if entry.type == "late_answer"]
    assert [entry.body["answers"][0]["question_id"] for entry in late] == [
        evening.people["writer"].questions[2].question_id
    ]
    [end] = evening.end["writer"]
    assert end["data"]["results"]["scheduler_compliance"]["late_answers"] == 1


@pytest.mark.parametrize("name", ["writer", "idle", "tardy", "returning"])
def test_time_runs_out_by_itself_and_everybody_is_told(
    evening: Evening, row_of: Callable[[str], Any], name: str
) -> None:
    [message] = evening.end[name]
    assert (message["type"], message["data"]["reason"]) == ("assessment_completed", "timeout")
    assert message["data"]["results"]["status"] == "timeout"
    row = row_of(name)
    assert (row.status, row.end_reason, row.end_time) == ("timeout", "timeout", evening.deadline)
    assert row.updated_at > evening.deadline + GRACE


def test_handing_in_within_the_grace_counts_as_submitted_at_the_deadline(
    evening: Evening, row_of: Callable[[str], Any]
) -> None:
    for name in ("handing in", "older"):
        message = evening.in_grace[name][-1]
        assert (message["type"], message["data"]["reason"]) == ("assessment_completed", "submitted")
        row = row_of(name)
        assert (row.status, row.end_time) == ("completed", evening.deadline)
    assert types(evening.in_grace["older"]) == ["answer_saved", "progress_update", "assessment_completed"]
    assert row_of("older").total_score == 4000


def test_handing_in_behind_the_grace_is_refused(evening: Evening) -> None:
    [message] = evening.behind["tardy"]
    assert (message["data"]["code"], message["reply_to"]) == ("deadline_passed", "late")


def test_coming_back_behind_the_grace_shows_how_it_stands_and_no_question(evening: Evening) -> None:
    started, pong = evening.behind["returning"]
    assert (started["type"], started["data"]["recovered"], started["data"]["remaining_seconds"]) == (
        "assessment_started",
        True,
        0,
    )
    assert (pong["type"], pong["data"]["remaining_seconds"]) == ("pong", 0)


def test_nobody_starts_behind_the_window(evening: Evening) -> None:
    assert evening.refused_start["data"]["retryable"] is False


def test_candidate_is_warned_ten_seconds_before_the_end(evening: Evening) -> None:
    assert 9.2 < evening.warning["remaining_seconds"] < 10.05
