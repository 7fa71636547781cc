"""Slots of a paper whose question counts for nothing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("paper_questions", sa.Column("is_scored", sa.Boolean(), nullable=False, server_default=sa.true()))
