"""Runs the migrations over the connection that `sitting.storage.migrate` hands in."""

from __future__ import annotations

from alembic import context

from sitting.storage import graph_tables  # noqa: F401  its tables belong to the metadata
from sitting.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
