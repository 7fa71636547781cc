"""The sample comes whole or not at all, once, and never among other people."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sitting.cli.sample import read_sample
from sitting.domain.blueprint import Blueprint
from sitting.domain.errors import Conflict, InvalidMessage
from sitting.storage.tables import candidate_applications, question_contents, questions, tests, users
from sitting.storage.unit_of_work import Storage
from sitting.usecases.find_sample import find_sample
from sitting.usecases.load_sample import load_sample
from sitting.usecases.sample import SampleTest
from tests.support.builders import make_user
from tests.support.clock import NOON
from tests.support.storage import rows

TABLES = (users, questions, question_contents, tests, candidate_applications)


async def counts(storage: Storage) -> list[int]:
    return [len(await rows(storage, table)) for table in TABLES]


async def test_failure_near_the_end_leaves_nothing_behind(storage: Storage) -> None:
    sample = read_sample({})
    nameless = SampleTest(Blueprint(name=""))
    with pytest.raises(InvalidMessage):
        await load_sample(storage, replace(sample, tests=[*sample.tests, nameless]), now=NOON)
    assert await counts(storage) == [0, 0, 0, 0, 0]
    assert await find_sample(storage, sample) is None
    loaded = await load_sample(storage, sample, now=NOON)
    assert (len(loaded.versions), len(loaded.invited), len(loaded.staff)) == (3, 36, 3)


async def test_second_time_finds_the_same_and_adds_nothing(storage: Storage) -> None:
    first = await load_sample(storage, read_sample({}), now=NOON)
    before = await counts(storage)
    assert dict(zip(TABLES, before, strict=True))[candidate_applications] == 36
    assert await load_sample(storage, read_sample({}), now=NOON) == first
    assert await find_sample(storage, read_sample({})) == first
    assert await counts(storage) == before


async def test_database_of_other_people_stays_as_it_is(storage: Storage) -> None:
    await make_user(storage)
    with pytest.raises(Conflict):
        await load_sample(storage, read_sample({}), now=NOON)
    assert (await counts(storage))[0] == 1


async def test_published_tests_follow_the_rules_of_the_files_over_the_whole_bank(storage: Storage) -> None:
    sample = read_sample({})
    loaded = await load_sample(storage, sample, now=NOON)
    async with storage.reading() as unit:
        bank = await unit.questions.list_page(after="", limit=None)
    assert {question.slug for question in bank} == sample.questions.keys()
    slugs = {question.question_id: question.slug or "" for question in bank}
    for version, test in zip(loaded.versions, sample.tests, strict=True):
        groups = tuple(tuple(slugs[id_] for id_ in group) for group in version.blueprint.not_together)
        assert replace(version.blueprint, not_together=groups) == test.blueprint
        assert version.overlap is not None
        assert version.overlap < 50_000
