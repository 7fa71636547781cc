"""The question bank."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, Select, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_ignore_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_or_ignore_sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.errors import Conflict, QuestionNotFound
from sitting.domain.question import QuestionContent, QuestionVersion
from sitting.storage.tables import question_contents, question_versions, questions

_CONTENT = msgspec.json.Decoder(QuestionContent)


class QuestionRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(
        self, question_id: str, content: QuestionContent, *, slug: str | None, by: int | None, now: datetime
    ) -> QuestionVersion:
        """Add a question as version 1.

        Raises:
            Conflict: the slug is taken.
        """
        try:
            async with self._connection.begin_nested():
                await self._connection.execute(
                    insert(questions).values(
                        id=question_id, slug=slug, current_version=1, created_at=now, updated_at=now
                    )
                )
        except IntegrityError:
            raise Conflict("There is a question with this slug already.", slug=slug) from None
        return await self._add_version(question_id, slug, 1, content, by=by, now=now)

    async def revise(
        self, question_id: str, content: QuestionContent, *, by: int | None, now: datetime
    ) -> QuestionVersion:
        """Make `content` the current version; the older ones stay.

        Raises:
            QuestionNotFound: the bank has no such question.
        """
        current = await self.select(question_id, for_update=True)
        if current.digest == content.digest():
            return current
        version = current.version + 1
        await self._connection.execute(
            update(questions).where(questions.c.id == question_id).values(current_version=version, updated_at=now)
        )
        return await self._add_version(question_id, current.slug, version, content, by=by, now=now)

    async def archive(self, question_id: str, *, now: datetime) -> None:
        """Take a question out of the bank. Versions stay: papers and published Tests go on."""
        await self.select(question_id)
        await self._connection.execute(
            update(questions).where(questions.c.id == question_id).values(archived_at=now, updated_at=now)
        )

    async def select(self, question_id: str, *, for_update: bool = False) -> QuestionVersion:
        """The current version.

        Raises:
            QuestionNotFound: the bank has no such question (any more).
        """
        statement = _current().where(questions.c.id == question_id)
        if for_update:
            statement = statement.with_for_update(of=questions, key_share=True)
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            raise QuestionNotFound("The bank has no such question.", question_id=question_id)
        return _version(row)

    async def select_many(self, question_ids: Iterable[str]) -> dict[str, QuestionVersion]:
        """The current versions of those that exist, by question_id."""
        rows = await self._connection.execute(_current().where(questions.c.id.in_(list(question_ids))))
        return {row.id: _version(row) for row in rows}

    async def list_page(
        self, *, after: str, limit: int, skill: str | None = None, difficulty: str | None = None
    ) -> list[QuestionVersion]:
        """Current versions by question_id, behind `after`."""
        found: list[QuestionVersion] = []
        while len(found) < limit:
            statement = _current().where(questions.c.id > after).order_by(questions.c.id).limit(200)
            page = [_version(row) for row in await self._connection.execute(statement)]
            found += [
                version
                for version in page
                if skill in (None, version.content.skill) and difficulty in (None, version.content.difficulty)
            ]
            if len(page) < 200:
                break
            after = page[-1].question_id
        return found[:limit]

    async def contents(self, digests: Iterable[str]) -> Mapping[str, QuestionContent]:
        """Stored contents by digest."""
        statement = select(question_contents).where(question_contents.c.digest.in_(sorted(set(digests))))
        return {row.digest: _CONTENT.decode(row.body) for row in await self._connection.execute(statement)}

    async def _add_version(
        self,
        question_id: str,
        slug: str | None,
        version: int,
        content: QuestionContent,
        *,
        by: int | None,
        now: datetime,
    ) -> QuestionVersion:
        digest = content.digest()
        await self._store_content(digest, content.encoded())
        await self._connection.execute(
            insert(question_versions).values(
                question_id=question_id, version=version, content_digest=digest, created_by=by, created_at=now
            )
        )
        return QuestionVersion(question_id, slug, version, content, digest)

    async def _store_content(self, digest: str, body: bytes) -> None:
        dialect = self._connection.dialect.name
        make = insert_or_ignore_postgresql if dialect == "postgresql" else insert_or_ignore_sqlite
        await self._connection.execute(
            make(question_contents).values(digest=digest, body=body).on_conflict_do_nothing()
        )


def _current() -> Select[Any]:
    versions, contents = question_versions, question_contents
    return (
        select(questions.c.id, questions.c.slug, versions.c.version, contents.c.digest, contents.c.body)
        .join(
            versions,
            (versions.c.question_id == questions.c.id) & (versions.c.version == questions.c.current_version),
        )
        .join(contents, contents.c.digest == versions.c.content_digest)
        .where(questions.c.archived_at.is_(None))
    )


def _version(row: Row[Any]) -> QuestionVersion:
    return QuestionVersion(row.id, row.slug, row.version, _CONTENT.decode(row.body), row.digest)
