"""A database of an earlier version, migrated with what it holds: nothing is lost, and a candidate goes on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from alembic import command
from sqlalchemy import Connection, text

from sitting.domain.blueprint import FixedQuestion
from sitting.kit.canonical import canonical_json, sha256_hex
from sitting.storage.database import Database
from sitting.storage.migrate import _config, upgrade
from sitting.storage.repositories.questions import QuestionFilter
from sitting.storage.url import DatabaseUrl
from tests.support.builders import begin
from tests.support.clock import NOON
from tests.support.storage import running_storage

# As the first schema wrote them, byte for byte.
CONTENT = {
    "difficulty": "easy",
    "explanation": "Twice 1.",
    "key": "o_1a",
    "options": [{"id": "o_1a", "text": "2"}, {"id": "o_1b", "text": "3"}],
    "skill": "Arithmetic",
    "text": "What is 1 + 1?",
    "type": "single_choice",
}
BLUEPRINT = {
    "abandon_after_days": 30,
    "closes_at": None,
    "description": "",
    "grace_seconds": 5,
    "max_attempts": 1,
    "name": "Arithmetic",
    "opens_at": None,
    "pass_mark": 50_000,
    "questions": [{"points": 2500, "question_id": "q_1"}],
    "time_limit_minutes": 30,
}


async def _first_schema(url: str) -> None:
    """A database of the first schema with one question, one published Test and one candidate who is invited to it."""
    database = Database(DatabaseUrl.parse(url), unhurried=True)
    try:
        async with database.writing() as connection:
            await connection.run_sync(lambda plain: command.upgrade(_config(plain), "0001"))
            await connection.run_sync(_fill)
    finally:
        await database.close()


def _fill(connection: Connection) -> None:
    body = canonical_json(CONTENT)
    digest = sha256_hex(body)
    now: Any = NOON if connection.dialect.name == "postgresql" else "2026-11-22T12:00:00.000000Z"
    snapshot = [{"content_digest": digest, "points": 2500, "question_id": "q_1"}]
    values = {
        "body": body,
        "digest": digest,
        "now": now,
        "draft": json.dumps(BLUEPRINT),
        "snapshot": json.dumps(snapshot),
    }
    for statement in (
        "INSERT INTO users (id, name, email, roles, created_at, updated_at) "
        "VALUES (1, 'Ada', 'ada@example.org', 'candidate', :now, :now)",
        "INSERT INTO question_contents (digest, body) VALUES (:digest, :body)",
        "INSERT INTO questions (id, slug, current_version, created_at, updated_at) "
        "VALUES ('q_1', 'sum', 1, :now, :now)",
        "INSERT INTO question_versions (question_id, version, content_digest, created_at) "
        "VALUES ('q_1', 1, :digest, :now)",
        "INSERT INTO tests (id, name, draft, created_at, updated_at) VALUES (1, 'Arithmetic', :draft, :now, :now)",
        "INSERT INTO test_versions (id, test_id, number, blueprint, questions, published_at) "
        "VALUES (1, 1, 1, :draft, :snapshot, :now)",
        "INSERT INTO candidate_applications (id, user_id, test_id, secret, created_at) "
        "VALUES (1, 1, 1, 'secret', :now)",
    ):
        connection.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})


async def test_tests_and_questions_of_the_first_schema_are_taken_along(empty_database_url: str) -> None:
    await _first_schema(empty_database_url)
    await _upgraded(empty_database_url)
    async with running_storage(empty_database_url) as storage:
        async with storage.reading() as unit:
            version = await unit.blueprints.current_version(1)
            draft = (await unit.blueprints.select(1)).draft
            wanted = QuestionFilter(skill="Arithmetic", difficulty="easy", type="single_choice", words=("1 + 1",))
            (found,) = await unit.questions.list_page(after="", limit=10, wanted=wanted)
            (application,) = await unit.applications.of_candidate(1)
        assert draft == version.blueprint
        assert version.blueprint.sections[0].questions == (FixedQuestion("q_1", 2500),)
        assert found.digest == found.content.digest() == version.snapshot.questions[0].content_digest
        seat = await begin(storage, application)
        assert (await seat.answer(1)).verdict == "saved"
        ended = await seat.finish()
        assert (ended.assessment.total_score, ended.assessment.passed) == (2500, True)


async def _upgraded(url: str) -> None:
    """Upgrade, which runs an event loop of its own."""
    await asyncio.to_thread(upgrade, url)
