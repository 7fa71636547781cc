"""Results: what stands when an assessment is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sitting.domain.compliance import SchedulerCompliance


@dataclass(frozen=True, slots=True)
class SkillResult:
    """How one skill went; the priority is H, M or L, null where the Test sets none."""

    skill: str
    priority: str | None
    questions: int
    correct: int
    score_percentage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The result of one assessment. Scores are points; until it is over they and the compliance are null."""

    assessment_id: int
    test_id: int
    user_id: int
    application_id: int
    attempt: int
    status: str
    total_score: float | None
    max_score: float
    percentage_score: float | None
    passed: bool | None
    total_questions: int
    answered_questions: int
    correct_answers: int | None
    started_at: datetime
    end_time: datetime | None
    time_taken_minutes: float | None
    skills: tuple[SkillResult, ...]
    scheduler_compliance: SchedulerCompliance | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The candidate's proof: the head of the log at the end, signed.

    Attributes:
        seq: number of the last entry. `head`: its hash in hex.
        signature: Ed25519, in unpadded base64url, over the text that `receipt_text` gives.
    """

    assessment_id: int
    seq: int
    head: str
    signature: str
    key_id: str


def receipt_text(assessment_id: int, seq: int, head: str) -> bytes:
    """The bytes that a receipt's signature covers: three lines behind a name that no other signature uses."""
    return f"sitting.receipt/1\n{assessment_id}\n{seq}\n{head}\n".encode()
