"""The journal's writer on SQLite: one connection in one thread."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from sitting.storage.database import BUSY_TIMEOUT_SECONDS, SQLITE_PRAGMAS, Database
from sitting.storage.errors import BadData, OutcomeUnknown
from sitting.storage.journal import Entry
from sitting.storage.turns import Urgency
from sitting.storage.types import to_text

_LOG = (
    "INSERT INTO assessment_events (assessment_id, seq, type, occurred_at, salt, payload, inner_digest, hash) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_RESPOND = (
    "INSERT INTO assessment_responses "
    "(assessment_id, question_id, selected_option, selected_options, value, answered_at, seq) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (assessment_id, question_id) DO UPDATE SET "
    "selected_option = excluded.selected_option, selected_options = excluded.selected_options, "
    "value = excluded.value, answered_at = excluded.answered_at, seq = excluded.seq"
)
_TOUCH = "PRAGMA user_version = 0"  # writes a page though nothing changes, and so fails where the disk is full
_BEGIN_PROGRESS = "UPDATE assessments SET status = 'in_progress', updated_at = ? WHERE id = ? AND status = 'started'"


class SqliteWriter:
    """Writes batches in its turn among the writers of the process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._file = database.url.file
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._connection: sqlite3.Connection | None = None

    async def write(self, batch: Sequence[Entry]) -> set[tuple[int, int]]:
        async with self._database.turn(Urgency.NOW):
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._write, batch)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown()

    def _write(self, batch: Sequence[Entry]) -> set[tuple[int, int]]:
        try:
            if self._connection is None:
                self._connection = _connect(self._file)
            with _transaction(self._connection):
                if not batch:
                    self._connection.execute(_TOUCH)
                return {entry.key for entry in batch if _store(self._connection, entry)}
        except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeError) as fault:
            raise BadData(str(fault)) from fault
        except sqlite3.Error as fault:
            self._disconnect()
            raise OutcomeUnknown(str(fault)) from fault

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False)
    for pragma in SQLITE_PRAGMAS:
        connection.execute(pragma)
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _store(connection: sqlite3.Connection, entry: Entry) -> bool:
    """Write one entry inside the open transaction; false if its number is taken."""
    e = entry.event
    row = (e.assessment_id, e.seq, e.type, to_text(e.occurred_at), e.salt, e.payload, e.inner, e.hash)
    if connection.execute(_LOG, row).rowcount == 0:
        return False
    connection.executemany(
        _RESPOND,
        [
            (
                e.assessment_id,
                r.question_id,
                r.given.selected_option,
                r.selected_options_text,
                r.given.value,
                to_text(r.answered_at),
                e.seq,
            )
            for r in sorted(entry.responses, key=lambda r: r.question_id)
        ],
    )
    if entry.begins_progress:
        connection.execute(_BEGIN_PROGRESS, (to_text(e.occurred_at), e.assessment_id))
    return True
