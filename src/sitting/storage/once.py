"""What one request writes to, so that its effect and its answer are committed together, and only once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NoReturn

from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.storage.hub import Moved, Notice
from sitting.storage.journal import Entry, Journal
from sitting.storage.repositories.idempotency import IdempotencyRepository, KeptAnswer, KeyedRequest
from sitting.storage.turns import Urgency
from sitting.storage.unit_of_work import K, R, Storage, UnitOfWork, Work


class AnsweredBefore(Exception):
    """The same request was answered already. Not a refusal: it ends the work, and its answer goes out again."""

    def __init__(self, answer: KeptAnswer) -> None:
        super().__init__()
        self.answer = answer


class OnceStorage(Storage):
    """A storage whose units of work are parts of one transaction, which begins with the first of them.

    Whoever comes later under the same key is stopped at the first look at the database: by AnsweredBefore, or by
    Conflict, if it is another request or the first one is still at work. Before `begin`, it is an ordinary storage.
    """

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage.database, _ClosedJournal(), storage.hub, storage.metrics)
        self._ordinary = storage
        self._request: KeyedRequest | None = None
        self._connection: AsyncConnection | None = None
        self._stack = AsyncExitStack()
        self._changes: list[Notice | Moved] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """The span of the request: what it did is committed at the end of the block, or undone if that raises.

        Raises:
            Unavailable: it could not be committed, or nobody knows; the same request under the same key will tell.
        """
        async with self._stack:
            yield
        for change in self._changes:
            self.hub.publish(change)

    def begin(self, request: KeyedRequest) -> None:
        """From now on everything belongs to that request."""
        self._request = request

    async def keep(self, answer: KeptAnswer) -> None:
        """Store the answer beside what was done; where nothing was done, nothing needs to be kept."""
        if self._request is not None and self._connection is not None:
            async with self.database.within(self._connection):
                await IdempotencyRepository(self._connection).keep(self._request, answer)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[UnitOfWork]:
        """As Storage's; behind the first write it sees what was written."""
        if self._request is None:
            async with self._ordinary.reading() as unit:
                yield unit
        elif self._connection is not None:
            async with self.database.within(self._connection):
                yield UnitOfWork(self._connection, self.frozen)
        else:
            async with self.database.reading() as connection:
                await _stop_if_answered(connection, self._request)
                yield UnitOfWork(connection, self.frozen)

    @asynccontextmanager
    async def unit_of_work(self, urgency: Urgency = Urgency.SOON) -> AsyncIterator[UnitOfWork]:
        """As Storage's, but a part of the one transaction: undone by itself if it raises, committed with the whole."""
        if self._request is None:
            async with self._ordinary.unit_of_work(urgency) as unit:
                yield unit
            return
        connection = self._connection or await self._open(self._request)
        async with self.database.within(connection):
            unit = UnitOfWork(connection, self.frozen)
            yield unit
            await self.tell_other_nodes(unit)
        self._changes += unit.changes

    async def together(self, work: Work[K, R], item: K, *, reading: bool = False) -> R:
        """Nobody else's belongs into this transaction."""
        del reading
        return await self.alone(work, item)

    async def _open(self, request: KeyedRequest) -> AsyncConnection:
        connection = await self._stack.enter_async_context(self.database.writing())
        await IdempotencyRepository(connection).claim(request)
        await _stop_if_answered(connection, request)  # the first may have ended since we looked
        self._connection = connection
        return connection


async def _stop_if_answered(connection: AsyncConnection, request: KeyedRequest) -> None:
    answer = await IdempotencyRepository(connection).find(request)
    if answer is not None:
        raise AnsweredBefore(answer)


class _ClosedJournal(Journal):
    """The journal commits by itself, and on SQLite it would wait for the transaction that waits for it."""

    def __init__(self) -> None:
        """Needs no writer."""

    async def append(self, entry: Entry) -> NoReturn:
        raise RuntimeError("a route that writes through the journal cannot take an Idempotency-Key")
