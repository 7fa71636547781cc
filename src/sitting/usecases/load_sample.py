"""Fill an empty database with a sample: questions, published Tests, people and invitations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sitting.domain.blueprint import Blueprint
from sitting.domain.blueprint_check import check_blueprint
from sitting.domain.errors import Conflict
from sitting.domain.question import QuestionVersion
from sitting.domain.user import Role, User
from sitting.kit.ids import random_id, random_secret
from sitting.questions.publication import publish
from sitting.storage.unit_of_work import Storage, UnitOfWork
from sitting.usecases.create_question import QUESTION_ID_LENGTH
from sitting.usecases.question_draft import content_of
from sitting.usecases.sample import LoadedSample, Sample, SamplePerson, SampleTest, stored_sample


async def load_sample(storage: Storage, sample: Sample, *, now: datetime) -> LoadedSample:
    """Load the sample, unless its people are there already. All of it comes in one transaction, or nothing.

    Raises:
        Conflict: the database holds other people, and none of the sample's.
    """
    async with storage.unit_of_work() as unit:
        stored = await stored_sample(unit, sample)
        if stored is not None:
            return stored
        if await unit.users.any_exist():
            raise Conflict("This database holds people who are not the sample's; it needs a database of its own.")
        await _load(unit, sample, now)
        loaded = await stored_sample(unit, sample)
        assert loaded is not None
        return loaded


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
    blueprint = _with_ids(test.blueprint, {slug: version.question_id for slug, version in bank.items()})
    check_blueprint(blueprint)
    drafted = await unit.blueprints.create(blueprint, by=author, now=now)
    made = publish(blueprint, {version.question_id: version for version in bank.values()})
    await unit.blueprints.add_version(
        drafted.test_id,
        1,
        blueprint,
        made.snapshot,
        overlap=made.overlap,
        overlap_error=made.overlap_error,
        by=author,
        now=now,
    )
    return drafted.test_id


def _with_ids(blueprint: Blueprint, ids: Mapping[str, str]) -> Blueprint:
    """The same blueprint, its slugs replaced by the ids that the questions got."""
    sections = tuple(
        replace(
            section,
            questions=tuple(replace(fixed, question_id=ids[fixed.question_id]) for fixed in section.questions),
            draws=tuple(
                replace(draw, question_ids=tuple(ids[slug] for slug in draw.question_ids)) for draw in section.draws
            ),
        )
        for section in blueprint.sections
    )
    groups = tuple(tuple(ids[slug] for slug in group) for group in blueprint.not_together)
    return replace(blueprint, sections=sections, not_together=groups)
