"""Clients of `sitting.v1`, clients older than that, and the ids by which both find the answer to what they said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sitting.storage.tables import assessments
from tests.support.delivery import Candidate, Hall, Line, line, seated


def send_with_more(own: Line, where: str) -> None:
    """A heartbeat with a field that nobody knows, in the envelope or in the data."""
    message: dict[str, Any] = {"type": "heartbeat", "id": "m", "data": {}}
    (message if where == "envelope" else message["data"])["colour"] = "red"
    own.socket.send(json.dumps(message))


@pytest.mark.parametrize("where", ["envelope", "data"])
def test_unknown_field_is_refused_to_v1_and_ignored_for_older_clients(hall: Hall, where: str) -> None:
    address = hall.invite().address
    with line(address) as newer, line(address, v1=False) as older:
        send_with_more(newer, where)
        message = newer.refused("invalid_message")
        assert message["reply_to"] == "m"
        assert "colour" in message["data"]["details"]["reason"]
        newer.check_alive()
        send_with_more(older, where)
        assert older.read()["type"] == "pong"


def test_older_client_is_led_from_question_to_question_to_the_end(hall: Hall) -> None:
    candidate = hall.invite()
    with line(candidate.address, v1=False) as own:
        own.send("start_assessment", test_id=candidate.test_id)
        own.expect("assessment_started")
        for asked in candidate.questions:
            assert own.expect("question")["question_id"] == asked.question_id
            own.send("submit_answer", question_id=asked.question_id, selected_option=asked.right)
            own.expect("answer_saved")
            own.expect("progress_update")
        end = own.expect("assessment_completed")
    assert (end["reason"], end["results"]["percentage_score"]) == ("submitted", 100)
    [row] = hall.rows(assessments, user_id=candidate.user_id)
    assert (row.status, row.id) == ("completed", end["results"]["assessment_id"])


def test_older_client_that_changes_or_clears_an_answer_is_shown_what_is_still_open(hall: Hall) -> None:
    candidate = hall.invite()
    first, second, *_ = candidate.questions
    with seated(candidate, v1=False) as (own, _):
        own.answer(first, first.wrong)
        assert own.expect("question")["question_id"] == second.question_id
        own.answer(first, first.right)
        assert own.expect("question")["question_id"] == second.question_id
        own.answer(first, None)
        assert own.expect("question")["question_id"] == first.question_id


def test_older_client_whose_resend_answers_nothing_new_is_still_led_on(hall: Hall) -> None:
    candidate = hall.invite()
    first, second, *_ = candidate.questions
    with seated(candidate, v1=False) as (own, _):
        for _ in range(2):
            own.answer(first, first.right, client_id="old", client_seq=1)
            assert own.expect("question")["question_id"] == second.question_id


def test_v1_client_is_led_nowhere(hall: Hall) -> None:
    candidate = hall.invite()
    with seated(candidate) as (own, _):
        for asked in candidate.questions:
            own.answer(asked, asked.right)
            own.check_alive()
    [row] = hall.rows(assessments, user_id=candidate.user_id)
    assert row.status == "in_progress"


def exchanges(candidate: Candidate) -> list[tuple[str, dict[str, Any], list[str]]]:
    """Type, data, and the types of what comes back; the first of these is the direct reply."""
    asked = candidate.questions[0]
    answer = {"question_id": asked.question_id, "selected_option": asked.right}
    return [
        ("get_progress", {}, ["error"]),
        ("start_assessment", {"test_id": 987_654_321}, ["error"]),
        ("start_assessment", {"test_id": candidate.test_id}, ["assessment_started", "question"]),
        ("resume_assessment", {"assessment_id": 987_654_321}, ["error"]),
        ("heartbeat", {}, ["pong"]),
        ("get_question", {}, ["question"]),
        ("get_question", {"position": 99}, ["error"]),
        ("submit_answer", answer, ["answer_saved", "progress_update"]),
        ("submit_answer", answer | {"selected_option": "o_none"}, ["error"]),
        ("submit_answer", {}, ["error"]),
        ("flag_question", {"question_id": asked.question_id, "flagged": True}, ["progress_update"]),
        ("get_progress", {}, ["progress_update"]),
        ("dance", {}, ["error"]),
        ("complete_assessment", {}, ["assessment_completed"]),
        ("complete_assessment", {}, ["error"]),
    ]


@pytest.mark.parametrize("id_", ["m-1", "", None])
def test_direct_reply_names_the_message_if_and_only_if_it_had_an_id(hall: Hall, id_: str | None) -> None:
    candidate = hall.invite()
    with line(f"{hall.server.ws_url}?token={candidate.token}") as own:
        for type_, data, expected in exchanges(candidate):
            own.send(type_, id_, **data)
            replies = [own.read() for _ in expected]
            assert [reply["type"] for reply in replies] == expected, (type_, replies)
            named = [reply.get("reply_to", "no such field") for reply in replies]
            assert named == ["no such field" if id_ is None else id_, *["no such field"] * (len(expected) - 1)], type_


def test_reply_to_a_resume_names_it_too(hall: Hall) -> None:
    with seated(hall.invite()) as (own, started):
        own.send("resume_assessment", "again", assessment_id=started["assessment_id"])
        message = own.read()
    assert (message["type"], message["reply_to"]) == ("assessment_recovered", "again")


@pytest.mark.parametrize("text", ['{"type":"heartbeat","id":"m","id":"m"}', '{"id":"m"}', '{"id":"m","type":7}'])
def test_refusal_of_a_broken_envelope_names_it_as_far_as_it_can_be_read(hall: Hall, text: str) -> None:
    with line(hall.invite().address) as own:
        own.socket.send(text)
        assert own.refused("invalid_message").get("reply_to") == "m"
        own.check_alive()
