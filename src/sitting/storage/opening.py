"""Putting a storage together for a database address."""

from __future__ import annotations

from sitting.metrics import Metrics
from sitting.storage.database import Database
from sitting.storage.hub import Hub
from sitting.storage.journal import BatchWriter, Journal
from sitting.storage.journal_sqlite import SqliteWriter
from sitting.storage.unit_of_work import Storage
from sitting.storage.url import DatabaseUrl


def open_storage(url: DatabaseUrl, metrics: Metrics | None = None) -> Storage:
    """A storage over that database. Start its journal before use; stop it and close the database after.

    Args:
        metrics: what it counts in; None makes new ones.
    """
    database, metrics = Database(url), metrics or Metrics()
    return Storage(database, Journal(_writer(database), metrics), Hub(), metrics)


def _writer(database: Database) -> BatchWriter:
    if database.url.is_sqlite:
        return SqliteWriter(database)
    from sitting.storage.journal_postgresql import PostgresqlWriter  # noqa: PLC0415  its driver is an extra

    return PostgresqlWriter(database.url)
