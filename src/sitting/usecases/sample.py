"""A sample as it is to be loaded, and as it stands in a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sitting.domain.application import CandidateApplication
from sitting.domain.blueprint import Blueprint, PublishedVersion
from sitting.domain.user import Role, User
from sitting.storage.unit_of_work import UnitOfWork
from sitting.usecases.question_draft import QuestionDraft


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """Somebody who does not exist; `password_hash` is None for candidates."""

    name: str
    email: str
    role: Role
    password_hash: str | None = None


@dataclass(frozen=True, slots=True)
class SampleTest:
    """A Test whose blueprint names questions by slug instead of question_id."""

    blueprint: Blueprint


@dataclass(frozen=True, slots=True)
class Sample:
    """What to load; `questions` by slug."""

    questions: Mapping[str, QuestionDraft]
    tests: Sequence[SampleTest]
    people: Sequence[SamplePerson]


@dataclass(frozen=True, slots=True)
class Invited:
    """A sample candidate with one of their applications."""

    candidate: User
    application: CandidateApplication


@dataclass(frozen=True, slots=True)
class LoadedSample:
    """The sample as it stands in the database; versions are the newest ones."""

    versions: Sequence[PublishedVersion]
    invited: Sequence[Invited]
    staff: Sequence[User]


async def stored_sample(unit: UnitOfWork, sample: Sample) -> LoadedSample | None:
    """The sample as far as its people are there; None if nobody is."""
    found = [await unit.users.select_optional_by_email(person.email) for person in sample.people]
    people = [user for user in found if user is not None]
    if not people:
        return None
    candidates = {person.email for person in sample.people if person.role is Role.CANDIDATE}
    invited = [
        Invited(user, application)
        for user in people
        if user.email in candidates
        for application in await unit.applications.of_candidate(user.user_id)
    ]
    test_ids = sorted({each.application.test_id for each in invited})
    return LoadedSample(
        versions=[await unit.blueprints.current_version(test_id) for test_id in test_ids],
        invited=invited,
        staff=[user for user in people if user.email not in candidates],
    )
