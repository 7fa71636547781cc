"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sitting.storage.types import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

OPEN = "status IN ('started', 'in_progress', 'paused')"

# From which status an assessment may go where; the word before the colon is the old one.
LEGAL = (
    "started:in_progress",
    "started:paused",
    "started:completed",
    "started:timeout",
    "started:voided",
    "in_progress:paused",
    "in_progress:completed",
    "in_progress:timeout",
    "in_progress:voided",
    "paused:started",
    "paused:in_progress",
    "paused:completed",
    "paused:timeout",
    "paused:voided",
    "completed:voided",
    "timeout:voided",
)


def upgrade() -> None:
    _people()
    _bank()
    _tests()
    _assessments()
    _assessment_indexes()
    _papers_and_logs()
    _status_trigger()


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sa.UniqueConstraint("external_id", name=op.f("uq_users_external_id")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sessions",
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id")),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_sessions")),
    )
    op.create_table(
        "revoked_tokens",
        sa.Column("jti", sa.Text(), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_revoked_tokens_user_id")),
        sa.PrimaryKeyConstraint("jti", name=op.f("pk_revoked_tokens")),
    )
    op.create_table(
        "ws_tickets",
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_ws_tickets_user_id")),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_ws_tickets")),
    )


def _bank() -> None:
    op.create_table(
        "question_contents",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_question_contents")),
    )
    op.create_table(
        "questions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=True),
        sa.Column("current_version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("archived_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questions")),
        sa.UniqueConstraint("slug", name=op.f("uq_questions_slug")),
    )
    op.create_table(
        "question_versions",
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["content_digest"], ["question_contents.digest"], name=op.f("fk_question_versions_content_digest")
        ),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_question_versions_created_by")),
        sa.ForeignKeyConstraint(["question_id"], ["questions.id"], name=op.f("fk_question_versions_question_id")),
        sa.PrimaryKeyConstraint("question_id", "version", name=op.f("pk_question_versions")),
    )


def _tests() -> None:
    op.create_table(
        "tests",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("draft", sa.Text(), nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_tests_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tests")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "test_versions",
        sa.Column("id", ID, nullable=False),
        sa.Column("test_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("blueprint", sa.Text(), nullable=False),
        sa.Column("questions", sa.Text(), nullable=False),
        sa.Column("published_by", ID, nullable=True),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["published_by"], ["users.id"], name=op.f("fk_test_versions_published_by")),
        sa.ForeignKeyConstraint(["test_id"], ["tests.id"], name=op.f("fk_test_versions_test_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_versions")),
        sa.UniqueConstraint("test_id", "number", name=op.f("uq_test_versions_test_id_number")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "candidate_applications",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("test_id", ID, nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_candidate_applications_created_by")),
        sa.ForeignKeyConstraint(["test_id"], ["tests.id"], name=op.f("fk_candidate_applications_test_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_candidate_applications_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candidate_applications")),
        sa.UniqueConstraint("secret", name=op.f("uq_candidate_applications_secret")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_candidate_applications_test_id", "candidate_applications", ["test_id"], unique=False)
    op.create_index(
        "ix_candidate_applications_user_id_test_id", "candidate_applications", ["user_id", "test_id"], unique=False
    )


def _assessments() -> None:
    op.create_table(
        "assessments",
        sa.Column("id", ID, nullable=False),
        sa.Column("application_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("test_id", ID, nullable=False),
        sa.Column("test_version_id", ID, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("deadline_at", UtcDateTime(), nullable=True),
        sa.Column("sweep_at", UtcDateTime(), nullable=True),
        sa.Column("end_time", UtcDateTime(), nullable=True),
        sa.Column("end_reason", sa.String(length=32), nullable=True),
        sa.Column("total_score", sa.BigInteger(), nullable=True),
        sa.Column("max_score", sa.BigInteger(), nullable=False),
        sa.Column("percentage_score", sa.Integer(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("total_questions", sa.Integer(), nullable=False),
        sa.Column("time_taken_minutes", sa.Numeric(precision=12, scale=1, asdecimal=False), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("head_seq", sa.Integer(), nullable=False),
        sa.Column("head_hash", sa.LargeBinary(), nullable=False),
        sa.Column("receipt_seq", sa.Integer(), nullable=True),
        sa.Column("receipt_head", sa.LargeBinary(), nullable=True),
        sa.Column("receipt_signature", sa.Text(), nullable=True),
        sa.Column("receipt_key_id", sa.Text(), nullable=True),
        *_assessment_rules(),
        sqlite_autoincrement=True,
    )


def _assessment_rules() -> tuple[sa.Constraint, ...]:
    return (
        sa.CheckConstraint(
            "status IN ('started', 'in_progress', 'paused', 'completed', 'timeout', 'voided')",
            name=op.f("ck_assessments_status_known"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('completed', 'timeout') OR "
            "(end_time IS NOT NULL AND total_score IS NOT NULL "
            "AND percentage_score IS NOT NULL AND passed IS NOT NULL)",
            name=op.f("ck_assessments_final_is_complete"),
        ),
        sa.CheckConstraint("attempt >= 1", name=op.f("ck_assessments_attempt_positive")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["candidate_applications.id"], name=op.f("fk_assessments_application_id")
        ),
        sa.ForeignKeyConstraint(["test_id"], ["tests.id"], name=op.f("fk_assessments_test_id")),
        sa.ForeignKeyConstraint(["test_version_id"], ["test_versions.id"], name=op.f("fk_assessments_test_version_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_assessments_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessments")),
        sa.UniqueConstraint("application_id", "attempt", name=op.f("uq_assessments_application_id_attempt")),
    )


def _assessment_indexes() -> None:
    op.create_index(
        "ix_assessments_sweep_at",
        "assessments",
        ["sweep_at"],
        unique=False,
        postgresql_where=sa.text(OPEN),
        sqlite_where=sa.text(OPEN),
    )
    op.create_index("ix_assessments_test_id", "assessments", ["test_id", "id"], unique=False)
    op.create_index("ix_assessments_user_id", "assessments", ["user_id"], unique=False)
    op.create_index(
        "uq_assessments_open_application",
        "assessments",
        ["application_id"],
        unique=True,
        postgresql_where=sa.text(OPEN),
        sqlite_where=sa.text(OPEN),
    )


def _papers_and_logs() -> None:
    op.create_table(
        "paper_questions",
        sa.Column("assessment_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("option_order", sa.Text(), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.CheckConstraint("points > 0", name=op.f("ck_paper_questions_points_positive")),
        sa.ForeignKeyConstraint(["assessment_id"], ["assessments.id"], name=op.f("fk_paper_questions_assessment_id")),
        sa.ForeignKeyConstraint(
            ["content_digest"], ["question_contents.digest"], name=op.f("fk_paper_questions_content_digest")
        ),
        sa.PrimaryKeyConstraint("assessment_id", "position", name=op.f("pk_paper_questions")),
        sa.UniqueConstraint("assessment_id", "question_id", name=op.f("uq_paper_questions_assessment_id_question_id")),
    )
    op.create_table(
        "assessment_responses",
        sa.Column("assessment_id", ID, nullable=False),
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("selected_option", sa.Text(), nullable=True),
        sa.Column("is_correct", sa.Boolean(), nullable=True),
        sa.Column("points", sa.Integer(), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assessment_id", "question_id"],
            ["paper_questions.assessment_id", "paper_questions.question_id"],
            name=op.f("fk_assessment_responses_assessment_id_question_id"),
        ),
        sa.PrimaryKeyConstraint("assessment_id", "question_id", name=op.f("pk_assessment_responses")),
    )
    op.create_table(
        "assessment_events",
        sa.Column("assessment_id", ID, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("inner_digest", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_assessment_events_seq_positive")),
        sa.ForeignKeyConstraint(["assessment_id"], ["assessments.id"], name=op.f("fk_assessment_events_assessment_id")),
        sa.PrimaryKeyConstraint("assessment_id", "seq", name=op.f("pk_assessment_events")),
    )


def _status_trigger() -> None:
    """Only legal changes of an assessment's status, whoever writes."""
    legal = ", ".join(f"'{change}'" for change in LEGAL)
    illegal = f"NEW.status <> OLD.status AND OLD.status || ':' || NEW.status NOT IN ({legal})"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER assessments_status BEFORE UPDATE OF status ON assessments FOR EACH ROW "
            f"WHEN {illegal} BEGIN SELECT RAISE(ABORT, 'illegal change of status'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION refuse_status_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'illegal change of status: % to %', OLD.status, NEW.status "
        "USING ERRCODE = 'check_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER assessments_status BEFORE UPDATE OF status ON assessments FOR EACH ROW "
        f"WHEN ({illegal}) EXECUTE FUNCTION refuse_status_change()"
    )
