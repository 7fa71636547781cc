"""The append-only logs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Row, and_, bindparam, false, func, insert, or_, select, text
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.chain import SealedEvent
from sitting.storage.among import among
from sitting.storage.errors import SequenceTaken
from sitting.storage.tables import assessment_events

# A maximum for each, and no GROUP BY over all entries: so it is one step into the primary key's index for each log.
_ASKED = func.unnest(bindparam("ids", type_=ARRAY(BigInteger))).table_valued("id").render_derived(name="asked")
_HEAD = select(func.max(assessment_events.c.seq)).where(assessment_events.c.assessment_id == _ASKED.c.id)
HEADS = select(_ASKED.c.id, _HEAD.scalar_subquery().label("head"))

_APPEND_MANY = text("""
INSERT INTO assessment_events (assessment_id, seq, type, occurred_at, salt, payload, inner_digest, hash)
SELECT * FROM unnest(CAST(:c0 AS bigint[]), CAST(:c1 AS int[]), CAST(:c2 AS text[]), CAST(:c3 AS timestamptz[]),
                     CAST(:c4 AS bytea[]), CAST(:c5 AS bytea[]), CAST(:c6 AS bytea[]), CAST(:c7 AS bytea[]))
ON CONFLICT DO NOTHING RETURNING assessment_id
""")


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

    async def append_many(self, events: Sequence[SealedEvent]) -> set[int]:
        """Add the next entry of several logs, each of which occurs once; the assessment_ids of those whose number was
        free.
        """
        if not events:
            return set()
        ordered = sorted(events, key=lambda event: event.assessment_id)
        if self._connection.dialect.name == "postgresql":
            columns = zip(*(_row(event).values() for event in ordered), strict=True)
            values = {f"c{number}": list(column) for number, column in enumerate(columns)}
            return set(await self._connection.scalars(_APPEND_MANY, values))
        anew = insert_sqlite(assessment_events).on_conflict_do_nothing()
        statement = anew.returning(assessment_events.c.assessment_id)
        return set(await self._connection.scalars(statement, [_row(event) for event in ordered]))

    async def insert_first(self, events: Sequence[SealedEvent]) -> None:
        """Add entries of logs that nobody else knows yet."""
        await self._connection.execute(insert(assessment_events), [_row(event) for event in events])

    async def read_many(self, assessment_ids: Collection[int]) -> dict[int, list[SealedEvent]]:
        """All entries of several logs, each in order, by assessment_id."""
        table = assessment_events
        statement = select(table).where(among(self._connection, table.c.assessment_id, assessment_ids))
        found: dict[int, list[SealedEvent]] = {}
        for row in await self._connection.execute(statement.order_by(table.c.assessment_id, table.c.seq)):
            found.setdefault(row.assessment_id, []).append(_event(row))
        return found

    async def read_newer(self, known: Mapping[int, int]) -> dict[int, list[SealedEvent]]:
        """What several logs have gained, each in order, by assessment_id.

        Args:
            known: the newest number that is known of each; of 0 or more logs.
        """
        table = assessment_events
        wanted = [and_(table.c.assessment_id == id_, table.c.seq > seq) for id_, seq in known.items()]
        statement = select(table).where(or_(false(), *wanted)).order_by(table.c.assessment_id, table.c.seq)
        found: dict[int, list[SealedEvent]] = {}
        for row in await self._connection.execute(statement):
            found.setdefault(row.assessment_id, []).append(_event(row))
        return found

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
