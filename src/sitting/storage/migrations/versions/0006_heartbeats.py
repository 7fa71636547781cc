"""When nodes were alive, and when none was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sitting.storage.types import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "node_heartbeats",
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("beat_at", UtcDateTime(), nullable=False),
        sa.Column("is_serving", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("node_id", name=op.f("pk_node_heartbeats")),
    )
    op.create_table(
        "outages",
        sa.Column("id", ID, nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=False),
        sa.Column("nodes", sa.Text(), nullable=False),
        sa.Column("credited_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("ended_at > began_at", name=op.f("ck_outages_lasted")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outages")),
        sa.UniqueConstraint("began_at", name=op.f("uq_outages_began_at")),
        sqlite_autoincrement=True,
    )
