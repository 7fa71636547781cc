"""The journal's writer on PostgreSQL: one statement a batch, straight to asyncpg."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg

from sitting.storage.database import POSTGRESQL_SETTINGS
from sitting.storage.errors import BadData, OutcomeUnknown, TryAgain
from sitting.storage.journal import Entry
from sitting.storage.url import DatabaseUrl

WRITE_TIMEOUT_SECONDS = 10

# The log's primary key decides which entries win, and only those that did reach the responses.
_STORE = """
WITH logged AS (
  INSERT INTO assessment_events (assessment_id, seq, type, occurred_at, salt, payload, inner_digest, hash)
  SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::timestamptz[], $5::bytea[], $6::bytea[],
                       $7::bytea[], $8::bytea[])
  ON CONFLICT DO NOTHING
  RETURNING assessment_id, seq
), responded AS (
  INSERT INTO assessment_responses
    (assessment_id, question_id, selected_option, selected_options, value, answered_at, seq)
  SELECT answer.* FROM unnest($9::bigint[], $10::text[], $11::text[], $12::text[], $13::text[],
                              $14::timestamptz[], $15::int[])
    AS answer (assessment_id, question_id, selected_option, selected_options, value, answered_at, seq)
  JOIN logged USING (assessment_id, seq)
  ORDER BY answer.assessment_id, answer.question_id
  ON CONFLICT (assessment_id, question_id) DO UPDATE SET
    selected_option = excluded.selected_option, selected_options = excluded.selected_options,
    value = excluded.value, answered_at = excluded.answered_at, seq = excluded.seq
)
SELECT assessment_id, seq FROM logged
"""
_BEGIN_PROGRESS = """
UPDATE assessments SET status = 'in_progress', updated_at = $2
WHERE id = ANY ($1::bigint[]) AND status = 'started'
"""
# The assessments' rows are locked in the order of their ids, as by every other writer of several rows.
_LOCK = "SELECT id FROM assessments WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE"

_NOTHING_STORED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.CharacterNotInRepertoireError)
_RETRY = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


class PostgresqlWriter:
    """Writes batches over one connection of its own, made anew after a loss."""

    def __init__(self, url: DatabaseUrl) -> None:
        self._url = url.for_asyncpg
        self._connection: asyncpg.Connection[Any] | None = None

    async def write(self, batch: Sequence[Entry]) -> set[tuple[int, int]]:
        # Not asyncio.timeout: what it cancels would still wait for a frozen server, to roll back.
        watchdog = asyncio.get_running_loop().call_later(WRITE_TIMEOUT_SECONDS, self._abandon)
        try:
            return await self._write(batch)
        except _RETRY as fault:
            raise TryAgain(str(fault)) from fault
        except (*_NOTHING_STORED, OverflowError, UnicodeError) as fault:
            raise BadData(str(fault)) from fault
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as fault:
            self._abandon()
            raise OutcomeUnknown(str(fault)) from fault
        finally:
            watchdog.cancel()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close(timeout=WRITE_TIMEOUT_SECONDS)

    async def _write(self, batch: Sequence[Entry]) -> set[tuple[int, int]]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._url, timeout=WRITE_TIMEOUT_SECONDS, server_settings=POSTGRESQL_SETTINGS
            )
        if not any(entry.begins_progress for entry in batch):
            return await _store(self._connection, batch)  # a statement by itself is a transaction
        async with self._connection.transaction():
            stored = await _store(self._connection, batch)
            firsts = [e.event for e in batch if e.begins_progress and e.key in stored]
            if firsts:
                ids = [event.assessment_id for event in firsts]
                await self._connection.execute(_LOCK, ids)
                await self._connection.execute(_BEGIN_PROGRESS, ids, max(event.occurred_at for event in firsts))
        return stored

    def _abandon(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def _store(connection: asyncpg.Connection[Any], batch: Sequence[Entry]) -> set[tuple[int, int]]:
    return {(row[0], row[1]) for row in await connection.fetch(_STORE, *_columns(batch))}


def _columns(batch: Sequence[Entry]) -> list[list[Any]]:
    """The batch as the arrays that the statement takes: eight of the log, seven of the responses."""
    events = [
        (e.assessment_id, e.seq, e.type, e.occurred_at, e.salt, e.payload, e.inner, e.hash)
        for e in (entry.event for entry in batch)
    ]
    answers = [
        (
            entry.event.assessment_id,
            r.question_id,
            r.given.selected_option,
            r.selected_options_text,
            r.given.value,
            r.answered_at,
            entry.event.seq,
        )
        for entry in batch
        for r in entry.responses
    ]
    return _transposed(events, 8) + _transposed(answers, 7)


def _transposed(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [[row[column] for row in rows] for column in range(width)]
