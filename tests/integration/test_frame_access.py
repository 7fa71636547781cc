"""Who may say what on the socket: every type of frame, from everybody who could send it. A new type needs a row."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from sitting.protocol.commands import COMMANDS
from sitting.storage.tables import assessment_events, assessment_responses, assessments, users
from tests.support.delivery import Candidate, Hall, Line, line, seated

Data = Callable[[Candidate, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """What a type of frame is answered; all codes are those of errors.

    Attributes:
        foreign: data that names what is somebody else's, given whose and what `assessment_started` told them.
        foreign_code: what that is answered; None where a frame names nothing that could be somebody else's.
        unattached: what it is answered before a start, None where it needs none.
    """

    foreign: Data | None = None
    foreign_code: str | None = None
    unattached: str | None = "assessment_not_found"


ROWS = {
    "auth": Row(unattached="invalid_message"),
    "start_assessment": Row(
        lambda other, _: {"test_id": other.test_id, "application_id": other.application_id},
        "application_not_found",
        unattached=None,
    ),
    "resume_assessment": Row(
        lambda _, started: {"assessment_id": started["assessment_id"]}, "assessment_not_found", unattached=None
    ),
    "get_question": Row(lambda *_: {"question_id": "q_foreign"}, "question_not_found"),
    "submit_answer": Row(lambda *_: {"question_id": "q_foreign", "selected_option": "o_1"}, "question_not_found"),
    "flag_question": Row(lambda *_: {"question_id": "q_foreign", "flagged": True}, "question_not_found"),
    "get_progress": Row(),
    "integrity_event": Row(),
    "heartbeat": Row(unattached=None),
    "start_break": Row(),
    "end_break": Row(),
    "complete_assessment": Row(),
}
VALID: dict[str, dict[str, Any]] = {
    "auth": {"token": "not.a.token"},
    "start_assessment": {"test_id": 1},
    "resume_assessment": {"assessment_id": 1},
    "submit_answer": {"question_id": "q_1", "selected_option": None},
    "flag_question": {"question_id": "q_1", "flagged": True},
    "integrity_event": {"kind": "focus_lost"},
}


def test_every_type_of_frame_has_a_row() -> None:
    assert set(ROWS) == set(COMMANDS)


@pytest.mark.parametrize("type_", sorted(ROWS.keys() - {"auth"}))
def test_nobody_in_particular_is_turned_away(hall: Hall, type_: str) -> None:
    with line(hall.server.ws_url) as stranger:
        stranger.send(type_, **VALID.get(type_, {}))
        stranger.refused("not_authenticated")
        stranger.closed(4001)


@pytest.mark.parametrize("type_", sorted(name for name, row in ROWS.items() if row.unattached))
def test_what_needs_an_assessment_is_refused_before_one_is_started(hall: Hall, type_: str) -> None:
    with line(hall.invite().address) as early:
        early.send(type_, **VALID.get(type_, {}))
        early.refused(str(ROWS[type_].unattached))
        early.check_alive()


@pytest.mark.parametrize("type_", sorted(name for name, row in ROWS.items() if row.foreign))
def test_what_is_somebody_elses_looks_as_if_it_were_not_there(hall: Hall, type_: str) -> None:
    row, other = ROWS[type_], hall.invite()
    assert row.foreign is not None
    with seated(other) as (_, started), seated(hall.invite()) as (own, _own_started):
        own.send(type_, **row.foreign(other, started))
        message = own.refused(str(row.foreign_code))
        assert other.token not in str(message)
        own.check_alive()
    types = [entry.type for entry in hall.log_of(started["assessment_id"])]
    assert set(types) <= {"started", "attached", "detached"}


def named_after(other: Candidate, started: dict[str, Any], type_: str, saved: dict[str, Any]) -> dict[str, Any]:
    """A valid frame of that type which names everything of that other candidate, wherever one could look for it."""
    answer = {"question_id": saved["question_id"], "selected_option": other.questions[0].wrong, "flagged": True}
    return {
        **VALID.get(type_, {}),
        **({} if type_ == "get_question" else answer),
        "token": other.token,
        "user_id": other.user_id,
        "test_id": other.test_id,
        "application_id": other.application_id,
        "assessment_id": started["assessment_id"],
        "attachment": started["attachment"],
        "seq": saved["seq"],
        "pending": [answer],
    }


def stored_of(hall: Hall, other: Candidate, assessment_id: int) -> list[Any]:
    """All that is stored of that candidate and of their assessment."""
    of_one = [hall.rows(table, assessment_id=assessment_id) for table in (assessment_events, assessment_responses)]
    return [hall.rows(assessments, id=assessment_id), hall.rows(users, id=other.user_id), *of_one]


def said_until_the_pong(own: Line) -> list[dict[str, Any]]:
    """What is still said on that socket, until it answers a heartbeat or closes."""
    said: list[dict[str, Any]] = []
    with suppress(ConnectionClosed):
        own.send("heartbeat", "end")
        while not said or said[-1].get("reply_to") != "end":
            said.append(own.read())
    return said


@pytest.mark.parametrize("is_attached", [True, False], ids=["attached", "unattached"])
@pytest.mark.parametrize("type_", sorted(ROWS))
def test_p22_no_frame_shows_or_changes_what_is_somebody_elses(hall: Hall, type_: str, is_attached: bool) -> None:
    other, candidate = hall.invite(), hall.invite()
    with seated(other) as (beside, started):
        saved = beside.answer(other.questions[0], other.questions[0].right)
        before = stored_of(hall, other, started["assessment_id"])
        with line(candidate.address, v1=False) as own:  # of which unknown fields are not refused
            mine = own.start(candidate)["assessment_id"] if is_attached else None
            own.send(type_, **named_after(other, started, type_, saved))
            said = said_until_the_pong(own)
            if mine is None:
                own_now = hall.rows(assessments, user_id=candidate.user_id)
                assert own_now == []
        beside.check_alive()
        assert stored_of(hall, other, started["assessment_id"]) == before
    assert said
    for message in said:
        assert message["data"].get("assessment_id", mine) == mine, message
        assert message["data"].get("user_id", candidate.user_id) == candidate.user_id, message
        assert saved["digest"] not in str(message)


def test_p22_token_of_another_does_not_change_whose_socket_it_is(hall: Hall) -> None:
    other, candidate = hall.invite(), hall.invite()
    with seated(other) as (beside, started):
        with seated(candidate) as (own, _):
            own.send("auth", token=other.token)
            own.refused("invalid_message")
            own.send("resume_assessment", assessment_id=started["assessment_id"])
            own.refused("assessment_not_found")
            own.check_alive()
        beside.check_alive()
