"""Linear Tests over a real socket: one question after the other, and never back."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from sitting.storage.tables import assessment_responses
from tests.support.delivery import QUESTIONS, Candidate, Hall, Line, line, seated


@pytest.fixture
def candidate(hall: Hall) -> Candidate:
    """Somebody with an application to a linear Test of four questions."""
    [invited] = hall.invite_many(hall.publish(navigation="linear"), 1)
    return invited


def position_of(own: Line, **wanted: Any) -> int:
    """Where the question stands that the server shows."""
    position: int = own.ask("get_question", "question", **wanted)["position"]
    return position


def presented(hall: Hall, started: dict[str, Any]) -> list[int]:
    log = hall.log_of(started["assessment_id"])
    return [entry.body["position"] for entry in log if entry.type == "presented"]


def ids_in(outline: list[dict[str, Any]]) -> list[str | None]:
    return [item["question_id"] for item in outline]


def check_closed(own: Line, candidate: Candidate, *positions: int, current: int) -> None:
    """None of these questions is shown, by position or by id."""
    for position in positions:
        for wanted in ({"position": position}, {"question_id": candidate.questions[position - 1].question_id}):
            own.send("get_question", "m", **wanted)
            message = own.refused("navigation_not_allowed")
            assert (message["reply_to"], message["data"]["details"]) == ("m", {"position": current})


def test_linear_test_goes_on_one_by_one_and_never_back(hall: Hall, candidate: Candidate) -> None:
    first, *_, last = candidate.questions
    with seated(candidate) as (own, started):
        assert started["navigation"] == "linear"
        assert ids_in(started["outline"]) == [first.question_id, None, None, None]
        check_closed(own, candidate, 3, 4, current=1)
        assert position_of(own) == 1, "without an answer nothing follows by itself"
        own.answer(first, first.wrong)
        own.answer(first, first.right)
        assert position_of(own) == 2
        assert position_of(own, position=3) == 3
        check_closed(own, candidate, 1, 2, current=3)
        assert position_of(own, question_id=last.question_id) == 4
        check_closed(own, candidate, 1, 2, 3, current=4)
        own.answer(last, last.right)
        assert [position_of(own), position_of(own, position=4)] == [4, 4]
        own.send("get_question", position=QUESTIONS + 1)
        own.refused("question_not_found")
        assert presented(hall, started) == [2, 3, 4]
        end = own.ask("complete_assessment", "assessment_completed")
    assert (end["results"]["answered_questions"], end["results"]["correct_answers"]) == (2, 2)


def test_answer_to_another_than_the_current_question_is_refused_and_stored_nowhere(
    hall: Hall, candidate: Candidate
) -> None:
    first, second, third, _ = candidate.questions
    with seated(candidate) as (own, started):
        saved = own.answer(first, first.wrong, client_id="phone", client_seq=1)
        assert position_of(own, position=2) == 2
        before = hall.log_of(started["assessment_id"])
        for asked, option in ((first, first.right), (first, None), (third, third.right)):
            own.send("submit_answer", "m", question_id=asked.question_id, selected_option=option)
            assert own.refused("navigation_not_allowed")["reply_to"] == "m"
        assert own.answer(first, first.wrong, client_id="phone", client_seq=1) == saved, "stored before, so acked again"
        assert hall.log_of(started["assessment_id"]) == before
        own.answer(second, second.right)
        stored = hall.rows(assessment_responses, assessment_id=started["assessment_id"])
    assert {row.question_id: row.selected_option for row in stored} == {
        first.question_id: first.wrong,
        second.question_id: second.right,
    }


def test_only_the_current_question_can_be_flagged(candidate: Candidate) -> None:
    first, second, third, _ = candidate.questions
    with seated(candidate) as (own, _):
        assert position_of(own, position=2) == 2
        for asked in (first, third):
            own.send("flag_question", "m", question_id=asked.question_id, flagged=True)
            assert own.refused("navigation_not_allowed")["reply_to"] == "m"
        flagged = own.ask("flag_question", "progress_update", question_id=second.question_id, flagged=True)
    assert flagged["flagged_questions"] == 1


def test_candidate_who_passes_a_question_goes_on_and_cannot_come_back(candidate: Candidate) -> None:
    first = candidate.questions[0]
    with seated(candidate) as (own, _):
        own.answer(first, None)
        assert position_of(own) == 2
        check_closed(own, candidate, 1, current=2)


def test_reload_stays_at_the_current_question_and_opens_none_before_it(hall: Hall, candidate: Candidate) -> None:
    first, second, *_ = candidate.questions
    with seated(candidate) as (own, started):
        own.answer(first, first.right)
        assert position_of(own) == 2
        own.answer(second, second.right)
    with line(candidate.address) as own:
        own.send("start_assessment", test_id=candidate.test_id)
        again = own.expect("assessment_started")
        assert own.expect("question")["position"] == 2, "answered, and still the current one"
        assert (again["recovered"], again["position"]) == (True, 2)
        assert ids_in(again["outline"]) == [first.question_id, second.question_id, None, None]
        check_closed(own, candidate, 1, current=2)
        assert presented(hall, started) == [2]
        assert position_of(own) == 3


def test_p20_takeover_keeps_the_position_and_the_older_socket_moves_nothing(hall: Hall, candidate: Candidate) -> None:
    with seated(candidate) as (first, started), line(candidate.address) as second:
        assert position_of(first, position=2) == 2
        taken = second.ask("resume_assessment", "assessment_recovered", assessment_id=started["assessment_id"])
        with suppress(ConnectionClosed):  # it may have been told already
            first.send("get_question", position=3)
        assert "question" not in [message["type"] for message in first.closed(4009)]
        assert taken["position"] == 2
        check_closed(second, candidate, 1, 4, current=2)
        assert position_of(second, position=3) == 3
        assert presented(hall, started) == [2, 3]


def test_pending_answers_count_for_the_current_question_alone(hall: Hall, candidate: Candidate) -> None:
    first, second, third, _ = candidate.questions
    with seated(candidate) as (own, started):
        own.answer(first, first.wrong, client_id="phone", client_seq=1)
        assert position_of(own) == 2
    typed = [(first, first.wrong), (first, first.right), (second, second.right), (third, third.right)]
    pending = [
        {"question_id": asked.question_id, "selected_option": option, "client_id": "phone", "client_seq": number}
        for number, (asked, option) in enumerate(typed, 1)
    ]
    with line(candidate.address) as own:
        assessment_id = started["assessment_id"]
        said = own.ask("resume_assessment", "assessment_recovered", assessment_id=assessment_id, pending=pending)
        own.check_alive()
    assert [(each["outcome"], each["code"]) for each in said["acknowledged"]] == [
        ("duplicate", None),
        ("refused", "navigation_not_allowed"),
        ("saved", None),
        ("refused", "navigation_not_allowed"),
    ]
    assert {each["question_id"]: each["selected_option"] for each in said["responses"]} == {
        first.question_id: first.wrong,
        second.question_id: second.right,
    }
    assert said["position"] == 2


def test_older_client_is_led_forward_by_the_server_to_the_end(hall: Hall, candidate: Candidate) -> None:
    with line(candidate.address, v1=False) as own:
        own.send("start_assessment", test_id=candidate.test_id)
        started = own.expect("assessment_started")
        for position, asked in enumerate(candidate.questions, 1):
            assert own.expect("question")["position"] == position
            assert presented(hall, started) == list(range(2, position + 1))
            own.answer(asked, None if position == 2 else asked.right)
        end = own.expect("assessment_completed")
    assert (end["reason"], end["results"]["answered_questions"]) == ("submitted", QUESTIONS - 1)


def test_older_client_that_comes_back_is_shown_the_current_question_and_no_left_one(candidate: Candidate) -> None:
    first, second, *_ = candidate.questions
    with seated(candidate, v1=False) as (own, _):
        own.answer(first, first.right)
        assert own.expect("question")["position"] == 2
    with line(candidate.address, v1=False) as own:
        own.send("start_assessment", test_id=candidate.test_id)
        own.expect("assessment_started")
        assert own.expect("question")["position"] == 2
        own.send("submit_answer", question_id=first.question_id, selected_option=first.wrong)
        own.refused("navigation_not_allowed")
        own.answer(second, second.right)
        assert own.expect("question")["position"] == 3


def test_no_question_follows_the_end(candidate: Candidate) -> None:
    with seated(candidate) as (own, _):
        assert position_of(own, position=2) == 2
        own.ask("complete_assessment", "assessment_completed")
        for position in (1, 2, 3):
            own.send("get_question", position=position)
            own.refused("assessment_over")


def test_p10_next_question_is_not_shown_before_the_step_is_stored(hall: Hall, candidate: Candidate) -> None:
    async def ask_while_nothing_can_be_stored(own: Line) -> None:
        async with hall.held_up():
            own.send("get_question", position=2)
            with pytest.raises(TimeoutError):
                own.read(within=1)

    with seated(candidate) as (own, started):
        asyncio.run(ask_while_nothing_can_be_stored(own))
        assert own.expect("question")["position"] == 2
        assert presented(hall, started) == [2]
