"""Questions, answers and rules as plain JSON (`tests.support.second_opinion` says how), made into the domain's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sitting.domain.answer import GivenAnswer
from sitting.domain.blueprint import Blueprint, SkillRule
from sitting.domain.paper import Paper, PaperQuestion
from sitting.domain.priority import Priority
from sitting.domain.question import (
    AcceptedNumber,
    AcceptedText,
    Difficulty,
    Option,
    OtherUnit,
    QuestionContent,
    QuestionType,
    TextMatch,
)
from sitting.domain.question_check import check_content
from sitting.domain.scoring import Score, grade
from tests.support.samples import blueprint

Json = Mapping[str, Any]


def content_from(question: Json) -> QuestionContent:
    """That question, which is a sound one; an option is its id and its text behind a word."""
    kind = QuestionType(question["type"])
    right = tuple(question.get("right", ()))
    is_multiple = kind is QuestionType.MULTIPLE_RESPONSE
    content = QuestionContent(
        type=kind,
        text="Which?",
        options=tuple(Option(id_, f"text {id_}") for id_ in question.get("options", ())),
        key=right[0] if right and not is_multiple else "",
        explanation="",
        skill=question.get("skill", "python"),
        difficulty=Difficulty.EASY,
        keys=right if is_multiple else (),
        numbers=tuple(AcceptedNumber(**number) for number in question.get("numbers", ())),
        unit=question.get("unit", ""),
        unit_required=question.get("unit_required", False),
        other_units=tuple(OtherUnit(**unit) for unit in question.get("other_units", ())),
        accepted=tuple(_accepted(accepted) for accepted in question.get("accepted", ())),
        case_sensitive=question.get("case_sensitive", False),
    )
    check_content(content)
    return content


def _accepted(said: Json) -> AcceptedText:
    return AcceptedText(said["text"], TextMatch(said.get("match", "exact")), said.get("credit", 1000))


def slot_from(question: Json, position: int = 1) -> PaperQuestion:
    content = content_from(question)
    order = tuple(option.id for option in content.options)
    points = question.get("points", 1000)
    return PaperQuestion(position, f"q_{position}", "main", points, order, content.digest(), content)


def paper_from(questions: Sequence[Json]) -> Paper:
    """A paper with those questions as q_1, q_2 …"""
    return Paper(tuple(slot_from(question, position) for position, question in enumerate(questions, start=1)))


def given_from(question: Json, answer: Any) -> GivenAnswer:
    """What a client would send."""
    if isinstance(answer, list):
        return GivenAnswer(selected_options=tuple(answer))
    return GivenAnswer(selected_option=answer) if question.get("options") else GivenAnswer(value=answer)


def blueprint_from(rules: Json) -> Blueprint:
    """A Test with those rules of scoring."""
    skills = tuple(SkillRule(r["skill"], Priority(r["priority"]), r.get("pass_mark")) for r in rules.get("skills", ()))
    return replace(blueprint(), **{**rules, "skills": skills})


def graded(questions: Sequence[Json], answers: Sequence[Any], rules: Json) -> Score:
    """The score by the code under test."""
    paper = paper_from(questions)
    given = {
        slot.question_id: slot.resolve(given_from(question, answer))
        for slot, question, answer in zip(paper.questions, questions, answers, strict=True)
    }
    return grade(paper, given, blueprint_from(rules))
