"""Storages over the databases of the tests: fixtures `storage` and `two_nodes`, and looks past the repositories."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import Row, Table, select, text

from sitting.storage.opening import open_storage
from sitting.storage.tables import assessment_events, assessments
from sitting.storage.unit_of_work import Storage
from sitting.storage.url import DatabaseUrl

Nodes = tuple[Storage, Storage]


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


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Storage]:
    """A storage over a database of the test's own, once for each kind."""
    async with running_storage(database_url) as opened:
        yield opened


@pytest.fixture
async def two_nodes(database_url: str) -> AsyncIterator[Nodes]:
    """Two nodes on one PostgreSQL database; the one process that an SQLite file admits stands for both."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(running_storage(database_url))
        if first.database.url.is_sqlite:
            yield first, first
        else:
            yield first, await stack.enter_async_context(running_storage(database_url))


@pytest.fixture
async def postgres_nodes(postgresql_database_url: str) -> AsyncIterator[Nodes]:
    """Two nodes on one PostgreSQL database, for what cannot happen in one process."""
    async with running_storage(postgresql_database_url) as first, running_storage(postgresql_database_url) as second:
        yield first, second


async def rows(storage: Storage, table: Table, **equal: Any) -> list[Row[Any]]:
    """The rows of a table, by primary key, whose columns equal those values."""
    statement = select(table).filter_by(**equal).order_by(*table.primary_key.columns)
    async with storage.database.reading() as connection:
        return list(await connection.execute(statement))


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
