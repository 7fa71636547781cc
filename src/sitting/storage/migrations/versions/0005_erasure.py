"""People who were erased."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sitting.storage.types import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("erased_at", UtcDateTime(), nullable=True))
