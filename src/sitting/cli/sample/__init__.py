"""The sample that `sitting demo` loads: questions, Tests and people, read from the files beside this one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from sitting.domain.blueprint import Blueprint
from sitting.domain.question import Difficulty
from sitting.domain.user import Role
from sitting.usecases.question_draft import DraftedOption, QuestionDraft
from sitting.usecases.sample import Sample, SamplePerson, SampleTest


def read_sample(password_hashes: Mapping[str, str]) -> Sample:
    """The sample; staff get the passwords whose hashes are given by email."""
    people = _read("people.json")
    return Sample(
        questions={question["slug"]: _question(question) for question in _read("questions.json")},
        tests=[_test(test) for test in _read("tests.json")],
        people=[
            *(_person(person, Role(person["role"]), password_hashes) for person in people["staff"]),
            *(_person(person, Role.CANDIDATE, password_hashes) for person in people["candidates"]),
        ],
    )


def staff_emails() -> list[str]:
    """The addresses of the sample's staff."""
    return [person["email"] for person in _read("people.json")["staff"]]


def _read(name: str) -> Any:
    return json.loads((resources.files(__package__) / name).read_text("utf-8"))


def _question(question: dict[str, Any]) -> QuestionDraft:
    return QuestionDraft(
        skill=question["skill"],
        difficulty=Difficulty(question["difficulty"]),
        text=question["text"],
        options=[DraftedOption(option["text"], option["correct"]) for option in question["options"]],
        explanation=question["explanation"],
    )


def _test(test: dict[str, Any]) -> SampleTest:
    blueprint = Blueprint(
        name=test["name"],
        description=test["description"],
        time_limit_minutes=test["time_limit_minutes"],
        grace_seconds=test["grace_seconds"],
        max_attempts=test["max_attempts"],
        pass_mark=round(test["pass_mark"] * 1000),
    )
    return SampleTest(blueprint, {entry["slug"]: round(entry["points"] * 1000) for entry in test["questions"]})


def _person(person: dict[str, str], role: Role, password_hashes: Mapping[str, str]) -> SamplePerson:
    return SamplePerson(person["name"], person["email"], role, password_hashes.get(person["email"]))
