"""Putting a storage together for a database address."""

from __future__ import annotations

from sitting.storage.database import Database
from sitting.storage.hub import Hub
from sitting.storage.journal import BatchWriter, Journal
from sitting.storage.journal_sqlite import SqliteWriter
from sitting.storage.unit_of_work import Storage
from sitting.storage.url import DatabaseUrl


def open_storage(url: DatabaseUrl) -> Storage:
    """A storage over that database. Start its journal before use; stop it and close the database after."""
    database = Database(url)
    return Storage(database, Journal(_writer(database)), Hub())


def _writer(database: Database) -> BatchWriter:
    if database.url.is_sqlite:
        return SqliteWriter(database)
    from sitting.storage.journal_postgresql import PostgresqlWriter  # noqa: PLC0415  its driver is an extra

    return PostgresqlWriter(database.url)
