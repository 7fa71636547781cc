from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from sitting.domain.errors import ErrorCode, InvalidMessage, NotAllowed, RateLimited, SittingError
from sitting.protocol.commands import COMMANDS, Command, StartAssessment, decode
from sitting.protocol.connection import MAX_UNANSWERED, ConnectionPhase, ConnectionState
from tests.support.samples import START

LEAST: dict[str, dict[str, Any]] = {
    "auth": {"token": "t"},
    "start_assessment": {"test_id": 7},
    "resume_assessment": {"assessment_id": 42},
    "get_question": {},
    "submit_answer": {"question_id": "q_1", "selected_option": "o_1"},
    "flag_question": {"question_id": "q_1", "flagged": True},
    "get_progress": {},
    "integrity_event": {"kind": "paste"},
    "heartbeat": {},
    "start_break": {},
    "end_break": {},
    "complete_assessment": {},
}


def command(type_: str, strict: bool = True) -> Command:
    return decode(json.dumps({"type": type_, "data": LEAST[type_]}), strict=strict)[0]


def connection(phase: ConnectionPhase = ConnectionPhase.CONNECTED, url_test_id: int | None = None) -> ConnectionState:
    """A connection that got as far as `phase` by the way that a real one takes."""
    state = ConnectionState("c_1", speaks_v1=True, url_test_id=url_test_id)
    if phase is not ConnectionPhase.CONNECTED:
        state.authenticate(5)
    if phase is ConnectionPhase.ATTACHED:
        state.start_assessment(7, 42, START, attachment=2)
    assert state.phase is phase
    return state


def refusal(state: ConnectionState, type_: str, strict: bool) -> str | None:
    try:
        state.admit(command(type_, strict))
    except SittingError as error:
        return error.code
    return None


OPENERS = {"start_assessment", "resume_assessment", "heartbeat"}
EXPECTED = {
    ConnectionPhase.CONNECTED: dict.fromkeys(LEAST, ErrorCode.NOT_AUTHENTICATED) | {"auth": None},
    ConnectionPhase.AUTHENTICATED: {
        type_: None if type_ in OPENERS else ErrorCode.ASSESSMENT_NOT_FOUND for type_ in LEAST
    }
    | {"auth": ErrorCode.INVALID_MESSAGE},
    ConnectionPhase.ATTACHED: dict.fromkeys(LEAST) | {"auth": ErrorCode.INVALID_MESSAGE},
}


@pytest.mark.parametrize("strict", [False, True], ids=["legacy", "v1"])
@pytest.mark.parametrize("type_", LEAST)
@pytest.mark.parametrize("phase", ConnectionPhase)
def test_each_message_is_admitted_in_its_phases_only(phase: ConnectionPhase, type_: str, strict: bool) -> None:
    assert refusal(connection(phase), type_, strict) == EXPECTED[phase][type_]


def test_table_above_holds_every_message_and_every_phase() -> None:
    assert set(LEAST) == set(COMMANDS)
    assert set(EXPECTED) == set(ConnectionPhase)


def test_authentication_names_the_user_and_nothing_else() -> None:
    state = connection(ConnectionPhase.AUTHENTICATED)
    assert (state.user_id, state.assessment_id, state.attachment) == (5, None, 0)


def test_start_remembers_what_is_worked_on_and_by_which_right() -> None:
    state = connection(ConnectionPhase.ATTACHED)
    assert (state.test_id, state.assessment_id, state.attachment, state.attached_at) == (7, 42, 2, START)


def test_another_start_on_the_same_socket_moves_it() -> None:
    state = connection(ConnectionPhase.ATTACHED)
    state.start_assessment(8, 43, START, attachment=9)
    assert (state.test_id, state.assessment_id, state.attachment) == (8, 43, 9)
    assert state.phase is ConnectionPhase.ATTACHED


def test_p24_the_33rd_unanswered_frame_is_refused() -> None:
    state = connection()
    for _ in range(32):
        state.frame_received(START)
    with pytest.raises(RateLimited):
        state.frame_received(START)
    assert state.unanswered == 32 == MAX_UNANSWERED


def test_an_answered_frame_makes_room_for_one_more() -> None:
    state = connection()
    for _ in range(32):
        state.frame_received(START)
    state.frame_answered()
    state.frame_received(START)
    with pytest.raises(RateLimited):
        state.frame_received(START)


def test_any_number_of_frames_passes_if_each_is_answered() -> None:
    state = connection()
    for second in range(1000):
        state.frame_received(START + timedelta(seconds=second))
        state.frame_answered()
    assert state.unanswered == 0


@pytest.mark.parametrize(
    ("url", "message", "meant"), [(7, None, 7), (None, 7, 7), (7, 7, 7), (7, "7", 7), (7, "0007", 7), (None, "7", 7)]
)
def test_test_is_named_by_address_or_message_as_number_or_text(
    url: int | None, message: int | str | None, meant: int
) -> None:
    assert connection(url_test_id=url).resolve_test_id(StartAssessment(test_id=message)) == meant


@pytest.mark.parametrize("message", [8, "8", "70"])
def test_message_may_not_contradict_the_address(message: int | str) -> None:
    with pytest.raises(NotAllowed):
        connection(url_test_id=7).resolve_test_id(StartAssessment(test_id=message))


@pytest.mark.parametrize(("url", "message"), [(None, None), (None, "0"), (7, "0"), (7, "9" * 16)])
def test_no_test_or_an_impossible_one_is_refused(url: int | None, message: str | None) -> None:
    with pytest.raises(InvalidMessage):
        connection(url_test_id=url).resolve_test_id(StartAssessment(test_id=message))
