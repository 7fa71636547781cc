"""Bringing a database to the schema of this version, and telling whether it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from sitting.storage import graph_tables  # noqa: F401  its tables belong to the metadata
from sitting.storage.database import Database
from sitting.storage.tables import metadata
from sitting.storage.url import DatabaseUrl

T = TypeVar("T")
# Any number does; it keeps two nodes from migrating one PostgreSQL database at the same time.
_ADVISORY_LOCK = 7_305_941_127


def upgrade(url: str) -> None:
    """Migrate to the newest schema. Safe to call again, and from two processes at once.

    Raises:
        ValueError: the address is not one. Unavailable: the database cannot be reached.
    """
    _run(url, _upgrade)


def differences(url: str) -> list[str]:
    """Where the migrated schema and this version's tables disagree; empty if nowhere."""
    return _run(url, _differences)


def revision(url: str) -> tuple[str | None, str | None]:
    """The schema's revision (None if it has none) and the newest one."""
    newest = ScriptDirectory.from_config(_config(None)).get_current_head()
    return _run(url, lambda connection: MigrationContext.configure(connection).get_current_revision()), newest


def _run(url: str, work: Callable[[Connection], T]) -> T:
    async def run() -> T:
        database = Database(DatabaseUrl.parse(url), unhurried=True)
        try:
            async with database.writing() as connection:
                return await connection.run_sync(work)
        finally:
            await database.close()

    return asyncio.run(run())


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    command.upgrade(_config(connection), "head")


def _differences(connection: Connection) -> list[str]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return [repr(difference) for difference in compare_metadata(context, metadata)]
