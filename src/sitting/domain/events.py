"""What can happen to an assessment: the bodies of its log's entries, by type."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from sitting.domain.chain import SealedEvent, seal
from sitting.kit.canonical import canonical_json


class Verdict(StrEnum):
    """What became of an answer that reached the server."""

    SAVED = "saved"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    LATE = "late"
    REFUSED = "refused"


class EndReason(StrEnum):
    """Why an assessment ended."""

    SUBMITTED = "submitted"
    TIMEOUT = "timeout"
    ABANDONED = "abandoned"

    @property
    def on_the_wire(self) -> str:
        """The contract's word: to the candidate, closing an abandoned assessment is a timeout."""
        return (EndReason.TIMEOUT if self is EndReason.ABANDONED else self).value


@dataclass(frozen=True, slots=True)
class Started:
    """The assessment and its paper exist from here on; the clock runs.

    `deadline_at` is null for an untimed Test; `paper_digest` is the paper's SHA-256 in hex.
    """

    application_id: int
    user_id: int
    test_id: int
    test_version_id: int
    attempt: int
    deadline_at: datetime | None
    grace_seconds: int
    paper_digest: str


@dataclass(frozen=True, slots=True)
class Attached:
    """A connection took the assessment; `how` is start, resume or takeover. Its seq is the attachment."""

    connection_id: str
    how: str


@dataclass(frozen=True, slots=True)
class Detached:
    """The socket of the attachment with that seq closed."""

    attachment: int


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """One answer as the log keeps it. `selected_option` is an option's id; null clears the answer."""

    question_id: str
    selected_option: str | None
    client_id: str | None
    client_seq: int | None
    base_seq: int | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Answered:
    """Answers that arrived in time, in one frame, each saved or superseded."""

    arrived_at: datetime
    answers: tuple[AnswerRecord, ...]


@dataclass(frozen=True, slots=True)
class LateAnswered:
    """Answers that arrived too late: kept for the reviewer, never applied."""

    arrived_at: datetime
    answers: tuple[AnswerRecord, ...]


@dataclass(frozen=True, slots=True)
class Flagged:
    """The candidate marked a question to come back to it, or took the mark away."""

    question_id: str
    flagged: bool


@dataclass(frozen=True, slots=True)
class IntegrityNoted:
    """Something the candidate's client observed. It accuses nobody; people judge."""

    kind: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class Finalized:
    """The end. Scores are integer thousandths, the percentage in thousandths of a percent."""

    status: str
    reason: EndReason
    end_time: datetime
    total_score: int
    max_score: int
    percentage_score: int
    passed: bool
    correct_answers: int
    answered_questions: int


EventBody = Started | Attached | Detached | Answered | LateAnswered | Flagged | IntegrityNoted | Finalized

_BODIES: dict[str, type[Any]] = {
    "started": Started,
    "attached": Attached,
    "detached": Detached,
    "answered": Answered,
    "late_answer": LateAnswered,
    "flagged": Flagged,
    "integrity": IntegrityNoted,
    "finalized": Finalized,
}
EVENT_TYPES = {body: type_ for type_, body in _BODIES.items()}
_DECODERS = {type_: msgspec.json.Decoder(body) for type_, body in _BODIES.items()}


def seal_body(body: EventBody, assessment_id: int, seq: int, previous: bytes, occurred_at: datetime) -> SealedEvent:
    """Encode `body` and chain it behind the entry whose hash is `previous`."""
    return seal(previous, assessment_id, seq, EVENT_TYPES[type(body)], occurred_at, canonical_json(body))


def optional_body(event: SealedEvent) -> EventBody | None:
    """The body of a stored entry; None if it was erased, or is of a type that only a newer Sitting knows."""
    decoder = _DECODERS.get(event.type)
    if decoder is None or event.payload is None:
        return None
    body: EventBody = decoder.decode(event.payload)
    return body
