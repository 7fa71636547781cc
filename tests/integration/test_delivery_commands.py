"""Each command over a real socket: what it answers, and what it refuses without harm to the connection."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sitting.storage.tables import assessment_responses, assessments
from tests.support.delivery import QUESTIONS, Candidate, Hall, line, seated

NOBODYS = "q_0000nobody"


def test_question_is_given_by_id_by_position_or_as_the_next_unanswered(hall: Hall) -> None:
    candidate = hall.invite()
    with seated(candidate) as (own, _):
        for position, asked in enumerate(candidate.questions, 1):
            by_id = own.ask("get_question", "question", question_id=asked.question_id)
            assert by_id == own.ask("get_question", "question", position=position)
            assert (by_id["question_id"], by_id["position"]) == (asked.question_id, position)
        for position, asked in enumerate(candidate.questions, 1):
            assert own.ask("get_question", "question")["position"] == position
            own.answer(asked, asked.right)
        assert own.ask("get_question", "question")["position"] == QUESTIONS, "all answered: the last one again"


def test_p21_question_comes_without_its_key(hall: Hall) -> None:
    candidate = hall.invite()
    with seated(candidate) as (own, _):
        shown = own.ask("get_question", "question", position=1)
    assert set(shown) == {"question_id", "position", "question"}
    fields = {"text", "html", "type", "options", "difficulty", "skill", "points", "media", "unit"}
    assert set(shown["question"]) == fields
    assert [set(option) for option in shown["question"]["options"]] == [{"id", "text", "html"}] * 4


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("get_question", {"question_id": NOBODYS}),
        ("get_question", {"position": QUESTIONS + 1}),
        ("get_question", {"position": 2**53 - 1}),
        ("submit_answer", {"question_id": NOBODYS, "selected_option": "o_1"}),
        ("flag_question", {"question_id": NOBODYS, "flagged": True}),
    ],
)
def test_question_that_is_not_in_the_paper_is_not_found(hall: Hall, type_: str, data: dict[str, Any]) -> None:
    with seated(hall.invite()) as (own, _):
        own.send(type_, "m", **data)
        assert own.refused("question_not_found")["reply_to"] == "m"
        own.check_alive()


def test_answer_may_be_the_options_exact_text(hall: Hall) -> None:
    candidate = hall.invite()
    [asked, *_] = candidate.questions
    with seated(candidate) as (own, started):
        own.answer(asked, asked.right_text)
        [stored] = hall.rows(assessment_responses, assessment_id=started["assessment_id"])
        assert stored.selected_option == asked.right


@pytest.mark.parametrize(
    "answer",
    [
        {"selected_option": "o_nothing"},
        {"selected_option": ""},
        {"selected_option": "the option of another question"},
        {"selected_option": " 2 "},
        {},
        {"selected_options": ["o_1"]},
        {"value": "2"},
    ],
    ids=str,
)
def test_what_is_no_possible_answer_is_refused_and_stored_nowhere(hall: Hall, answer: dict[str, Any]) -> None:
    candidate = hall.invite()
    if answer.get("selected_option") == "the option of another question":
        answer = {"selected_option": candidate.questions[1].right}
    with seated(candidate) as (own, started):
        before = hall.log_of(started["assessment_id"])
        own.send("submit_answer", "m", question_id=candidate.questions[0].question_id, **answer)
        assert own.refused("invalid_answer")["reply_to"] == "m"
        own.check_alive()
        assert hall.log_of(started["assessment_id"]) == before


def test_acknowledgement_names_the_entry_of_the_log_that_keeps_the_answer(hall: Hall) -> None:
    candidate = hall.invite()
    [asked, *_] = candidate.questions
    with seated(candidate) as (own, started):
        saved = own.answer(asked, asked.wrong, client_id="phone", client_seq=7, base_seq=0)
        entry = hall.log_of(started["assessment_id"])[-1]
    assert set(saved) == {"question_id", "client_id", "client_seq", "seq", "saved_at", "digest"}
    assert (saved["question_id"], saved["client_id"], saved["client_seq"]) == (asked.question_id, "phone", 7)
    assert (entry.seq, entry.type) == (saved["seq"], "answered")
    assert [(a["selected_option"], a["verdict"]) for a in entry.body["answers"]] == [(asked.wrong, "saved")]


def test_null_takes_an_answer_back(hall: Hall) -> None:
    candidate = hall.invite()
    [asked, *_] = candidate.questions
    with seated(candidate) as (own, started):
        own.answer(asked, asked.right)
        assert own.ask("get_progress", "progress_update")["answered_questions"] == 1
        own.send("submit_answer", question_id=asked.question_id, selected_option=None)
        own.expect("answer_saved")
        assert own.expect("progress_update")["answered_questions"] == 0
        [stored] = hall.rows(assessment_responses, assessment_id=started["assessment_id"])
        assert stored.selected_option is None


def test_flags_count_once_and_can_be_taken_away(hall: Hall) -> None:
    candidate = hall.invite()
    flag = [{"question_id": asked.question_id, "flagged": True} for asked in candidate.questions[:2]]
    with seated(candidate) as (own, started):
        counts = [own.ask("flag_question", "progress_update", **which) for which in (*flag, flag[0])]
        assert [progress["flagged_questions"] for progress in counts] == [1, 2, 2]
        taken = own.ask("flag_question", "progress_update", **flag[0] | {"flagged": False})
        assert taken["flagged_questions"] == 1
        assert [entry.type for entry in hall.log_of(started["assessment_id"])].count("flagged") == 3
    with line(candidate.address) as own:
        assert own.start(candidate)["flags"] == [candidate.questions[1].question_id]


def test_progress_is_counted_over_the_whole_paper(hall: Hall) -> None:
    candidate = hall.invite()
    with seated(candidate) as (own, started):
        own.answer(candidate.questions[2], candidate.questions[2].wrong)
        progress = own.ask("get_progress", "progress_update")
    assert 0 < progress.pop("remaining_seconds") < started["remaining_seconds"] <= 30 * 60
    assert progress == {
        "total_questions": QUESTIONS,
        "answered_questions": 1,
        "flagged_questions": 0,
        "percentage_complete": 25,
    }


def test_heartbeat_is_answered_before_and_after_the_start(hall: Hall) -> None:
    candidate = hall.invite()
    with line(candidate.address) as own:
        before = own.ask("heartbeat", "pong")
        assert before["remaining_seconds"] is None
        own.start(candidate)
        after = own.ask("heartbeat", "pong")
    assert after["server_time"] > before["server_time"]
    assert 0 < after["remaining_seconds"] <= 30 * 60


def test_integrity_event_is_logged_and_not_answered(hall: Hall) -> None:
    with seated(hall.invite()) as (own, started):
        own.send("integrity_event", "m", kind="focus_lost", detail={"seconds": 3})
        own.send("integrity_event", kind="focus_gained")
        own.check_alive()
        noted = [entry.body for entry in hall.log_of(started["assessment_id"]) if entry.type == "integrity"]
    assert noted == [{"kind": "focus_lost", "detail": '{"seconds":3}'}, {"kind": "focus_gained", "detail": None}]


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("get_question", {}),
        ("submit_answer", {"question_id": NOBODYS, "selected_option": "o_1"}),
        ("flag_question", {"question_id": NOBODYS, "flagged": True}),
        ("get_progress", {}),
        ("integrity_event", {"kind": "paste"}),
        ("complete_assessment", {}),
    ],
)
def test_before_the_start_there_is_no_assessment_but_the_socket_lives(
    hall: Hall, type_: str, data: dict[str, Any]
) -> None:
    candidate = hall.invite()
    with line(candidate.address) as own:
        own.send(type_, "m", **data)
        assert own.refused("assessment_not_found")["reply_to"] == "m"
        assert own.start(candidate)["recovered"] is False


def completed(hall: Hall, candidate: Candidate) -> dict[str, Any]:
    """The row of that candidate's only assessment."""
    [row] = hall.rows(assessments, user_id=candidate.user_id)
    return dict(row._mapping)


def test_completing_tells_the_results_once_and_then_the_assessment_is_over(hall: Hall) -> None:
    candidate = hall.invite()
    with seated(candidate) as (own, started):
        own.answer(candidate.questions[0], candidate.questions[0].right)
        end = own.ask("complete_assessment", "assessment_completed")
        row = completed(hall, candidate)
        assert (row["status"], row["total_score"]) == ("completed", 1000)
        assert (end["reason"], end["results"]["status"], end["results"]["total_score"]) == ("submitted", "completed", 1)
        assert end["results"]["assessment_id"] == end["receipt"]["assessment_id"] == started["assessment_id"]
        for type_ in ("complete_assessment", "get_question", "integrity_event"):
            own.send(type_, "m", **({"kind": "paste"} if type_ == "integrity_event" else {}))
            assert own.refused("assessment_over")["reply_to"] == "m"
        own.send("flag_question", question_id=candidate.questions[0].question_id, flagged=True)
        own.refused("assessment_over")
    assert completed(hall, candidate) == row


def test_p14_answer_after_the_end_is_refused_kept_and_changes_nothing(hall: Hall) -> None:
    candidate = hall.invite()
    [asked, other, *_] = candidate.questions
    with seated(candidate) as (own, started):
        own.answer(asked, asked.right, client_id="phone", client_seq=1)
        own.ask("complete_assessment", "assessment_completed")
        responses = hall.rows(assessment_responses, assessment_id=started["assessment_id"])
        for late in (
            {"question_id": asked.question_id, "selected_option": asked.wrong},
            {"question_id": other.question_id, "selected_option": other.right, "client_id": "phone", "client_seq": 2},
        ):
            own.send("submit_answer", "m", **late)
            assert own.refused("assessment_over")["reply_to"] == "m"
        assert hall.rows(assessment_responses, assessment_id=started["assessment_id"]) == responses
        log = hall.log_of(started["assessment_id"])
        assert [entry.type for entry in log[-3:]] == ["finalized", "late_answer", "late_answer"]
        own.check_alive()


def test_p06_stored_pair_gets_the_same_acknowledgement_before_and_after_the_end(hall: Hall) -> None:
    candidate = hall.invite()
    [asked, *_] = candidate.questions
    pair: dict[str, Any] = {"client_id": "phone", "client_seq": 1}
    with seated(candidate) as (own, started):
        first = own.answer(asked, asked.right, **pair)
        assert own.answer(asked, asked.right, **pair) == first
        own.send("submit_answer", question_id=asked.question_id, selected_option=asked.wrong, **pair)
        own.refused("client_seq_conflict")
        own.ask("complete_assessment", "assessment_completed")
        log = hall.log_of(started["assessment_id"])
        assert own.answer(asked, asked.right, **pair) == first
        own.send("submit_answer", question_id=asked.question_id, selected_option=asked.wrong, **pair)
        own.refused("client_seq_conflict")
        assert hall.log_of(started["assessment_id"]) == log


def test_p06_older_answer_is_refused_as_superseded_kept_once_and_refused_again(hall: Hall) -> None:
    candidate = hall.invite()
    [asked, *_] = candidate.questions
    older = {"question_id": asked.question_id, "selected_option": asked.wrong, "client_id": "phone", "client_seq": 4}
    with seated(candidate) as (own, started):
        own.answer(asked, asked.right, client_id="phone", client_seq=5)
        own.send("submit_answer", "m", **older)
        refusal = own.refused("answer_superseded")
        log = hall.log_of(started["assessment_id"])
        own.send("submit_answer", "m", **older)
        assert own.refused("answer_superseded") == refusal
        assert hall.log_of(started["assessment_id"]) == log
        [entry] = log[-1].body["answers"]
        assert (entry["client_seq"], entry["verdict"]) == (4, "superseded")
        [stored] = hall.rows(assessment_responses, assessment_id=started["assessment_id"])
        assert stored.selected_option == asked.right


def test_unknown_type_is_refused_by_name(hall: Hall) -> None:
    with line(hall.invite().address) as own:
        own.socket.send(json.dumps({"type": "dance", "id": "m"}))
        message = own.refused("unknown_type")
        assert (message["reply_to"], message["data"]["details"]) == ("m", {"type": "dance"})
        own.check_alive()
