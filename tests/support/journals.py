"""A journal that a test can watch and hold up, and real ways for its database to fail under it."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from sitting.domain.answer import GivenAnswer
from sitting.domain.events import Answered, AnswerRecord, Verdict
from sitting.storage.errors import OutcomeUnknown
from sitting.storage.journal import BatchWriter, Entry, Journal, ResponseRow
from sitting.storage.journal_postgresql import PostgresqlWriter
from sitting.storage.journal_sqlite import SqliteWriter
from sitting.storage.unit_of_work import Storage
from tests.support.builders import Seat
from tests.support.clock import NOON
from tests.support.eventually import eventually_async

_WAITING_BACKEND = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE '%INTO assessment_events%'
  AND wait_event_type = 'Lock' AND query LIKE '%unnest%'
"""


T = TypeVar("T")
Key = tuple[int, int]
"""(assessment_id, seq)"""


class WatchedWriter:
    """The real writer, with its batches on record and a gate before it.

    Attributes:
        batches: the keys of each batch that was offered, in order.
        gate: closed, it holds every batch back.
        loses_acks: the link breaks after each commit: what was stored is not known to be.
        is_closed: it was let go of.
    """

    def __init__(self, storage: Storage) -> None:
        self._real = real_writer(storage)
        self.batches: list[list[Key]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.loses_acks = False
        self.is_closed = False

    async def write(self, batch: Sequence[Entry]) -> set[Key]:
        self.batches.append([entry.key for entry in batch])
        await self.gate.wait()
        stored = await self._real.write(batch)
        if self.loses_acks:
            raise OutcomeUnknown("the link broke after the commit")
        return stored

    async def close(self) -> None:
        self.is_closed = True
        await self._real.close()


def real_writer(storage: Storage) -> BatchWriter:
    """A writer of its own for that database."""
    url = storage.database.url
    return SqliteWriter(storage.database) if url.is_sqlite else PostgresqlWriter(url)


@asynccontextmanager
async def watched_journal(storage: Storage) -> AsyncIterator[tuple[Journal, WatchedWriter]]:
    """A running journal in the place of the storage's own, with its writer."""
    writer, own = WatchedWriter(storage), storage.journal
    journal = storage.journal = Journal(writer, storage.metrics)
    await journal.start()
    try:
        yield journal, writer
    finally:
        writer.gate.set()
        await journal.stop()
        storage.journal = own


def make_entry(seat: Seat, *, ahead: int = 0, question_id: str | None = None, option: str | None = None) -> Entry:
    """An answer to the seat's first question as its next entry, or one `ahead` of that.

    `question_id` and `option` go into the row of the response as they are, however hostile.
    """
    question = seat.live.paper.at_position(1)
    record = AnswerRecord(question.question_id, question.content.key, None, None, None, Verdict.SAVED)
    state = seat.live.state
    event = state.next_event(Answered(NOON, (record,)), NOON)
    for _ in range(ahead):
        state.apply(event)
        event = state.next_event(Answered(NOON, (record,)), NOON)
    row = ResponseRow(question_id or question.question_id, GivenAnswer(option or question.content.key), NOON)
    return Entry(event, (row,), begins_progress=True)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process can grow beyond its first bytes: what SQLite sees of a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@dataclass(frozen=True, slots=True)
class Rival:
    """PostgreSQL: an open transaction that wrote into the logs first, so that whoever writes the same has to wait."""

    holder: asyncpg.Connection[Any]
    watcher: asyncpg.Connection[Any]

    async def write(self, key: Key) -> None:
        """Take that number, for as long as the transaction lasts."""
        await self.holder.execute(
            "INSERT INTO assessment_events (assessment_id, seq, type, occurred_at, inner_digest, hash) "
            "VALUES ($1, $2, 'flagged', now(), '', '')",
            *key,
        )

    async def waiting_backend(self) -> int:
        """The process id of the journal's backend, once it waits for us."""

        async def find() -> int:
            pid = await self.watcher.fetchval(_WAITING_BACKEND)
            assert pid is not None, "no journal waits for a lock"
            return int(pid)

        return await eventually_async(find)


@asynccontextmanager
async def rival_for(storage: Storage, key: Key) -> AsyncIterator[Rival]:
    """A rival that has taken that number in that log; it gives up at the end of the block."""
    address = storage.database.url.for_asyncpg
    rival = Rival(await asyncpg.connect(address), await asyncpg.connect(address))
    try:
        await rival.holder.execute("BEGIN")
        await rival.write(key)
        yield rival
    finally:
        await rival.holder.close()
        await rival.watcher.close()


async def while_the_database_fails(storage: Storage, key: Key, writing: Coroutine[Any, Any, T]) -> T:
    """Await `writing`, which writes that number: the disk is full (SQLite), or the backend dies in the middle of it."""
    if storage.database.url.is_sqlite:
        with full_disk():
            return await writing
    async with rival_for(storage, key) as rival:
        task = asyncio.create_task(writing)
        await rival.watcher.execute("SELECT pg_terminate_backend($1)", await rival.waiting_backend())
        await asyncio.wait([task], timeout=10)
    return await task
