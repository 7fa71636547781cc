"""What docs/scoring.md shows is so, by the code and by a second way of counting."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from sitting.domain.application import AttemptRecord
from sitting.domain.attempts import counted_result
from sitting.domain.blueprint import CountedAttempt, ResultsPolicy
from sitting.domain.errors import InvalidAnswer
from sitting.domain.matching import MAX_EXPONENT
from sitting.domain.results import Results, shown_results
from sitting.domain.scoring import credit_of, percentage_of
from tests.support import second_opinion
from tests.support.plain_questions import given_from, graded, slot_from

PAGE = (Path(__file__).parents[2] / "docs" / "scoring.md").read_text("utf-8")
EXAMPLES = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)]


def those_with(name: str) -> list[Any]:
    found = [example for example in EXAMPLES if name in example]
    assert found, f"no example has {name}"
    return found


QUESTIONS = [
    (each["question"], said["answer"], said["credit"]) for each in those_with("credits") for said in each["credits"]
]


@pytest.mark.parametrize(("question", "answer", "expected"), QUESTIONS, ids=lambda said: str(said)[:30])
def test_each_example_of_a_credit_is_so(question: dict[str, Any], answer: Any, expected: str) -> None:
    slot = slot_from(question)
    try:
        credit = credit_of(slot.content, slot.resolve(given_from(question, answer)))
    except InvalidAnswer:
        assert expected == "refused"
    else:
        assert credit == Fraction(expected)
    second = second_opinion.credit(question, answer)
    assert second == "refused" if expected == "refused" else Fraction(*second) == Fraction(expected)  # type: ignore[misc]


@pytest.mark.parametrize("example", those_with("paper"), ids=lambda example: str(example["total"]))
def test_each_example_of_a_paper_is_so(example: dict[str, Any]) -> None:
    questions = [{"options": ["a", "b"], "right": ["a"], **question} for question in example["paper"]]
    answers = [question["answer"] for question in questions]
    score = graded(questions, answers, example["blueprint"])
    assert [item.points for item in score.items] == [question["brings"] for question in questions]
    names = ("total", "maximum", "percentage", "passed")
    assert [getattr(score, name) for name in names] == [example[name] for name in names]
    assert (score.correct_answers, score.answered_questions) == (example["correct"], example["answered"])
    shown = ("skill", "questions", "correct", "percentage", "passed")
    assert [{name: getattr(skill, name) for name in shown} for skill in score.skills] == example["skills"]
    second = second_opinion.score(questions, answers, example["blueprint"])
    assert [second[name] for name in names] == [example[name] for name in names]
    assert [{name: skill[name] for name in shown} for skill in second["skills"]] == example["skills"]


def test_the_example_of_several_attempts_is_so() -> None:
    [example] = those_with("counted")
    attempts = [
        AttemptRecord(
            number, number, "completed", None, a["total"], a["maximum"], percentage_of(**a_pair(a)), a["passed"]
        )
        for number, a in enumerate(example["attempts"], start=1)
    ]
    assert example["counted"].keys() == set(CountedAttempt)
    for policy, expected in example["counted"].items():
        counted = counted_result(attempts, CountedAttempt(policy), example["pass_mark"])
        assert counted is not None
        assert [counted.assessment_id, counted.percentage, counted.passed] == expected


def a_pair(attempt: dict[str, int]) -> dict[str, int]:
    return {"total": attempt["total"], "maximum": attempt["maximum"]}


def test_the_table_of_what_a_candidate_sees_is_so() -> None:
    rows = re.findall(r"^\| (`.*`) \|(.*)\|(.*)\|(.*)\|(.*)\|$", PAGE.split("## 4.")[1], flags=re.MULTILINE)
    columns = ["nothing", "status", "score", "full"]
    assert rows[0][0] == "`assessment_id`, `status`"
    for number, policy in enumerate(columns, start=1):
        told = {name for row in rows for name in re.findall(r"`(\w+)`", row[0]) if row[number].strip() == "yes"}
        made: Any = Results(**{field.name: None for field in fields(Results)})  # type: ignore[arg-type]
        assert told == {field.name for field in fields(shown_results(made, ResultsPolicy(policy)))}


def test_the_limits_that_the_page_names_are_those_of_the_code() -> None:
    assert f"up\n  to {MAX_EXPONENT} either way" in PAGE
