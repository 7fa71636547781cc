"""Who may say what on the socket: every type of frame, from everybody who could send it. A new type needs a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from sitting.protocol.commands import COMMANDS
from tests.support.delivery import Candidate, Hall, line, seated

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
