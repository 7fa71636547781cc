"""The tables. What each column means stands in docs/tables/, and a test holds both against the migrated schema."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from sitting.storage.types import UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only where the type is exactly INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")
OPEN = "status IN ('started', 'in_progress', 'paused')"


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True)


users = Table(
    "users",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False, unique=True),
    Column("password_hash", Text),
    Column("external_id", Text, unique=True),
    Column("roles", Text, nullable=False),
    Column("not_before", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deactivated_at", UtcDateTime),
    Column("erased_at", UtcDateTime),
    sqlite_autoincrement=True,
)

sessions = Table(
    "sessions",
    metadata,
    Column("secret_hash", String(64), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("jti", Text, primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False),
    Column("revoked_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

ws_tickets = Table(
    "ws_tickets",
    metadata,
    Column("secret_hash", String(64), primary_key=True),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False),
    Column("roles", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("proof_issued_at", UtcDateTime),
    Column("jti", Text),
    Column("session_hash", String(64)),
)

question_contents = Table(
    "question_contents",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

questions = Table(
    "questions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("slug", Text, unique=True),
    Column("current_version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("archived_at", UtcDateTime),
    Column("type", Text, nullable=False, server_default=""),
    Column("skill", Text, nullable=False, server_default=""),
    Column("difficulty", Text, nullable=False, server_default=""),
    Column("search_text", Text, nullable=False, server_default=""),
    Index("ix_questions_skill_difficulty", "skill", "difficulty"),
)

question_tags = Table(
    "question_tags",
    metadata,
    Column("question_id", Text, ForeignKey("questions.id"), primary_key=True),
    Column("tag", Text, primary_key=True),
    Index("ix_question_tags_tag", "tag"),
)

media = Table(
    "media",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("content_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_by", Id, ForeignKey("users.id")),
    Column("created_at", UtcDateTime, nullable=False),
)

content_media = Table(
    "content_media",
    metadata,
    Column("content_digest", String(64), ForeignKey("question_contents.digest"), primary_key=True),
    Column("sha256", String(64), ForeignKey("media.sha256"), primary_key=True),
    Index("ix_content_media_sha256", "sha256"),
)

question_versions = Table(
    "question_versions",
    metadata,
    Column("question_id", Text, ForeignKey("questions.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("content_digest", String(64), ForeignKey("question_contents.digest"), nullable=False),
    Column("created_by", Id, ForeignKey("users.id")),
    Column("created_at", UtcDateTime, nullable=False),
)

tests = Table(
    "tests",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("draft", Text, nullable=False),
    Column("created_by", Id, ForeignKey("users.id")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("archived_at", UtcDateTime),
    sqlite_autoincrement=True,
)

test_versions = Table(
    "test_versions",
    metadata,
    _id(),
    Column("test_id", Id, ForeignKey("tests.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("blueprint", Text, nullable=False),
    Column("snapshot", Text, nullable=False),
    Column("overlap", Integer),
    Column("overlap_error", Integer),
    Column("published_by", Id, ForeignKey("users.id")),
    Column("published_at", UtcDateTime, nullable=False),
    UniqueConstraint("test_id", "number"),
    sqlite_autoincrement=True,
)

candidate_applications = Table(
    "candidate_applications",
    metadata,
    _id(),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False),
    Column("test_id", Id, ForeignKey("tests.id"), nullable=False),
    Column("secret", Text, nullable=False, unique=True),
    Column("created_by", Id, ForeignKey("users.id")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("label", Text, nullable=False, server_default=""),
    Column("is_trial", Boolean, nullable=False, server_default=false()),
    Column("extra_time_factor", Integer, nullable=False, server_default="1000"),
    Column("extra_minutes", Integer, nullable=False, server_default="0"),
    Column("break_minutes", Integer, nullable=False, server_default="0"),
    Column("opened_at", UtcDateTime),
    Column("withdrawn_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Index("ix_candidate_applications_user_id_test_id", "user_id", "test_id"),
    Index("ix_candidate_applications_test_id", "test_id"),
    sqlite_autoincrement=True,
)

assessments = Table(
    "assessments",
    metadata,
    _id(),
    Column("application_id", Id, ForeignKey("candidate_applications.id"), nullable=False),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False),
    Column("test_id", Id, ForeignKey("tests.id"), nullable=False),
    Column("test_version_id", Id, ForeignKey("test_versions.id"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("deadline_at", UtcDateTime),
    Column("sweep_at", UtcDateTime),
    Column("end_time", UtcDateTime),
    Column("end_reason", String(32)),
    Column("total_score", BigInteger),
    Column("max_score", BigInteger, nullable=False),
    Column("percentage_score", Integer),
    Column("passed", Boolean),
    Column("total_questions", Integer, nullable=False),
    Column("time_taken_minutes", Numeric(12, 1, asdecimal=False)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("head_seq", Integer, nullable=False),
    Column("head_hash", LargeBinary, nullable=False),
    Column("receipt_seq", Integer),
    Column("receipt_head", LargeBinary),
    Column("receipt_signature", Text),
    Column("receipt_key_id", Text),
    Column("seed", String(32)),
    Column("is_trial", Boolean, nullable=False, server_default=false()),
    Column("compliance", Text),
    Column("compliance_signature", Text),
    UniqueConstraint("application_id", "attempt"),
    CheckConstraint(
        "status IN ('started', 'in_progress', 'paused', 'completed', 'timeout', 'voided')", name="status_known"
    ),
    CheckConstraint("attempt >= 1", name="attempt_positive"),
    CheckConstraint(
        "status NOT IN ('completed', 'timeout') OR "
        "(end_time IS NOT NULL AND total_score IS NOT NULL AND percentage_score IS NOT NULL AND passed IS NOT NULL)",
        name="final_is_complete",
    ),
    Index(
        "uq_assessments_open_application",
        "application_id",
        unique=True,
        postgresql_where=text(OPEN),
        sqlite_where=text(OPEN),
    ),
    Index("ix_assessments_sweep_at", "sweep_at", postgresql_where=text(OPEN), sqlite_where=text(OPEN)),
    Index("ix_assessments_test_id", "test_id", "id"),
    Index("ix_assessments_user_id", "user_id"),
    sqlite_autoincrement=True,
)

paper_questions = Table(
    "paper_questions",
    metadata,
    Column("assessment_id", Id, ForeignKey("assessments.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("question_id", Text, nullable=False),
    Column("section", Text, nullable=False),
    Column("points", Integer, nullable=False),
    Column("option_order", Text, nullable=False),
    Column("content_digest", String(64), ForeignKey("question_contents.digest"), nullable=False),
    Column("is_scored", Boolean, nullable=False, server_default=true()),
    Column("is_pilot", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("assessment_id", "question_id"),
    CheckConstraint("points > 0", name="points_positive"),
)

assessment_responses = Table(
    "assessment_responses",
    metadata,
    Column("assessment_id", Id, primary_key=True),
    Column("question_id", Text, primary_key=True),
    Column("selected_option", Text),
    Column("is_correct", Boolean),
    Column("points", Integer),
    Column("answered_at", UtcDateTime, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("selected_options", Text),
    Column("value", Text),
    ForeignKeyConstraint(
        ["assessment_id", "question_id"], ["paper_questions.assessment_id", "paper_questions.question_id"]
    ),
)

response_counts = Table(
    "response_counts",
    metadata,
    Column("question_id", Text, primary_key=True),
    Column("content_digest", String(64), primary_key=True),
    Column("responses", BigInteger, nullable=False),
)

assessment_events = Table(
    "assessment_events",
    metadata,
    Column("assessment_id", Id, ForeignKey("assessments.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("type", String(32), nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("salt", LargeBinary),
    Column("payload", LargeBinary),
    Column("inner_digest", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("seq >= 1", name="seq_positive"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", Id, ForeignKey("users.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("request_digest", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("content_type", Text),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_idempotency_keys_created_at", "created_at"),
)

node_heartbeats = Table(
    "node_heartbeats",
    metadata,
    Column("node_id", Text, primary_key=True),
    Column("beat_at", UtcDateTime, nullable=False),
    Column("is_serving", Boolean, nullable=False),
)

outages = Table(
    "outages",
    metadata,
    _id(),
    Column("began_at", UtcDateTime, nullable=False, unique=True),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("nodes", Text, nullable=False),
    Column("credited_at", UtcDateTime),
    CheckConstraint("ended_at > began_at", name="lasted"),
    sqlite_autoincrement=True,
)
