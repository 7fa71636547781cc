"""Runs of the question graph: what they hold, spend and propose. Only new tables: a node of before goes on beside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sitting.storage.types import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = "status IN ('queued', 'running', 'parked')"


def upgrade() -> None:
    _runs()
    _spending()
    _checkpoints()
    _proposals()


def _runs() -> None:
    counts = [f"{what}_{of}" for what in ("held", "spent") for of in ("tokens", "milliseconds", "micros")]
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("test_id", ID, nullable=True),
        sa.Column("assessment_id", ID, nullable=True),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("limit_tokens", sa.BigInteger(), nullable=True),
        sa.Column("limit_milliseconds", sa.BigInteger(), nullable=True),
        sa.Column("limit_micros", sa.BigInteger(), nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in counts),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("leased_until", UtcDateTime(), nullable=True),
        sa.Column("leases", sa.Integer(), nullable=False),
        sa.Column("is_woken", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        *_rules_of_runs(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("assessment_id", name=op.f("uq_runs_assessment_id")),
        sa.ForeignKeyConstraint(["test_id"], ["tests.id"], name=op.f("fk_runs_test_id")),
        sa.ForeignKeyConstraint(["assessment_id"], ["assessments.id"], name=op.f("fk_runs_assessment_id")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_runs_created_by")),
    )
    is_open = sa.text(OPEN)
    op.create_index("ix_runs_leased_until", "runs", ["leased_until"], postgresql_where=is_open, sqlite_where=is_open)
    op.create_index("ix_runs_test_id_created_at", "runs", ["test_id", "created_at"])
    op.create_index("ix_runs_created_at", "runs", ["created_at"])


def _rules_of_runs() -> list[sa.CheckConstraint]:
    rules = {
        "kind_known": "kind IN ('authoring', 'live', 'skill_graph')",
        "status_known": "status IN ('queued', 'running', 'parked', 'done', 'failed', 'cancelled')",
        "live_has_an_assessment": "kind = 'live' AND assessment_id IS NOT NULL OR "
        "kind <> 'live' AND assessment_id IS NULL",
        "running_on_a_node": "status = 'running' AND leased_by IS NOT NULL OR "
        "status <> 'running' AND leased_by IS NULL",
        "open_or_ended": f"{OPEN} AND leased_until IS NOT NULL AND ended_at IS NULL OR "
        "status IN ('done', 'failed', 'cancelled') AND leased_until IS NULL AND ended_at IS NOT NULL",
    }
    return [sa.CheckConstraint(rule, name=op.f(f"ck_runs_{name}")) for name, rule in rules.items()]


def _spending() -> None:
    op.create_table(
        "test_spending",
        sa.Column("test_id", ID, autoincrement=False, nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("test_id", name=op.f("pk_test_spending")),
        sa.ForeignKeyConstraint(["test_id"], ["tests.id"], name=op.f("fk_test_spending_test_id")),
    )
    op.create_table(
        "model_calls",
        sa.Column("id", ID, nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("prompt_digest", sa.String(64), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("answer_tokens", sa.Integer(), nullable=False),
        sa.Column("is_reported", sa.Boolean(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_calls")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_model_calls_run_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_model_calls_run_id", "model_calls", ["run_id", "id"])


def _checkpoints() -> None:
    op.create_table(
        "run_checkpoints",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("checkpoint_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("encoding", sa.String(16), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "namespace", "checkpoint_id", name=op.f("pk_run_checkpoints")),
        sa.UniqueConstraint("run_id", "number", name=op.f("uq_run_checkpoints_run_id_number")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_checkpoints_run_id")),
    )
    key = ("run_id", "namespace", "checkpoint_id", "task_id", "place")
    op.create_table(
        "run_writes",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("checkpoint_id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("task_path", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("encoding", sa.String(16), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_run_writes")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_writes_run_id")),
    )


def _proposals() -> None:
    op.create_table(
        "proposals",
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("content_digest", sa.String(64), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", ID, nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'accepted', 'edited', 'rejected')", name=op.f("ck_proposals_state_known")
        ),
        sa.CheckConstraint(
            "state = 'waiting' AND decided_at IS NULL OR state <> 'waiting' AND decided_at IS NOT NULL",
            name=op.f("ck_proposals_decided_at_some_time"),
        ),
        sa.PrimaryKeyConstraint("question_id", name=op.f("pk_proposals")),
        sa.ForeignKeyConstraint(
            ["content_digest"], ["question_contents.digest"], name=op.f("fk_proposals_content_digest")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_proposals_run_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_proposals_decided_by")),
    )
    order = ["state", "created_at", "question_id"]
    op.create_index("ix_proposals_state_created_at_question_id", "proposals", order)
    op.create_index("ix_proposals_run_id", "proposals", ["run_id"])
    op.create_table(
        "prepared_questions",
        sa.Column("assessment_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("prepared_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("assessment_id", "position", name=op.f("pk_prepared_questions")),
        sa.UniqueConstraint(
            "assessment_id", "question_id", name=op.f("uq_prepared_questions_assessment_id_question_id")
        ),
        sa.ForeignKeyConstraint(
            ["assessment_id"], ["assessments.id"], name=op.f("fk_prepared_questions_assessment_id")
        ),
        sa.ForeignKeyConstraint(
            ["question_id"], ["proposals.question_id"], name=op.f("fk_prepared_questions_question_id")
        ),
    )
