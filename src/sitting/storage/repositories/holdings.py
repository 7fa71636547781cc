"""How much a database holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.storage.tables import assessment_events, assessments, tests, users


@dataclass(frozen=True, slots=True)
class Holdings:
    """Numbers of rows, and the instant of the newest entry of any log; None if there is no entry."""

    people: int
    tests: int
    assessments: int
    entries: int
    newest: datetime | None


class HoldingsRepository:
    """Reads tables that are there since the first schema, so that it works before an upgrade too."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def count(self) -> Holdings:
        """What there is now."""
        newest: datetime | None = await self._connection.scalar(select(func.max(assessment_events.c.occurred_at)))
        return Holdings(
            people=await self._rows(users),
            tests=await self._rows(tests),
            assessments=await self._rows(assessments),
            entries=await self._rows(assessment_events),
            newest=newest,
        )

    async def _rows(self, table: Table) -> int:
        return await self._connection.scalar(select(func.count()).select_from(table)) or 0
