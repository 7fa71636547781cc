"""Each kind of question over a real socket: what is stored, shown again, scored, and found whole by the audit."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest

from sitting.storage.database import Database
from sitting.storage.tables import assessment_responses, assessments
from sitting.storage.url import DatabaseUrl
from sitting.usecases.verify_log import verify_log
from tests.support.delivery import Candidate, Hall, Line, line, seated

BODIES: dict[str, dict[str, Any]] = {
    "single": {
        "type": "single_choice",
        "options": [{"text": "even", "correct": True}, {"text": "odd", "correct": False}],
    },
    "boolean": {"type": "true_false", "correct": False},
    "several": {
        "type": "multiple_response",
        "options": [{"text": text, "correct": text != "9"} for text in ("2", "3", "5", "9")],
    },
    "number": {
        "type": "numeric",
        "numbers": [{"value": "1500", "tolerance": "10"}, {"value": "1500", "tolerance": "100", "credit": 0.5}],
        "unit": "m",
        "other_units": [{"name": "km", "factor": "1000"}],
    },
    "plain": {"type": "numeric", "numbers": [{"value": "0.3"}]},
    "text": {
        "type": "short_text",
        "accepted": [{"text": "group commit"}, {"text": "[a-z]+ batch(ing)?", "match": "pattern", "credit": 0.25}],
    },
}
SKILLS = [{"skill": "sql", "priority": "H"}]


@dataclass(frozen=True)
class Exam:
    """A Test with a question of each kind, three points each by the priority of their skill, and one candidate."""

    hall: Hall
    candidate: Candidate
    ids: dict[str, str]
    options: dict[str, dict[str, str]]

    def spelled(self, kind: str, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer with the ids of options in the place of `#text`."""

        def named(option: Any) -> Any:
            return self.options[kind][option[1:]] if isinstance(option, str) and option.startswith("#") else option

        return {
            name: list(map(named, said)) if isinstance(said, list) else named(said) for name, said in answer.items()
        }

    def submit(self, own: Line, kind: str, answer: dict[str, Any], **pair: Any) -> dict[str, Any]:
        own.send("submit_answer", question_id=self.ids[kind], **self.spelled(kind, answer), **pair)
        saved = own.expect("answer_saved")
        own.expect("progress_update")
        return saved

    def stored(self, assessment_id: int) -> dict[str, Any]:
        rows = {row.question_id: row for row in self.hall.rows(assessment_responses, assessment_id=assessment_id)}
        return {kind: rows[id_] for kind, id_ in self.ids.items() if id_ in rows}

    def check_whole(self, assessment_id: int) -> None:
        assert asyncio.run(broken_place(self.hall.url, assessment_id)) is None


async def broken_place(url: str, assessment_id: int) -> object:
    database = Database(DatabaseUrl.parse(url), read_only=True)
    try:
        [verified] = [each async for each in verify_log(database, None, assessment_id=assessment_id)]
        return verified.broken
    finally:
        await database.close()


@pytest.fixture
def exam(hall: Hall) -> Exam:
    return make_exam(hall)


def make_exam(hall: Hall, **rules: Any) -> Exam:
    common = {"skill": "sql", "difficulty": "easy", "text": "Which?", "explanation": "Because."}
    made = {kind: hall.post("/questions", common | body) for kind, body in BODIES.items()}
    ids = {kind: question["question_id"] for kind, question in made.items()}
    sections = [{"questions": [{"question_id": id_} for id_ in ids.values()]}]
    [candidate] = hall.invite_many(hall.publish(**{"sections": sections, "skills": SKILLS} | rules), 1)
    options = {kind: {option["text"]: option["id"] for option in each["options"]} for kind, each in made.items()}
    return Exam(hall, candidate, ids, options)


Said = dict[str, Any]
RIGHT: dict[str, Said] = {
    "single": {"selected_option": "#even"},
    "boolean": {"selected_option": "#False"},
    "several": {"selected_options": ["#5", "#3", "#2"]},
    "number": {"value": "1,51 km"},
    "plain": {"value": 0.3},
    "text": {"value": " Group  COMMIT"},
}
PARTLY: dict[str, Said] = {
    "several": {"selected_options": ["#2", "#3", "#9"]},
    "number": {"value": "1 600"},
    "text": {"value": "write batching"},
}
WRONG: dict[str, Said] = {
    "single": {"selected_option": "#odd"},
    "boolean": {"selected_option": "#True"},
    "several": {"selected_options": ["#9"]},
    "number": {"value": "1500 mm"},
    "plain": {"value": "0.30000001"},
    "text": {"value": "batching"},
}
BY_TEXT: dict[str, Said] = {
    "single": {"selected_option": "even"},
    "boolean": {"selected_option": "False"},
    "several": {"selected_options": ["5", "#2", "3", "5"]},
    "number": {"selected_option": "1500"},
    "text": {"selected_option": "group commit"},
}


@pytest.mark.parametrize(
    ("answers", "points", "total", "percentage"),
    [
        (RIGHT, dict.fromkeys(RIGHT, 3000), 18_000, 100_000),
        (PARTLY, {"several": 1000, "number": 1500, "text": 750}, 3250, 18_056),
        (WRONG, dict.fromkeys(WRONG, 0), 0, 0),
        (BY_TEXT, dict.fromkeys(BY_TEXT, 3000), 15_000, 83_333),
    ],
    ids=["right", "partly right", "wrong", "by text"],
)
def test_each_kind_is_answered_stored_scored_and_whole(
    exam: Exam, answers: dict[str, Said], points: dict[str, int], total: int, percentage: int
) -> None:
    with seated(exam.candidate) as (own, started):
        for kind, answer in answers.items():
            exam.submit(own, kind, answer)
        results = own.ask("complete_assessment", "assessment_completed")["results"]
    assert (results["total_score"], results["max_score"]) == (total / 1000, 18.0)
    assert (results["percentage_score"], results["answered_questions"]) == (percentage / 1000, len(answers))
    [skill] = results["skills"]
    assert (skill["skill"], skill["priority"], skill["score_percentage"]) == ("sql", "H", percentage / 1000)
    stored = exam.stored(started["assessment_id"])
    assert {kind: row.points for kind, row in stored.items()} == points
    assert {kind: row.is_correct for kind, row in stored.items()} == {kind: p == 3000 for kind, p in points.items()}
    [row] = exam.hall.rows(assessments, id=started["assessment_id"])
    assert (row.total_score, row.percentage_score) == (total, percentage)
    exam.check_whole(started["assessment_id"])


def test_each_kind_is_stored_in_its_own_column_and_shown_on_resume(exam: Exam) -> None:
    ids = {kind: exam.spelled(kind, answer) for kind, answer in RIGHT.items()}
    several = [exam.options["several"][text] for text in ("2", "3", "5")]
    expected = {
        "single": (ids["single"]["selected_option"], None, None),
        "boolean": (ids["boolean"]["selected_option"], None, None),
        "several": (None, several, None),
        "number": (None, None, "1,51 km"),
        "plain": (None, None, "0.3"),
        "text": (None, None, " Group  COMMIT"),
    }
    with seated(exam.candidate) as (own, started):
        for kind, answer in RIGHT.items():
            exam.submit(own, kind, answer)
    for kind, row in exam.stored(started["assessment_id"]).items():
        options = None if row.selected_options is None else json.loads(row.selected_options)
        assert (row.selected_option, options, row.value) == expected[kind]
    with line(exam.candidate.address) as own:
        recovered = own.ask("resume_assessment", "assessment_recovered", assessment_id=started["assessment_id"])
    shown = {response["question_id"]: response for response in recovered["responses"]}
    fields = ("selected_option", "selected_options", "value")
    assert {kind: tuple(shown[id_][name] for name in fields) for kind, id_ in exam.ids.items()} == expected
    assert {item["state"] for item in recovered["outline"]} == {"answered"}


@pytest.mark.parametrize(
    "nothing", [{"selected_option": None}, {"selected_options": []}, {"value": " "}, {"value": None}]
)
def test_answer_of_any_kind_can_be_taken_back(exam: Exam, nothing: Said) -> None:
    with seated(exam.candidate) as (own, started):
        for kind, answer in RIGHT.items():
            exam.submit(own, kind, answer)
            exam.submit(own, kind, nothing)
        assert own.ask("get_progress", "progress_update")["answered_questions"] == 0
        results = own.ask("complete_assessment", "assessment_completed")["results"]
    assert (results["total_score"], results["answered_questions"], results["correct_answers"]) == (0.0, 0, 0)
    for row in exam.stored(started["assessment_id"]).values():
        assert (row.selected_option, row.selected_options, row.value) == (None, None, None)
        assert (row.is_correct, row.points) == (None, 0)
    exam.check_whole(started["assessment_id"])


INVALID: list[tuple[str, Said, str]] = [
    ("single", {"selected_option": "o_none"}, "it has no such option"),
    ("single", {"selected_options": ["#even"]}, "it takes selected_option"),
    ("single", {"value": "even"}, "it takes selected_option"),
    ("boolean", {"value": 1}, "it takes selected_option"),
    ("several", {"selected_options": ["#2", "o_none"]}, "it has no such option"),
    ("several", {"value": "2"}, "it takes selected_options"),
    ("number", {"selected_options": ["1500"]}, "it takes value"),
    ("number", {"value": "many"}, "it takes a number"),
    ("number", {"value": "1,500"}, "the comma marks thousands or decimals"),
    ("number", {"value": 1e300}, "e goes up to 60"),
    ("plain", {"value": "0.3 m"}, "it takes a number without a unit"),
    ("text", {"value": "x" * 1001}, "it takes at most 1000 characters"),
]


def test_impossible_answers_are_refused_with_the_reason_and_store_nothing(exam: Exam) -> None:
    with seated(exam.candidate) as (own, started):
        for kind, answer, reason in INVALID:
            said: dict[str, Any] = {"question_id": exam.ids[kind]} | exam.spelled(kind, answer)
            own.send("submit_answer", "m", **said)
            refusal = own.refused("invalid_answer")
            assert refusal["reply_to"] == "m"
            assert refusal["data"]["details"] == {"question_id": exam.ids[kind], "reason": reason}
        own.check_alive()
    assert exam.stored(started["assessment_id"]) == {}
    assert [entry.type for entry in exam.hall.log_of(started["assessment_id"])][:2] == ["started", "attached"]


@pytest.mark.parametrize("kind", RIGHT)
def test_p06_same_pair_gets_the_same_ack_and_another_answer_is_refused(exam: Exam, kind: str) -> None:
    pair: dict[str, Any] = {"client_id": "phone", "client_seq": 1}
    with seated(exam.candidate) as (own, started):
        first = exam.submit(own, kind, RIGHT[kind], **pair)
        again = exam.submit(own, kind, RIGHT[kind], **pair)
        assert again == first
        own.send("submit_answer", question_id=exam.ids[kind], **exam.spelled(kind, WRONG[kind]), **pair)
        own.refused("client_seq_conflict")
    assert [entry.type for entry in exam.hall.log_of(started["assessment_id"])].count("answered") == 1


def test_pending_answers_of_every_kind_are_taken_by_a_resume(exam: Exam) -> None:
    with seated(exam.candidate) as (_, started):
        pass
    pending = [
        exam.spelled(kind, answer) | {"question_id": exam.ids[kind], "client_id": "phone", "client_seq": number}
        for number, (kind, answer) in enumerate(RIGHT.items(), start=1)
    ]
    pending.append({"question_id": exam.ids["number"], "value": "many", "client_id": "phone", "client_seq": 9})
    with line(exam.candidate.address) as own:
        assessment_id = started["assessment_id"]
        recovered = own.ask("resume_assessment", "assessment_recovered", assessment_id=assessment_id, pending=pending)
        assert [each["outcome"] for each in recovered["acknowledged"]] == ["saved"] * 6 + ["refused"]
        assert own.ask("complete_assessment", "assessment_completed")["results"]["percentage_score"] == 100.0
    exam.check_whole(assessment_id)


@pytest.mark.parametrize(("floor", "total", "passed"), [(True, 0.0, True), (False, -5.75, False)])
def test_negative_marking_and_floors_are_set_over_rest_and_count(
    hall: Hall, floor: bool, total: float, passed: bool
) -> None:
    exam = make_exam(hall, negative_marking=0.5, floor_items=False, floor_total=floor, pass_mark=0)
    with seated(exam.candidate) as (own, started):
        for kind, answer in (WRONG | {"text": PARTLY["text"]}).items():
            exam.submit(own, kind, answer)
        results = own.ask("complete_assessment", "assessment_completed")["results"]
    assert (results["total_score"], results["passed"]) == (total, passed)
    assert {kind: row.points for kind, row in exam.stored(started["assessment_id"]).items()} == {
        **dict.fromkeys(("single", "boolean", "number", "plain"), -1500),
        **{"several": -500, "text": 750},
    }
    exam.check_whole(started["assessment_id"])


@pytest.mark.parametrize(("mark", "passed"), [(50.001, False), (50, True)])
def test_skill_below_its_own_mark_fails_a_candidate_over_the_pass_mark(hall: Hall, mark: float, passed: bool) -> None:
    exam = make_exam(hall, pass_mark=10, skills=[{"skill": "sql", "priority": "M", "pass_mark": mark}])
    with seated(exam.candidate) as (own, _):
        for kind in ("single", "boolean", "plain"):
            exam.submit(own, kind, RIGHT[kind])
        results = own.ask("complete_assessment", "assessment_completed")["results"]
    assert (results["percentage_score"], results["max_score"], results["passed"]) == (50.0, 12.0, passed)


def test_staff_read_each_answer_with_kind_key_credit_and_reason(exam: Exam) -> None:
    with seated(exam.candidate) as (own, started):
        for kind, answer in {**RIGHT, **PARTLY, "single": WRONG["single"]}.items():
            exam.submit(own, kind, answer)
        own.ask("complete_assessment", "assessment_completed")
    items = exam.hall.look(f"/assessments/{started['assessment_id']}/responses")["items"]
    told = dict(zip(exam.ids, items, strict=True))
    assert [item["type"] for item in items] == [body["type"] for body in BODIES.values()]
    assert {kind: item["credit"] for kind, item in told.items()} == pytest.approx(
        {"single": -1, "boolean": 1, "several": 1 / 3, "number": 0.5, "plain": 1, "text": 0.25}
    )
    assert {kind: item["points"] for kind, item in told.items()} == {
        **{"single": 0.0, "boolean": 3.0, "several": 1.0, "number": 1.5, "plain": 3.0, "text": 0.75}
    }
    assert {kind: item["correct_text"] for kind, item in told.items()} == {
        "single": "even",
        "boolean": "False",
        "several": "2; 3; 5",
        "number": "1500 ± 10 m or 1500 ± 100 m (50 %)",
        "plain": "0.3",
        "text": "group commit or /[a-z]+ batch(ing)?/ (25 %)",
    }
    assert (told["several"]["selected_text"], told["number"]["selected_text"]) == ("2; 3; 9", "1 600")
    assert {item["explanation"] for item in items} == {"Because."}
