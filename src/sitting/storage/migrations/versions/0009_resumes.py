"""What candidates say of themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sitting.storage.types import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "application_resumes",
        sa.Column("application_id", ID, autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("application_id", name=op.f("pk_application_resumes")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["candidate_applications.id"], name=op.f("fk_application_resumes_application_id")
        ),
    )
