"""What contents mean, as vectors that a model made of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "content_vectors",
        sa.Column("content_digest", sa.String(64), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("content_digest", "model", name=op.f("pk_content_vectors")),
        sa.ForeignKeyConstraint(
            ["content_digest"], ["question_contents.digest"], name=op.f("fk_content_vectors_content_digest")
        ),
    )
