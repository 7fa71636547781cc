"""Storages over the databases of the tests: fixtures `storage` and `two_nodes`, and looks past the repositories."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Row, Table, select, text

from sitting.storage.database import Database
from sitting.storage.opening import open_storage
from sitting.storage.tables import assessment_events, assessments, metadata
from sitting.storage.unit_of_work import Storage
from sitting.storage.url import DatabaseUrl
from tests.support.postgres import PostgresServer

Nodes = tuple[Storage, Storage]
_SEND_AWAY = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# Sixty milliseconds quicker than TRUNCATE, which writes a new file for each table and index, the empty ones too.
_EMPTY = f"""
SET session_replication_role = replica;
{"".join(f"DELETE FROM {name};" for name in metadata.tables)}
SELECT setval(seqrelid, seqstart, false) FROM pg_sequence
"""


@asynccontextmanager
async def running_storage(url: str) -> AsyncIterator[Storage]:
    """A storage whose journal runs, closed at the end of the block."""
    storage = open_storage(DatabaseUrl.parse(url))
    await storage.journal.start()
    try:
        yield storage
    finally:
        await storage.journal.stop()
        await storage.database.close()


@pytest.fixture(scope="session")
def shared_postgresql_url(postgres_server: PostgresServer, postgres_template: str) -> str:
    """A database that test after test empties: making one for each takes ten times as long."""
    return postgres_server.create_database("sitting_shared", template=postgres_template)


@pytest.fixture
async def emptied_postgresql_url(shared_postgresql_url: str) -> str:
    """The address of a PostgreSQL database with all tables and no row, to which nobody is connected."""
    connection = await asyncpg.connect(shared_postgresql_url)
    await connection.execute(_SEND_AWAY)
    await connection.execute(_EMPTY)
    await connection.close()
    return shared_postgresql_url


@pytest.fixture
def emptied_database_url(database_kind: str, request: pytest.FixtureRequest) -> str:
    """The address of a migrated database without a row, once for each kind. Tests must leave its schema alone."""
    url: str = request.getfixturevalue("sqlite_database_url" if database_kind == "sqlite" else "emptied_postgresql_url")
    return url


@pytest.fixture
async def storage(emptied_database_url: str) -> AsyncIterator[Storage]:
    """A storage over an empty database, once for each kind."""
    async with running_storage(emptied_database_url) as opened:
        yield opened


@pytest.fixture
async def two_nodes(emptied_database_url: str) -> AsyncIterator[Nodes]:
    """Two nodes on one PostgreSQL database; the one process that an SQLite file admits stands for both."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(running_storage(emptied_database_url))
        if first.database.url.is_sqlite:
            yield first, first
        else:
            yield first, await stack.enter_async_context(running_storage(emptied_database_url))


@pytest.fixture
async def postgres_nodes(emptied_postgresql_url: str) -> AsyncIterator[Nodes]:
    """Two nodes on one PostgreSQL database, for what cannot happen in one process."""
    async with running_storage(emptied_postgresql_url) as first, running_storage(emptied_postgresql_url) as second:
        yield first, second


async def rows(storage: Storage, table: Table, **equal: Any) -> list[Row[Any]]:
    """The rows of a table, by primary key, whose columns equal those values."""
    statement = select(table).filter_by(**equal).order_by(*table.primary_key.columns)
    async with storage.database.reading() as connection:
        return list(await connection.execute(statement))


def rows_beside(url: str, table: Table, **equal: Any) -> list[Row[Any]]:
    """The same of that database, for whoever runs no event loop, and whoever else has it open."""
    statement = select(table).filter_by(**equal).order_by(*table.primary_key.columns)

    async def read() -> list[Row[Any]]:
        database = Database(DatabaseUrl.parse(url), read_only=True)
        try:
            async with database.reading() as connection:
                return list(await connection.execute(statement))
        finally:
            await database.close()

    return asyncio.run(read())


async def execute(storage: Storage, sql: str, **values: Any) -> int:
    """Do what somebody with a database shell could; returns how many rows it touched."""
    async with storage.database.writing() as connection:
        return (await connection.execute(text(sql), values)).rowcount


async def assessment_row(storage: Storage, assessment_id: int) -> Row[Any]:
    """The row of that assessment."""
    (row,) = await rows(storage, assessments, id=assessment_id)
    return row


async def log_of(storage: Storage, assessment_id: int) -> list[str]:
    """The types of the entries in that assessment's log, in order."""
    return [row.type for row in await rows(storage, assessment_events, assessment_id=assessment_id)]
