"""The sample that `sitting demo` loads: questions, Tests and people, read from the files beside this one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import msgspec

from sitting.domain.blueprint import Blueprint
from sitting.domain.user import Role
from sitting.usecases.question_draft import QuestionDraft
from sitting.usecases.sample import Sample, SamplePerson, SampleTest


def read_sample(password_hashes: Mapping[str, str]) -> Sample:
    """The sample; staff get the passwords whose hashes are given by email."""
    people = _read("people.json")
    return Sample(
        questions={question["slug"]: _question(question) for question in _bank()},
        tests=[_test(test) for test in _read("tests.json")],
        people=[
            *(_person(person, Role(person["role"]), password_hashes) for person in people["staff"]),
            *(_person(person, Role.CANDIDATE, password_hashes) for person in people["candidates"]),
        ],
    )


def staff_emails() -> list[str]:
    """The addresses of the sample's staff."""
    return [person["email"] for person in _read("people.json")["staff"]]


def _bank() -> Iterator[dict[str, Any]]:
    """All questions, from one file for each skill."""
    for file in sorted((resources.files(__package__) / "bank").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".json"):
            yield from json.loads(file.read_text("utf-8"))


def _read(name: str) -> Any:
    return json.loads((resources.files(__package__) / name).read_text("utf-8"))


def _question(question: dict[str, Any]) -> QuestionDraft:
    return msgspec.convert(question, QuestionDraft, strict=True)


def _test(test: dict[str, Any]) -> SampleTest:
    return SampleTest(msgspec.convert(test, Blueprint, strict=True))


def _person(person: dict[str, str], role: Role, password_hashes: Mapping[str, str]) -> SamplePerson:
    return SamplePerson(person["name"], person["email"], role, password_hashes.get(person["email"]))
