"""Candidates' applications."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.application import CandidateApplication
from sitting.domain.errors import ApplicationNotFound
from sitting.storage.tables import candidate_applications


class ApplicationRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(
        self, user_id: int, test_id: int, secret: str, *, by: int | None, now: datetime
    ) -> CandidateApplication:
        """Add a claim; user and Test must exist."""
        values = {"user_id": user_id, "test_id": test_id, "secret": secret, "created_by": by, "created_at": now}
        table = candidate_applications
        result = await self._connection.execute(insert(table).values(values).returning(*table.c))
        return _application(result.one())

    async def create_many(
        self, secrets: Mapping[int, str], test_id: int, *, by: int | None, now: datetime
    ) -> list[CandidateApplication]:
        """Add a claim for each user, in the order given; `secrets` by user_id. Users and Test must exist."""
        shared = {"test_id": test_id, "created_by": by, "created_at": now}
        rows = [{"user_id": user_id, "secret": secret, **shared} for user_id, secret in secrets.items()]
        await self._connection.execute(insert(candidate_applications), rows)
        made = await self._many(candidate_applications.c.secret.in_(secrets.values()))
        by_user = {application.user_id: application for application in made}
        return [by_user[user_id] for user_id in secrets]

    async def select_own(self, application_id: int, user_id: int) -> CandidateApplication:
        """That application, if it is this candidate's.

        Raises:
            ApplicationNotFound: there is none, or it is somebody else's.
        """
        found = await self._many(
            candidate_applications.c.id == application_id, candidate_applications.c.user_id == user_id
        )
        if not found:
            raise ApplicationNotFound(application_id=application_id)
        return found[0]

    async def select_optional_by_secret(self, secret: str) -> CandidateApplication | None:
        """The application whose invitation link carries `secret`."""
        found = await self._many(candidate_applications.c.secret == secret)
        return found[0] if found else None

    async def of_candidate(self, user_id: int, test_id: int | None = None) -> list[CandidateApplication]:
        """This candidate's applications, oldest first, to one Test or to all."""
        conditions = [candidate_applications.c.user_id == user_id]
        if test_id is not None:
            conditions.append(candidate_applications.c.test_id == test_id)
        return await self._many(*conditions)

    async def of_test(self, test_id: int, *, after: int, limit: int) -> list[CandidateApplication]:
        """A Test's applications by id, behind `after`."""
        table = candidate_applications
        return await self._many(table.c.test_id == test_id, table.c.id > after, limit=limit)

    async def lock(self, application_id: int) -> None:
        """Let nobody else start an assessment of this application until the transaction ends."""
        statement = select(candidate_applications.c.id).where(candidate_applications.c.id == application_id)
        # NO KEY UPDATE: PostgreSQL may look the application up again for whoever updates one of its assessments.
        await self._connection.execute(statement.with_for_update(key_share=True))

    async def _many(self, *conditions: Any, limit: int | None = None) -> list[CandidateApplication]:
        table = candidate_applications
        statement = select(table).where(*conditions).order_by(table.c.id).limit(limit)
        return [_application(row) for row in await self._connection.execute(statement)]


def _application(row: Row[Any]) -> CandidateApplication:
    return CandidateApplication(row.id, row.user_id, row.test_id, row.secret, row.created_at)
