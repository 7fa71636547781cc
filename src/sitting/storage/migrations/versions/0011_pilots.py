"""Questions that count for nothing while they are new, and how often each question was answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_COUNT = """
INSERT INTO response_counts (question_id, content_digest, responses)
SELECT paper_questions.question_id, paper_questions.content_digest, count(*)
FROM assessments
JOIN assessment_responses ON assessment_responses.assessment_id = assessments.id
JOIN paper_questions ON paper_questions.assessment_id = assessments.id
    AND paper_questions.question_id = assessment_responses.question_id
WHERE assessments.end_time IS NOT NULL AND NOT assessments.is_trial AND assessment_responses.is_correct IS NOT NULL
GROUP BY paper_questions.question_id, paper_questions.content_digest
"""


def upgrade() -> None:
    op.add_column("paper_questions", sa.Column("is_pilot", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "response_counts",
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("content_digest", sa.String(64), nullable=False),
        sa.Column("responses", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("question_id", "content_digest", name=op.f("pk_response_counts")),
    )
    op.execute(_COUNT)  # what ended before this was counted
