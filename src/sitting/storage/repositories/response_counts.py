"""How often questions were answered, in assessments that are over."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as insert_or_add_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_or_add_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.piloting import Wording
from sitting.storage.among import among
from sitting.storage.tables import response_counts

_AT_ONCE = 5000  # a statement takes so many values on either database


class ResponseCountRepository:
    """Counts only grow: they hold nothing of a person, and what was answered stays answered."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, wordings: Collection[Wording]) -> dict[Wording, int]:
        """How many responses each of these had; those that had none are left out."""
        wanted, found = frozenset(wordings), {}
        ids = sorted({question_id for question_id, _ in wanted})
        for first in range(0, len(ids), _AT_ONCE):
            some = among(self._connection, response_counts.c.question_id, ids[first : first + _AT_ONCE])
            for row in await self._connection.execute(select(response_counts).where(some)):
                found[row.question_id, row.content_digest] = row.responses
        return {wording: number for wording, number in found.items() if wording in wanted}

    async def add(self, responses: Mapping[Wording, int]) -> None:
        """Add so many to each. Rows are always taken in one order, so that nodes wait for each other in no circle."""
        make = insert_or_add_postgresql if self._connection.dialect.name == "postgresql" else insert_or_add_sqlite
        rows = [
            {"question_id": question_id, "content_digest": digest, "responses": number}
            for (question_id, digest), number in sorted(responses.items())
        ]
        if not rows:
            return
        statement = make(response_counts)
        more = response_counts.c.responses + statement.excluded.responses
        known = ["question_id", "content_digest"]
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=known, set_={"responses": more}), rows
        )
