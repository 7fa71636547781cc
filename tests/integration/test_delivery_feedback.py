"""Feedback after each answer over a real socket: what is told, and that the answer then stands."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from sitting.storage.tables import assessment_responses
from tests.support.delivery import Candidate, Hall, Line, line, now, seated

SECRET = "nobody-may-read-this"
POLICIES = ("none", "after_answer", "after_end", "after_window")
BODIES: list[dict[str, Any]] = [
    {
        "type": "single_choice",
        "text": "Which is even?",
        "options": [{"text": "2", "correct": True}, {"text": "3", "correct": False, "feedback": f"{SECRET} *Odd.*"}],
    },
    {
        "type": "multiple_response",
        "text": "Which are prime?",
        "options": [{"text": "5", "correct": True}, {"text": "7", "correct": True}, {"text": "9", "correct": False}],
    },
    {"type": "true_false", "text": "Is 4 prime?", "correct": False},
    {
        "type": "numeric",
        "text": "How fast does a stone fall?",
        "numbers": [{"value": "9.8", "tolerance": "0.1"}],
        "unit": "m/s²",
    },
    {"type": "short_text", "text": "Who proved it?", "accepted": [{"text": f"{SECRET}-Euclid"}, {"text": "Euclid"}]},
]


@dataclass(frozen=True)
class Mixed:
    """A Test with a question of each kind: their ids in that order, and the texts of their options to ids."""

    candidate: Candidate
    ids: list[str]
    options: list[dict[str, str]]

    def answers(self) -> list[dict[str, Any]]:
        """One answer to each: wrong, half right, right, right, right."""
        single, several, truth = self.options[:3]
        return [
            {"selected_option": single["3"]},
            {"selected_options": [several["5"]]},
            {"selected_option": truth["False"]},
            {"value": "9.75 m/s²"},
            {"value": " euclid "},
        ]


def mixed(hall: Hall, **rules: Any) -> Mixed:
    """Somebody invited to a new Test of all kinds of questions with those rules."""
    common = {"skill": "Numbers", "difficulty": "easy", "explanation": f"{SECRET} **why**."}
    made = [hall.post("/questions", common | body) for body in BODIES]
    ids = [question["question_id"] for question in made]
    sections = [{"questions": [{"question_id": id_} for id_ in ids]}]
    test_id = hall.publish(sections=sections, shuffle_options=True, **rules)
    [candidate] = hall.invite_many(test_id, 1)
    return Mixed(candidate, ids, [{option["text"]: option["id"] for option in each["options"]} for each in made])


@pytest.fixture
def candidate(hall: Hall) -> Candidate:
    """Somebody with an application to a Test of four single choices with feedback after each answer."""
    [invited] = hall.invite_many(hall.publish(feedback="after_answer"), 1)
    return invited


def submit(own: Line, question_id: str, **answer: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Answer; the acknowledgement and the feedback behind it."""
    own.send("submit_answer", "m", question_id=question_id, **answer)
    saved, told = own.expect("answer_saved"), own.expect("answer_feedback")
    own.expect("progress_update")
    return saved, told


def check_locked(own: Line, question_id: str, **answer: Any) -> None:
    own.send("submit_answer", "m", question_id=question_id, **answer)
    assert own.refused("answer_locked")["reply_to"] == "m"


def test_each_kind_of_question_is_answered_and_told(hall: Hall) -> None:
    test = mixed(hall, feedback="after_answer")
    single, several, truth = test.options[:3]
    with seated(test.candidate) as (own, started):
        assert started["feedback"] == "after_answer"
        shown = [own.ask("get_question", "question", position=position)["question"] for position in range(1, 6)]
        assert [(each["type"], len(each["options"]), each["unit"]) for each in shown] == [
            ("single_choice", 2, None),
            ("multiple_response", 3, None),
            ("true_false", 2, None),
            ("numeric", 0, "m/s²"),
            ("short_text", 0, None),
        ]
        told = [submit(own, id_, **answer)[1] for id_, answer in zip(test.ids, test.answers(), strict=True)]
    assert [(each["question_id"], each["correct"]) for each in told] == list(
        zip(test.ids, [False, False, True, True, True], strict=True)
    )
    assert [each["correct_option"] for each in told] == [single["2"], None, truth["False"], None, None]
    assert [set(each["correct_options"]) for each in told[:2]] == [{single["2"]}, {several["5"], several["7"]}]
    assert told[3]["correct_text"].startswith("9.8 ± 0.1 m/s²")
    assert "Euclid" in told[4]["correct_text"]
    assert {each["explanation"] for each in told} == {f"{SECRET} **why**."}
    assert {each["explanation_html"] for each in told} == {f"<p>{SECRET} <strong>why</strong>.</p>"}
    assert told[0]["option_feedback"] == [
        {"id": single["3"], "text": f"{SECRET} *Odd.*", "html": f"{SECRET} <em>Odd.</em>"}
    ]
    stored = {row.question_id: row for row in hall.rows(assessment_responses, assessment_id=started["assessment_id"])}
    assert stored[test.ids[3]].value == "9.75 m/s²"


def test_answer_that_was_told_about_stands(hall: Hall, candidate: Candidate) -> None:
    first, second, *_ = candidate.questions
    with seated(candidate) as (own, started):
        saved, told = submit(own, first.question_id, selected_option=first.wrong, client_id="phone", client_seq=1)
        assert (told["correct"], told["correct_option"]) == (False, first.right)
        before = hall.log_of(started["assessment_id"])
        for answer in ({"selected_option": first.right}, {"selected_option": None}, {"selected_option": first.wrong}):
            check_locked(own, first.question_id, **answer)
            check_locked(own, first.question_id, **answer, client_id="phone", client_seq=2)
        again = submit(own, first.question_id, selected_option=first.wrong, client_id="phone", client_seq=1)
        assert again == (saved, told), "a resend gets its acknowledgement and the feedback again"
        assert hall.log_of(started["assessment_id"]) == before
        submit(own, second.question_id, selected_option=second.right)
        end = own.ask("complete_assessment", "assessment_completed")
    assert end["results"]["correct_answers"] == 1


def test_cleared_answer_is_told_nothing_and_locks_nothing(candidate: Candidate) -> None:
    asked = candidate.questions[0]
    with seated(candidate) as (own, _):
        own.answer(asked, None)
        own.check_alive()
        submit(own, asked.question_id, selected_option=asked.right)


def test_locked_question_stays_locked_after_a_reload_and_comes_with_its_feedback(candidate: Candidate) -> None:
    first, second, *_ = candidate.questions
    with seated(candidate) as (own, _):
        _, told = submit(own, first.question_id, selected_option=first.wrong)
    with line(candidate.address) as own:
        own.start(candidate)
        own.send("get_question", "m", question_id=first.question_id)
        assert own.read()["reply_to"] == "m"
        assert own.read() == {"type": "answer_feedback", "data": told}
        check_locked(own, first.question_id, selected_option=first.right)
        own.ask("get_question", "question", question_id=second.question_id)
        own.check_alive()


def test_pending_answers_to_locked_questions_are_refused_and_stored_ones_told_again(candidate: Candidate) -> None:
    first, second, third, _ = candidate.questions
    with seated(candidate) as (own, started):
        _, told = submit(own, first.question_id, selected_option=first.wrong, client_id="phone", client_seq=1)
    typed = [(first, first.wrong), (first, first.right), (second, second.right), (second, second.wrong), (third, None)]
    pending = [
        {"question_id": asked.question_id, "selected_option": option, "client_id": "phone", "client_seq": number}
        for number, (asked, option) in enumerate(typed, 1)
    ]
    with line(candidate.address) as own:
        own.send("resume_assessment", assessment_id=started["assessment_id"], pending=pending)
        said = own.expect("assessment_recovered")
        assert own.expect("answer_feedback") == told
        assert own.expect("answer_feedback")["question_id"] == second.question_id
        own.check_alive()
    assert [(each["outcome"], each["code"]) for each in said["acknowledged"]] == [
        ("duplicate", None),
        ("refused", "answer_locked"),
        ("saved", None),
        ("refused", "answer_locked"),
        ("saved", None),
    ]
    assert [each["selected_option"] for each in said["responses"]] == [first.wrong, second.right, None]


def test_older_client_is_told_and_led_on(hall: Hall, candidate: Candidate) -> None:
    with seated(candidate, v1=False) as (own, _):
        for position, asked in enumerate(candidate.questions, 2):
            submit(own, asked.question_id, selected_option=asked.right)
            if position <= len(candidate.questions):
                assert own.expect("question")["position"] == position
        assert own.expect("assessment_completed")["results"]["percentage_score"] == 100


@pytest.mark.parametrize(("navigation", "answered"), [("linear", 1), ("free", 4)])
def test_older_client_is_not_stuck_at_a_question_that_is_locked(hall: Hall, navigation: str, answered: int) -> None:
    rules = {"feedback": "after_answer", "navigation": navigation}
    [candidate] = hall.invite_many(hall.publish(**rules), 1)
    with seated(candidate) as (own, _):
        for asked in candidate.questions[:answered]:
            submit(own, asked.question_id, selected_option=asked.right)
    shown = candidate.questions[answered - 1]
    with line(candidate.address, v1=False) as own:
        own.send("start_assessment", test_id=candidate.test_id)
        own.expect("assessment_started")
        assert own.expect("question")["question_id"] == shown.question_id
        assert own.expect("answer_feedback")["question_id"] == shown.question_id
        check_locked(own, shown.question_id, selected_option=shown.wrong)
        own.expect("question" if answered < len(candidate.questions) else "assessment_completed")


@pytest.mark.parametrize("policy", sorted({*POLICIES} - {"after_answer"}))
def test_without_feedback_after_answers_nothing_is_told_and_answers_can_change(hall: Hall, policy: str) -> None:
    [candidate] = hall.invite_many(hall.publish(feedback=policy), 1)
    asked = candidate.questions[0]
    with seated(candidate) as (own, started):
        assert started["feedback"] == policy
        for option in (asked.wrong, asked.right, None):
            own.answer(asked, option)
            own.check_alive()


# --- what reaches a candidate ---


def everything_on_the_socket(test: Mixed) -> tuple[int, str]:
    """The assessment_id, and every byte that a candidate is sent who tries everything and hands in."""
    heard: list[str] = []
    with line(test.candidate.address) as own:

        def say(type_: str, *types: str, **data: Any) -> dict[str, Any]:
            own.send(type_, **data)
            messages = []
            for expected in types:
                heard.append(str(own.socket.recv(timeout=10)))
                messages.append(json.loads(heard[-1]))
                assert messages[-1]["type"] == expected, messages[-1]
            own.check_alive()
            return dict(messages[0]["data"])

        assessment_id = say("start_assessment", "assessment_started", "question", test_id=test.candidate.test_id)
        for id_, answer in zip(test.ids, test.answers(), strict=True):
            say("get_question", "question", question_id=id_)
            say("submit_answer", "error", question_id=id_, selected_option="o_nothing", value="3 4")
            say("flag_question", "progress_update", question_id=id_, flagged=True)
            say("submit_answer", "answer_saved", "progress_update", question_id=id_, **answer)
        say("complete_assessment", "assessment_completed")
        say("submit_answer", "error", question_id=test.ids[0], **test.answers()[1])
    return assessment_id["assessment_id"], "".join(heard)


def everything_over_rest(hall: Hall, test: Mixed, assessment_id: int) -> dict[str, str]:
    """What each route that reads says to the candidate, by its address."""
    known = {"assessment_id": assessment_id, "test_id": test.candidate.test_id, "question_id": test.ids[0]}
    known |= {"user_id": test.candidate.user_id, "application_id": test.candidate.application_id}
    paths = [path for path, methods in hall.read("/openapi.json").json()["paths"].items() if "get" in methods]
    assert len(paths) > 10
    found = {}
    for path in paths:
        address = re.sub(r"{(\w+)}", lambda name: str(known.get(name[1], 1)), path.removeprefix("/api/v1"))
        found[path] = hall.read(address, token=test.candidate.token).text
    return found


@pytest.mark.parametrize("results", ["nothing", "full"])
@pytest.mark.parametrize("policy", sorted({*POLICIES} - {"after_answer"}))
def test_p21_key_and_explanation_reach_a_candidate_in_no_byte_before_the_policy_allows(
    hall: Hall, policy: str, results: str
) -> None:
    closes = (now() + timedelta(days=1)).isoformat()
    test = mixed(hall, feedback=policy, results=results, closes_at=closes)
    assessment_id, heard = everything_on_the_socket(test)
    assert SECRET not in heard
    telling = [path for path, text in everything_over_rest(hall, test, assessment_id).items() if SECRET in text]
    assert telling == (["/api/v1/assessments/{assessment_id}/responses"] if policy == "after_end" else [])
    review = hall.read(f"/assessments/{assessment_id}/responses").text
    assert review.count(SECRET) >= len(test.ids), "staff see it all along"


def test_p21_feedback_tells_of_the_answered_question_alone(hall: Hall) -> None:
    test = mixed(hall, feedback="after_answer")
    with seated(test.candidate) as (own, started):
        _, told = submit(own, test.ids[0], **test.answers()[0])
        assert SECRET in str(told)
        others = [own.ask("get_question", "question", question_id=id_) for id_ in test.ids[1:]]
        assert SECRET not in str(others)
        found = everything_over_rest(hall, test, started["assessment_id"])
    assert [path for path, text in found.items() if SECRET in text] == []
