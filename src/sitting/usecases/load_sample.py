"""Fill an empty database with a sample: questions, published Tests, people and invitations; or find it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sitting.domain.application import CandidateApplication
from sitting.domain.blueprint import Blueprint, FixedQuestion, PublishedVersion, check_blueprint, publish
from sitting.domain.errors import Conflict
from sitting.domain.question import QuestionVersion
from sitting.domain.user import Role, User
from sitting.kit.ids import random_id, random_secret
from sitting.storage.unit_of_work import Storage, UnitOfWork
from sitting.usecases.create_question import QUESTION_ID_LENGTH
from sitting.usecases.question_draft import QuestionDraft, content_of


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """Somebody who does not exist; `password_hash` is None for candidates."""

    name: str
    email: str
    role: Role
    password_hash: str | None = None


@dataclass(frozen=True, slots=True)
class SampleTest:
    """A Test that names its questions by slug, with their points in thousandths; `blueprint` has none yet."""

    blueprint: Blueprint
    points: Mapping[str, int]


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


async def load_sample(storage: Storage, sample: Sample, *, now: datetime) -> LoadedSample:
    """Load the sample, unless its people are there already. All of it comes in one transaction, or nothing.

    Raises:
        Conflict: the database holds other people, and none of the sample's.
    """
    async with storage.unit_of_work() as unit:
        if not await _people(unit, sample):
            if await unit.users.any_exist():
                raise Conflict("This database holds people who are not the sample's; it needs a database of its own.")
            await _load(unit, sample, now)
        return await _find(unit, sample)


async def _people(unit: UnitOfWork, sample: Sample) -> list[User]:
    found = [await unit.users.select_optional_by_email(person.email) for person in sample.people]
    return [user for user in found if user is not None]


async def _load(unit: UnitOfWork, sample: Sample, now: datetime) -> None:
    people = [await _create_person(unit, person, now) for person in sample.people]
    author = next((user.user_id for user in people if Role.AUTHOR in user.roles), None)
    bank = {
        slug: await unit.questions.create(
            random_id("q", QUESTION_ID_LENGTH), content_of(draft), slug=slug, by=author, now=now
        )
        for slug, draft in sample.questions.items()
    }
    test_ids = [await _publish(unit, test, bank, author, now) for test in sample.tests]
    for user in people:
        if Role.CANDIDATE in user.roles:
            for test_id in test_ids:
                await unit.applications.create(user.user_id, test_id, random_secret(), by=author, now=now)


async def _create_person(unit: UnitOfWork, person: SamplePerson, now: datetime) -> User:
    return await unit.users.create(
        name=person.name,
        email=person.email,
        roles=frozenset({person.role}),
        now=now,
        password_hash=person.password_hash,
    )


async def _publish(
    unit: UnitOfWork, test: SampleTest, bank: Mapping[str, QuestionVersion], author: int | None, now: datetime
) -> int:
    questions = tuple(FixedQuestion(bank[slug].question_id, points) for slug, points in test.points.items())
    blueprint = replace(test.blueprint, questions=questions)
    check_blueprint(blueprint)
    drafted = await unit.blueprints.create(blueprint, by=author, now=now)
    published = publish(blueprint, {version.question_id: version for version in bank.values()})
    await unit.blueprints.add_version(drafted.test_id, 1, blueprint, published, by=author, now=now)
    return drafted.test_id


async def _find(unit: UnitOfWork, sample: Sample) -> LoadedSample:
    people = await _people(unit, sample)
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
