"""The append-only logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Row, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.chain import SealedEvent
from sitting.storage.errors import SequenceTaken
from sitting.storage.tables import assessment_events

# A maximum for each, and no GROUP BY over all entries: so it is one step into the primary key's index for each log.
_ASKED = func.unnest(bindparam("ids", type_=ARRAY(BigInteger))).table_valued("id").render_derived(name="asked")
_HEAD = select(func.max(assessment_events.c.seq)).where(assessment_events.c.assessment_id == _ASKED.c.id)
HEADS = select(_ASKED.c.id, _HEAD.scalar_subquery().label("head"))


class EventRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def append(self, event: SealedEvent) -> None:
        """Add the next entry of a log.

        Raises:
            SequenceTaken: somebody else wrote that number; the unit of work must be given up.
        """
        make = insert_postgresql if self._connection.dialect.name == "postgresql" else insert_sqlite
        result = await self._connection.execute(
            make(assessment_events).values(_row(event)).on_conflict_do_nothing().returning(assessment_events.c.seq)
        )
        if result.one_or_none() is None:
            raise SequenceTaken()

    async def read(self, assessment_id: int, *, after: int = 0, limit: int | None = None) -> Sequence[SealedEvent]:
        """Entries of one log in order, behind `after`."""
        statement = (
            select(assessment_events)
            .where(assessment_events.c.assessment_id == assessment_id, assessment_events.c.seq > after)
            .order_by(assessment_events.c.seq)
            .limit(limit)
        )
        return [_event(row) for row in await self._connection.execute(statement)]

    async def heads(self, assessment_ids: Sequence[int]) -> dict[int, int]:
        """The newest number of each of these logs, of the bigger ones as fast as of the others. PostgreSQL only."""
        result = await self._connection.execute(HEADS, {"ids": list(assessment_ids)})
        return {row.id: row.head for row in result if row.head is not None}


def _row(event: SealedEvent) -> dict[str, Any]:
    return {
        "assessment_id": event.assessment_id,
        "seq": event.seq,
        "type": event.type,
        "occurred_at": event.occurred_at,
        "salt": event.salt,
        "payload": event.payload,
        "inner_digest": event.inner,
        "hash": event.hash,
    }


def _event(row: Row[Any]) -> SealedEvent:
    return SealedEvent(
        row.assessment_id,
        row.seq,
        row.type,
        row.occurred_at,
        _bytes(row.salt),
        _bytes(row.payload),
        _bytes(row.inner_digest) or b"",
        _bytes(row.hash) or b"",
    )


def _bytes(value: bytes | str | None) -> bytes | None:
    """SQLite keeps text in a column of bytes, where somebody wrote it by hand: that must read as a changed entry."""
    return value.encode() if isinstance(value, str) else value
