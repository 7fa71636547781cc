"""Tests: drafts and their immutable published versions."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.blueprint import BankSnapshot, Blueprint, DraftedTest, PublishedVersion
from sitting.domain.errors import BlueprintNotFound
from sitting.kit.canonical import canonical_json
from sitting.storage.among import among
from sitting.storage.tables import test_versions, tests

_BLUEPRINT = msgspec.json.Decoder(Blueprint)
_SNAPSHOT = msgspec.json.Decoder(BankSnapshot)
_NEWEST = (
    select(func.max(test_versions.c.number))
    .where(test_versions.c.test_id == tests.c.id)
    .correlate(tests)
    .scalar_subquery()
    .label("current_version")
)


class BlueprintRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(self, draft: Blueprint, *, by: int | None, now: datetime) -> DraftedTest:
        """Add a Test with its first draft."""
        values = {
            "name": draft.name,
            "draft": canonical_json(draft).decode(),
            "created_by": by,
            "created_at": now,
            "updated_at": now,
        }
        test_id = await self._connection.scalar(insert(tests).values(values).returning(tests.c.id))
        assert test_id is not None
        return await self.select(test_id)

    async def replace_draft(self, test_id: int, draft: Blueprint, *, now: datetime) -> DraftedTest:
        """Store a new draft; published versions do not change.

        Raises:
            BlueprintNotFound: there is no such Test.
        """
        await self._connection.execute(
            update(tests)
            .where(tests.c.id == test_id)
            .values(name=draft.name, draft=canonical_json(draft).decode(), updated_at=now)
        )
        return await self.select(test_id)

    async def select(self, test_id: int, *, for_update: bool = False) -> DraftedTest:
        """That Test.

        Raises:
            BlueprintNotFound: there is none.
        """
        statement = select(tests, _NEWEST).where(tests.c.id == test_id)
        if for_update:
            statement = statement.with_for_update(of=tests, key_share=True)
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            raise BlueprintNotFound(test_id=test_id)
        return _drafted(row)

    async def list_page(self, *, after: int, limit: int, archived: bool = False) -> list[DraftedTest]:
        """Tests by id, behind `after`; those in use, or those that are archived."""
        chosen = tests.c.archived_at.is_not(None) if archived else tests.c.archived_at.is_(None)
        statement = select(tests, _NEWEST).where(tests.c.id > after, chosen).order_by(tests.c.id).limit(limit)
        return [_drafted(row) for row in await self._connection.execute(statement)]

    async def add_version(
        self,
        test_id: int,
        number: int,
        blueprint: Blueprint,
        snapshot: BankSnapshot,
        *,
        overlap: int,
        overlap_error: int = 0,
        by: int | None,
        now: datetime,
    ) -> PublishedVersion:
        """Store an immutable version. The caller holds the Test `for_update`, so that `number` is free.

        Args:
            overlap, overlap_error: see `PublishedVersion`.
        """
        values = {
            "test_id": test_id,
            "number": number,
            "blueprint": canonical_json(blueprint).decode(),
            "snapshot": canonical_json(snapshot).decode(),
            "overlap": overlap,
            "overlap_error": overlap_error,
            "published_by": by,
            "published_at": now,
        }
        result = await self._connection.execute(insert(test_versions).values(values).returning(*test_versions.c))
        return _published(result.one())

    async def version(self, version_id: int) -> PublishedVersion:
        """That version; it must exist."""
        result = await self._connection.execute(select(test_versions).where(test_versions.c.id == version_id))
        return _published(result.one())

    async def versions(self, test_id: int) -> list[PublishedVersion]:
        """All versions of a Test, oldest first."""
        statement = select(test_versions).where(test_versions.c.test_id == test_id).order_by(test_versions.c.number)
        return [_published(row) for row in await self._connection.execute(statement)]

    async def current_version_id(self, test_id: int) -> int:
        """The version_id of the newest version.

        Raises:
            BlueprintNotFound: there is no such Test, or it was never published.
        """
        statement = select(test_versions.c.id).where(test_versions.c.test_id == test_id)
        found: int | None = await self._connection.scalar(statement.order_by(test_versions.c.number.desc()).limit(1))
        if found is None:
            raise BlueprintNotFound(test_id=test_id)
        return found

    async def current_version_ids(self, test_ids: Collection[int]) -> dict[int, int]:
        """The version_id of the newest version of each, by test_id; those that were never published are left out."""
        table = test_versions
        newest = select(func.max(table.c.number)).where(table.c.test_id == tests.c.id).correlate(tests)
        statement = select(tests.c.id, table.c.id).join(table, table.c.test_id == tests.c.id)
        statement = statement.where(
            among(self._connection, tests.c.id, test_ids), table.c.number == newest.scalar_subquery()
        )
        return {row[0]: row[1] for row in await self._connection.execute(statement)}

    async def archived(self, test_ids: Collection[int]) -> set[int]:
        """Those of these Tests that are out of use."""
        statement = select(tests.c.id).where(
            among(self._connection, tests.c.id, test_ids), tests.c.archived_at.is_not(None)
        )
        return set(await self._connection.scalars(statement))

    async def numbered_version(self, test_id: int, number: int) -> PublishedVersion:
        """The version of a Test that has that number.

        Raises:
            BlueprintNotFound: there is none.
        """
        statement = select(test_versions).where(test_versions.c.test_id == test_id, test_versions.c.number == number)
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            raise BlueprintNotFound(test_id=test_id, version=number)
        return _published(row)

    async def archive(self, test_id: int, *, now: datetime) -> None:
        """Take a Test out of use; its versions and assessments stay. The second time changes nothing.

        Raises:
            BlueprintNotFound: there is no such Test.
        """
        test = await self.select(test_id, for_update=True)
        if test.archived_at is None:
            await self._connection.execute(update(tests).where(tests.c.id == test_id).values(archived_at=now))

    async def is_archived(self, test_id: int) -> bool:
        """Whether that Test is out of use."""
        statement = select(tests.c.id).where(tests.c.id == test_id, tests.c.archived_at.is_not(None))
        return await self._connection.scalar(statement) is not None

    async def current_version(self, test_id: int) -> PublishedVersion:
        """The newest version: what a start uses.

        Raises:
            BlueprintNotFound: there is no such Test, or it was never published.
        """
        statement = (
            select(test_versions)
            .where(test_versions.c.test_id == test_id)
            .order_by(test_versions.c.number.desc())
            .limit(1)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            raise BlueprintNotFound(test_id=test_id)
        return _published(row)


def _drafted(row: Row[Any]) -> DraftedTest:
    return DraftedTest(
        row.id, _BLUEPRINT.decode(row.draft), row.current_version, row.created_at, row.updated_at, row.archived_at
    )


def _published(row: Row[Any]) -> PublishedVersion:
    return PublishedVersion(
        row.id,
        row.test_id,
        row.number,
        _BLUEPRINT.decode(row.blueprint),
        _SNAPSHOT.decode(row.snapshot),
        row.published_at,
        row.overlap,
        row.overlap_error,
    )
