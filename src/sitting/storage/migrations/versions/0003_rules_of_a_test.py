"""What the rules of a Test need: kinds of answers, draws, accommodations, media, and a bank that can be searched."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from sitting.storage.types import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _bank()
    _media()
    _tests()
    _applications()
    _assessments()


def _bank() -> None:
    op.add_column("questions", sa.Column("type", sa.Text(), nullable=False, server_default=""))
    op.add_column("questions", sa.Column("skill", sa.Text(), nullable=False, server_default=""))
    op.add_column("questions", sa.Column("difficulty", sa.Text(), nullable=False, server_default=""))
    op.add_column("questions", sa.Column("search_text", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_questions_skill_difficulty", "questions", ["skill", "difficulty"])
    op.create_table(
        "question_tags",
        sa.Column("question_id", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("question_id", "tag", name="pk_question_tags"),
        sa.ForeignKeyConstraint(["question_id"], ["questions.id"], name="fk_question_tags_question_id"),
    )
    op.create_index("ix_question_tags_tag", "question_tags", ["tag"])
    _index_bank()


def _index_bank() -> None:
    """Write beside each question what its current content says, by which it is found."""
    rows = op.get_bind().execute(
        sa.text(
            "SELECT q.id, q.slug, c.body FROM questions q "
            "JOIN question_versions v ON v.question_id = q.id AND v.version = q.current_version "
            "JOIN question_contents c ON c.digest = v.content_digest"
        )
    )
    values = [_found_by(row.id, row.slug, json.loads(bytes(row.body))) for row in rows]
    if values:
        op.get_bind().execute(
            sa.text(
                "UPDATE questions SET type = :type, skill = :skill, difficulty = :difficulty, "
                "search_text = :search_text WHERE id = :id"
            ),
            values,
        )


def _found_by(question_id: str, slug: str | None, content: dict[str, Any]) -> dict[str, Any]:
    words = [slug or "", content["skill"], content["text"], *(option["text"] for option in content["options"])]
    return {
        "id": question_id,
        "type": content["type"],
        "skill": content["skill"],
        "difficulty": content["difficulty"],
        "search_text": "\n".join(words).casefold(),
    }


def _media() -> None:
    op.create_table(
        "media",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_media"),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name="fk_media_created_by"),
    )
    op.create_table(
        "content_media",
        sa.Column("content_digest", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("content_digest", "sha256", name="pk_content_media"),
        sa.ForeignKeyConstraint(
            ["content_digest"], ["question_contents.digest"], name="fk_content_media_content_digest"
        ),
        sa.ForeignKeyConstraint(["sha256"], ["media.sha256"], name="fk_content_media_sha256"),
    )
    op.create_index("ix_content_media_sha256", "content_media", ["sha256"])


def _tests() -> None:
    op.execute("ALTER TABLE test_versions RENAME COLUMN questions TO snapshot")
    op.add_column("test_versions", sa.Column("overlap", sa.Integer(), nullable=True))
    op.add_column("test_versions", sa.Column("overlap_error", sa.Integer(), nullable=True))
    op.add_column("tests", sa.Column("archived_at", UtcDateTime(), nullable=True))
    connection = op.get_bind()
    for row in connection.execute(sa.text("SELECT id, draft FROM tests")).all():
        connection.execute(
            sa.text("UPDATE tests SET draft = :draft WHERE id = :id"),
            {"id": row.id, "draft": _dumped(_sectioned(json.loads(row.draft)))},
        )
    for row in connection.execute(sa.text("SELECT id, blueprint, snapshot FROM test_versions")).all():
        connection.execute(
            sa.text(
                "UPDATE test_versions SET blueprint = :blueprint, snapshot = :snapshot, "
                "overlap = :all, overlap_error = 0 WHERE id = :id"
            ),
            {
                "id": row.id,
                "blueprint": _dumped(_sectioned(json.loads(row.blueprint))),
                "snapshot": _dumped(_snapshot(json.loads(row.snapshot))),
                "all": 100_000,
            },
        )


def _sectioned(blueprint: dict[str, Any]) -> dict[str, Any]:
    """The first schema knew one list of fixed questions."""
    questions = blueprint.pop("questions", [])
    return blueprint | {"sections": [{"name": "main", "questions": questions}] if questions else []}


def _snapshot(questions: list[dict[str, Any]]) -> dict[str, Any]:
    kept = [{"question_id": q["question_id"], "content_digest": q["content_digest"]} for q in questions]
    return {"questions": sorted(kept, key=lambda q: str(q["question_id"])), "pools": [[]]}


def _dumped(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _applications() -> None:
    op.add_column("users", sa.Column("deactivated_at", UtcDateTime(), nullable=True))
    for column in (
        sa.Column("label", sa.Text(), nullable=False, server_default=""),
        sa.Column("is_trial", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("extra_time_factor", sa.Integer(), nullable=False, server_default="1000"),
        sa.Column("extra_minutes", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("break_minutes", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("opened_at", UtcDateTime(), nullable=True),
        sa.Column("withdrawn_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
    ):
        op.add_column("candidate_applications", column)


def _assessments() -> None:
    op.add_column("assessments", sa.Column("seed", sa.String(32), nullable=True))
    op.add_column("assessments", sa.Column("is_trial", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("assessments", sa.Column("compliance", sa.Text(), nullable=True))
    op.add_column("assessments", sa.Column("compliance_signature", sa.Text(), nullable=True))
    op.add_column("assessment_responses", sa.Column("selected_options", sa.Text(), nullable=True))
    op.add_column("assessment_responses", sa.Column("value", sa.Text(), nullable=True))
