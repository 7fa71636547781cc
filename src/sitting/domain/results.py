"""Results: what stands when an assessment is over."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum

from sitting.domain.blueprint import ResultsPolicy
from sitting.domain.compliance import SchedulerCompliance


class Origin(StrEnum):
    """Where a question of a paper comes from."""

    BANK = "bank"
    GENERATED = "generated"


@dataclass(frozen=True, slots=True)
class SkillResult:
    """How one skill went; the priority is H, M or L, null where the Test sets none."""

    skill: str
    priority: str | None
    questions: int
    correct: int
    score_percentage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BareResults:
    """What every results policy shows. What a policy hides is no field of its class, and so absent from the JSON."""

    assessment_id: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusResults(BareResults):
    """That it is over, when, and what was answered; the compliance is null until it is over.

    Attributes:
        generated_questions: how many questions of the paper were written for the candidate.
    """

    test_id: int
    user_id: int
    application_id: int
    attempt: int
    total_questions: int
    generated_questions: int
    answered_questions: int
    started_at: datetime
    end_time: datetime | None
    time_taken_minutes: float | None
    scheduler_compliance: SchedulerCompliance | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreResults(StatusResults):
    """With the score, in points; all but the maximum is null until it is over."""

    total_score: float | None
    max_score: float
    percentage_score: float | None
    passed: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Results(ScoreResults):
    """Everything. `skills` are in the order of the paper, and empty until it is over."""

    correct_answers: int | None
    skills: tuple[SkillResult, ...]


_SHOWN: dict[ResultsPolicy, type[BareResults]] = {
    ResultsPolicy.NOTHING: BareResults,
    ResultsPolicy.STATUS: StatusResults,
    ResultsPolicy.SCORE: ScoreResults,
    ResultsPolicy.FULL: Results,
}


def shown_results(results: Results, policy: ResultsPolicy) -> BareResults:
    """As much of the results as the candidate may see."""
    shown = _SHOWN[policy]
    return shown(**{field.name: getattr(results, field.name) for field in fields(shown)})


def shows_score(policy: ResultsPolicy) -> bool:
    """Whether the candidate learns score and outcome."""
    return policy in (ResultsPolicy.SCORE, ResultsPolicy.FULL)


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


@dataclass(frozen=True, slots=True)
class ComplianceSeal:
    """The server's signature under a compliance record, as of entry `seq` of the log.

    Attributes:
        digest: SHA-256 of the record's exact text, in hex.
        signature: Ed25519, in unpadded base64url, over the text that `compliance_text` gives.
    """

    assessment_id: int
    seq: int
    digest: str
    signature: str
    key_id: str


def signed_text(proof: Receipt | ComplianceSeal) -> bytes:
    """The bytes that its signature covers."""
    if isinstance(proof, Receipt):
        return receipt_text(proof.assessment_id, proof.seq, proof.head)
    return compliance_text(proof.assessment_id, proof.seq, proof.digest)


def compliance_text(assessment_id: int, seq: int, digest: str) -> bytes:
    """The bytes under which a compliance record is signed, in the form of those of a receipt."""
    return f"sitting.compliance/1\n{assessment_id}\n{seq}\n{digest}\n".encode()


def receipt_text(assessment_id: int, seq: int, head: str) -> bytes:
    """The bytes that a receipt's signature covers: three lines behind a name that no other signature uses."""
    return f"sitting.receipt/1\n{assessment_id}\n{seq}\n{head}\n".encode()
