"""The tables of the question graph: runs, what they have spent, what they propose. See docs/tables for the columns."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from sitting.storage.tables import Id, metadata
from sitting.storage.types import UtcDateTime

OPEN_RUN = "status IN ('queued', 'running', 'parked')"

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("test_id", Id, ForeignKey("tests.id")),
    Column("assessment_id", Id, ForeignKey("assessments.id"), unique=True),
    Column("created_by", Id, ForeignKey("users.id")),
    Column("wish", Text, nullable=False),
    Column("progress", Text, nullable=False),
    Column("failure", Text),
    Column("limit_tokens", BigInteger),
    Column("limit_milliseconds", BigInteger),
    Column("limit_micros", BigInteger),
    Column("held_tokens", BigInteger, nullable=False),
    Column("held_milliseconds", BigInteger, nullable=False),
    Column("held_micros", BigInteger, nullable=False),
    Column("spent_tokens", BigInteger, nullable=False),
    Column("spent_milliseconds", BigInteger, nullable=False),
    Column("spent_micros", BigInteger, nullable=False),
    Column("leased_by", Text),
    Column("leased_until", UtcDateTime),
    Column("leases", Integer, nullable=False),
    Column("is_woken", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    CheckConstraint("kind IN ('authoring', 'live', 'skill_graph')", name="kind_known"),
    CheckConstraint("status IN ('queued', 'running', 'parked', 'done', 'failed', 'cancelled')", name="status_known"),
    CheckConstraint(
        "kind = 'live' AND assessment_id IS NOT NULL OR kind <> 'live' AND assessment_id IS NULL",
        name="live_has_an_assessment",
    ),
    CheckConstraint(
        "status = 'running' AND leased_by IS NOT NULL OR status <> 'running' AND leased_by IS NULL",
        name="running_on_a_node",
    ),
    CheckConstraint(
        f"{OPEN_RUN} AND leased_until IS NOT NULL AND ended_at IS NULL OR "
        "status IN ('done', 'failed', 'cancelled') AND leased_until IS NULL AND ended_at IS NOT NULL",
        name="open_or_ended",
    ),
    Index("ix_runs_leased_until", "leased_until", postgresql_where=text(OPEN_RUN), sqlite_where=text(OPEN_RUN)),
    Index("ix_runs_test_id_created_at", "test_id", "created_at"),
    Index("ix_runs_created_at", "created_at"),
)

test_spending = Table(
    "test_spending",
    metadata,
    Column("test_id", Id, ForeignKey("tests.id"), primary_key=True, autoincrement=False),
    Column("tokens", BigInteger, nullable=False),
    Column("milliseconds", BigInteger, nullable=False),
    Column("micros", BigInteger, nullable=False),
)

run_checkpoints = Table(
    "run_checkpoints",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id"), primary_key=True),
    Column("namespace", Text, primary_key=True),
    Column("checkpoint_id", Text, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("parent_id", Text),
    Column("encoding", String(16), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("run_id", "number"),
)

run_writes = Table(
    "run_writes",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id"), primary_key=True),
    Column("namespace", Text, primary_key=True),
    Column("checkpoint_id", Text, primary_key=True),
    Column("task_id", Text, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("task_path", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("encoding", String(16), nullable=False),
    Column("body", LargeBinary, nullable=False),
)

model_calls = Table(
    "model_calls",
    metadata,
    Column("id", Id, primary_key=True),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("prompt", Text, nullable=False),
    Column("prompt_digest", String(64), nullable=False),
    Column("model", Text, nullable=False),
    Column("answered_by", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("answer_tokens", Integer, nullable=False),
    Column("is_reported", Boolean, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Column("micros", BigInteger, nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Index("ix_model_calls_run_id", "run_id", "id"),
    sqlite_autoincrement=True,
)

proposals = Table(
    "proposals",
    metadata,
    Column("question_id", Text, primary_key=True),
    Column("content_digest", String(64), ForeignKey("question_contents.digest"), nullable=False),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("skill", Text, nullable=False),
    Column("lineage", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("decided_by", Id, ForeignKey("users.id")),
    Column("decided_at", UtcDateTime),
    Column("note", Text),
    CheckConstraint("state IN ('waiting', 'accepted', 'edited', 'rejected')", name="state_known"),
    CheckConstraint(
        "state = 'waiting' AND decided_at IS NULL OR state <> 'waiting' AND decided_at IS NOT NULL",
        name="decided_at_some_time",
    ),
    Index("ix_proposals_state_created_at_question_id", "state", "created_at", "question_id"),
    Index("ix_proposals_run_id", "run_id"),
)

application_resumes = Table(
    "application_resumes",
    metadata,
    Column("application_id", Id, ForeignKey("candidate_applications.id"), primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

content_vectors = Table(
    "content_vectors",
    metadata,
    Column("content_digest", String(64), ForeignKey("question_contents.digest"), primary_key=True),
    Column("model", Text, primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)

prepared_questions = Table(
    "prepared_questions",
    metadata,
    Column("assessment_id", Id, ForeignKey("assessments.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("question_id", Text, ForeignKey("proposals.question_id"), nullable=False),
    Column("prepared_at", UtcDateTime, nullable=False),
    UniqueConstraint("assessment_id", "question_id"),
)
