"""Who takes the Test in a measurement: a bank, a published Test whose papers are drawn, and its candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, select

from sitting.domain.blueprint import Blueprint, Draw, PublishedVersion, Section
from sitting.domain.question import QuestionContent
from sitting.identity.tokens import TokenKeys, mint
from sitting.kit.ids import random_id, random_secret
from sitting.questions.publication import publish
from sitting.storage.tables import candidate_applications, users
from sitting.storage.unit_of_work import Storage
from tests.support.builders import make_content
from tests.support.server import JWT_SECRET

BANK = 60
QUESTIONS = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of them, with what lets them in."""

    user_id: int
    application_id: int
    token: str


@dataclass(frozen=True, slots=True)
class Cohort:
    """All who take one Test."""

    test_id: int
    candidates: Sequence[Candidate]

    def path(self, candidate: Candidate) -> str:
        """The path of that candidate's socket, token included."""
        return f"/ws/assessment?token={candidate.token}&test_id={self.test_id}"


async def make_cohort(storage: Storage, people: int, *, questions: int = QUESTIONS, minutes: int = 60) -> Cohort:
    """Publish a Test with `questions` drawn ones and invite so many people to it; `minutes` is its time limit."""
    half = questions // 2
    section = Section(draws=(Draw(questions - half), Draw(half)), shuffle=True)
    blueprint = Blueprint("Bench", sections=(section,), shuffle_options=True, time_limit_minutes=minutes)
    bank = [make_content(number) for number in range(1, max(BANK, 2 * questions) + 1)]
    return await invite_cohort(storage, await publish_test(storage, blueprint, bank), people)


async def invite_cohort(storage: Storage, test: PublishedVersion, people: int) -> Cohort:
    """Invite so many people, who are new, to a Test."""
    now = datetime.now(UTC)
    user_ids = await _make_users(storage, people, now)
    application_ids = await _invite(storage, test.test_id, user_ids, now)
    keys = TokenKeys(JWT_SECRET)
    tokens = [mint(keys, user_id, now=now, lifetime=timedelta(hours=4)) for user_id in user_ids]
    return Cohort(test.test_id, [Candidate(*each) for each in zip(user_ids, application_ids, tokens, strict=True)])


async def publish_test(storage: Storage, blueprint: Blueprint, contents: Sequence[QuestionContent]) -> PublishedVersion:
    """Put these questions into the bank, and publish a Test of them."""
    now = datetime.now(UTC)
    async with storage.unit_of_work() as unit:
        versions = [
            await unit.questions.create(random_id("q", 8), content, slug=None, by=None, now=now) for content in contents
        ]
        bank = {version.question_id: version for version in versions}
        test = await unit.blueprints.create(blueprint, by=None, now=now)
        made = publish(blueprint, bank)
        return await unit.blueprints.add_version(
            test.test_id, 1, blueprint, made.snapshot, overlap=made.overlap, by=None, now=now
        )


async def _make_users(storage: Storage, people: int, now: datetime) -> list[int]:
    mark = random_id("x", 8)
    rows = [
        {
            "name": f"Candidate {n}",
            "email": f"{mark}-{n}@example.org",
            "roles": "candidate",
            "created_at": now,
            "updated_at": now,
        }
        for n in range(people)
    ]
    async with storage.database.writing() as connection:
        await connection.execute(insert(users), rows)
        statement = select(users.c.id).where(users.c.email.startswith(f"{mark}-")).order_by(users.c.id)
        return list(await connection.scalars(statement))


async def _invite(storage: Storage, test_id: int, user_ids: Sequence[int], now: datetime) -> list[int]:
    table = candidate_applications
    rows = [{"user_id": each, "test_id": test_id, "secret": random_secret(), "created_at": now} for each in user_ids]
    async with storage.database.writing() as connection:
        await connection.execute(insert(table), rows)
        found = await connection.execute(select(table.c.user_id, table.c.id).where(table.c.test_id == test_id))
        by_user = {row.user_id: row.id for row in found}
    return [by_user[user_id] for user_id in user_ids]
