"""One open database: connections, transactions, and the turns that SQLite's writers take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from typing import Any
from urllib.parse import quote

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from sitting.domain.errors import Unavailable
from sitting.storage.turns import Turns, Urgency
from sitting.storage.url import DatabaseUrl

BUSY_TIMEOUT_SECONDS = 10
PATIENCE_SECONDS = 30
RETURN_SECONDS = 2
LATER_AT_ONCE = 4
"""Of the connections to PostgreSQL: those who may wait leave the others to those who may not."""
# Values are kept out of the texts of errors: they are people's names, secrets and answers.
POOLED: dict[str, Any] = {"pool_timeout": 10, "hide_parameters": True}
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # NORMAL loses acknowledged answers when the power goes
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}",
)

POSTGRESQL_SETTINGS = {
    "idle_in_transaction_session_timeout": "5s",  # a node that freezes in the middle must not hold up the others
}


class Database:
    """Connections to one database.

    Writers of this process take turns on SQLite, and begin IMMEDIATE, so that no transaction has to be upgraded in the
    middle and fail. On PostgreSQL no turns are needed, but of those who may wait, only a few write at the same time.

    A statement that PostgreSQL does not answer within PATIENCE_SECONDS has failed, unless the database is opened
    `unhurried`: a migration may take its time.
    """

    def __init__(self, url: DatabaseUrl, *, read_only: bool = False, unhurried: bool = False) -> None:
        self.url = url
        self._turns = Turns()
        self._few = asyncio.Semaphore(LATER_AT_ONCE)
        self._engine = _sqlite_engine(url, read_only) if url.is_sqlite else _postgresql_engine(url, unhurried)
        options: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading_engine = self._engine if url.is_sqlite else self._engine.execution_options(**options)

    async def close(self) -> None:
        """Close all connections. What was cancelled gives its own back by itself; that is waited for, up to a bound."""
        pool = self._engine.sync_engine.pool
        assert isinstance(pool, QueuePool)
        with suppress(TimeoutError):
            async with asyncio.timeout(RETURN_SECONDS):
                while pool.checkedout():  # noqa: ASYNC110  nobody tells of it
                    await asyncio.sleep(0.005)
        await self._engine.dispose()

    def turn(self, urgency: Urgency = Urgency.SOON) -> AbstractAsyncContextManager[None]:
        """What a writer holds while it writes."""
        if self.url.is_sqlite:
            return self._turns.turn(urgency)
        return self._few if urgency is Urgency.LATER else nullcontext()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one consistent state.

        Raises:
            Unavailable: the database cannot be reached.
        """
        async with _translated(), self._reading_engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self, urgency: Urgency = Urgency.SOON) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end of the block, rolled back if the block raises.

        Raises:
            Unavailable: the database failed; nothing may be told to be stored.
        """
        async with self.turn(urgency), _translated(), self._engine.connect() as connection:
            await connection.execution_options(sitting_begin="BEGIN IMMEDIATE")
            async with connection.begin():
                yield connection

    async def empty_log(self) -> None:
        """On SQLite: move what the write-ahead log holds into the file and cut the log off, as far as readers let us.

        Raises:
            Unavailable: the database failed.
        """
        if not self.url.is_sqlite:
            return
        async with self.turn(), _translated(), self._engine.connect() as connection:
            # Within a transaction it would be refused: this stands where the transaction would begin.
            await connection.execution_options(sitting_begin="PRAGMA wal_checkpoint(TRUNCATE)")
            async with connection.begin():
                pass

    @asynccontextmanager
    async def within(self, connection: AsyncConnection) -> AsyncIterator[None]:
        """A part of an open transaction: undone by itself if the block raises.

        Raises:
            Unavailable: the database failed.
        """
        async with _translated(), connection.begin_nested():
            yield


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Faults of the database become `Unavailable`; broken rules (integrity) stay what they are."""
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, OSError) as fault:
        raise Unavailable() from fault
    except SQLAlchemyError as fault:
        if "QueuePool" in str(fault):  # no connection came free in time
            raise Unavailable() from fault
        raise


def _postgresql_engine(url: DatabaseUrl, unhurried: bool) -> AsyncEngine:
    arguments = {"server_settings": POSTGRESQL_SETTINGS, "command_timeout": None if unhurried else PATIENCE_SECONDS}
    pool: dict[str, Any] = {"pool_size": 10, "max_overflow": 10, "pool_pre_ping": True}
    return create_async_engine(url.for_engine, connect_args=arguments, **POOLED, **pool)


def _sqlite_engine(url: DatabaseUrl, read_only: bool) -> AsyncEngine:
    address = url.for_engine
    if read_only:
        address = address.set(database=f"file:{quote(str(url.file))}", query={"mode": "ro", "uri": "true"})
    engine = create_async_engine(address, **POOLED, pool_size=8, max_overflow=0)
    event.listen(engine.sync_engine, "connect", _prepare_read_only if read_only else _prepare)
    event.listen(engine.sync_engine, "begin", _begin)
    event.listen(engine.sync_engine, "invalidate", _roll_back)
    return engine


def _prepare(dbapi_connection: Any, _record: Any) -> None:
    dbapi_connection.isolation_level = None  # the driver must not begin transactions behind our back
    cursor = dbapi_connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _prepare_read_only(dbapi_connection: Any, _record: Any) -> None:
    dbapi_connection.isolation_level = None


def _roll_back(dbapi_connection: Any, _record: Any, _fault: BaseException | None) -> None:
    """Let go of the lock of a writer that was cancelled within a query.

    Its connection is about to be closed, which SQLite puts off for as long as anything of Python's, a traceback say,
    still refers to that query: nobody could write until then.
    """
    dbapi_connection.rollback()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sitting_begin", "BEGIN"))
