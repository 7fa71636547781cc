"""What can happen to an assessment: the bodies of its log's entries, by type."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from sitting.domain.answer import GivenAnswer
from sitting.domain.application import NO_ACCOMMODATION, Accommodation
from sitting.domain.chain import SealedEvent, seal
from sitting.kit.canonical import canonical_json
from sitting.kit.value import Value


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
    ENDED_BY_INVIGILATOR = "ended_by_invigilator"

    @property
    def on_the_wire(self) -> str:
        """The contract's word: to the candidate, closing an abandoned assessment is a timeout."""
        return (EndReason.TIMEOUT if self is EndReason.ABANDONED else self).value


@dataclass(frozen=True, slots=True)
class Started:
    """The assessment and its paper exist from here on; the clock runs.

    `deadline_at` is null for an untimed Test; `paper_digest` is the paper's SHA-256 in hex; `seed` is what the paper
    was drawn from, null before papers were drawn; a trial is a run by staff, which counts for nothing.
    """

    application_id: int
    user_id: int
    test_id: int
    test_version_id: int
    attempt: int
    deadline_at: datetime | None
    grace_seconds: int
    paper_digest: str
    seed: str | None = None
    accommodation: Accommodation = NO_ACCOMMODATION
    is_trial: bool = False


@dataclass(frozen=True, slots=True)
class Attached:
    """A connection took the assessment; `how` is start, resume or takeover. Its seq is the attachment.

    `window_id` names the tab or the run of a program that it belongs to; null if the client did not say, and in entries
    from before clients could. `node_id` is the process that holds its socket; null over REST, which has none.
    """

    connection_id: str
    how: str
    window_id: str | None = None
    node_id: str | None = None


@dataclass(frozen=True, slots=True)
class Detached:
    """The socket of the attachment with that seq closed."""

    attachment: int


class AnswerRecord(Value, frozen=True):
    """One answer as the log keeps it; the given answer is spelled as in `domain.answer`, all null clears."""

    question_id: str
    selected_option: str | None
    client_id: str | None
    client_seq: int | None
    base_seq: int | None
    verdict: Verdict
    selected_options: tuple[str, ...] | None = None
    value: str | None = None

    @property
    def given(self) -> GivenAnswer:
        """What was answered."""
        return GivenAnswer(self.selected_option, self.selected_options, self.value)

    @property
    def is_cleared(self) -> bool:
        """Whether nothing is answered: `given.is_cleared`, without making a `given` for every question of a paper."""
        return self.selected_option is None and self.selected_options is None and self.value is None


class Answered(Value, frozen=True):
    """Answers that arrived in time, in one frame, each saved or superseded."""

    arrived_at: datetime
    answers: tuple[AnswerRecord, ...]


class LateAnswered(Value, frozen=True):
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
    """The end. Scores are integer thousandths, the percentage in thousandths of a percent.

    Where staff brought it about, `by` is the user_id of who did, and `note` says why.
    """

    status: str
    reason: EndReason
    end_time: datetime
    total_score: int
    max_score: int
    percentage_score: int
    passed: bool
    correct_answers: int
    answered_questions: int
    by: int | None = None
    note: str | None = None


class SlotQuestion(Value, frozen=True, omit_defaults=True):
    """What stands in a slot of a paper.

    `points` is what the slot is worth with it, in thousandths; null where that is no other than with what stood there.
    """

    question_id: str
    content_digest: str
    option_order: tuple[str, ...]
    points: int | None = None


class Presented(Value, frozen=True, omit_defaults=True):
    """In a linear Test the candidate moved on: this position is shown, and those before it are closed.

    `question` is one that was written for this candidate, and from here on part of the paper; `instead_of` what the
    bank had in reserve for its slot, so that the paper of the start can be told from the log. Both are null where the
    paper stays as it is.
    """

    position: int
    question: SlotQuestion | None = None
    instead_of: SlotQuestion | None = None


class PauseKind(StrEnum):
    """Who stopped the clock: staff, or the candidate by a break of the accommodation."""

    STAFF = "staff"
    BREAK = "break"


@dataclass(frozen=True, slots=True)
class Paused:
    """The clock stands still from `paused_at` on, at most until `until`. `by` is the user_id of who paused it."""

    kind: PauseKind
    reason: str
    by: int
    paused_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Unpaused:
    """The clock runs again since `resumed_at`; `by` is null where the pause ran out. `deadline_at` is the new D."""

    by: int | None
    resumed_at: datetime
    deadline_at: datetime | None


@dataclass(frozen=True, slots=True)
class Extended:
    """Staff gave more time. `deadline_at` is the new D, null while paused."""

    seconds: int
    reason: str
    by: int
    deadline_at: datetime | None


@dataclass(frozen=True, slots=True)
class Credited:
    """The server gave back time that it had taken. `deadline_at` is the new D, null while paused.

    The outage, from its last heartbeat before to the first behind it, is credited once: its beginning names it.
    """

    seconds: int
    reason: str
    deadline_at: datetime | None
    outage_began_at: datetime | None = None
    outage_ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Voided:
    """The assessment does not count. `by` is the user_id of who said so."""

    reason: str
    by: int


@dataclass(frozen=True, slots=True)
class Erased:
    """The candidate's data are gone: entries 1 to `last` have no payload any more, other `erased` entries apart.

    It repeats what is no person's data and would be lost with those payloads, so that the row stays vouched for.

    Attributes:
        reason: as the administrator gave it. `by`: their user_id; null where it was done by the command line.
        status: as of this entry. `ended`: the body of `finalized` without its note, null if there was no end.
        paper_digest: of the paper as it stands. `written`: the positions of the questions that were written for the
            candidate; what they took the place of is not known any more.
        time_taken_minutes: as of the end; null without one.
    """

    reason: str
    by: int | None
    last: int
    status: str
    paper_digest: str
    ended: Finalized | None
    time_taken_minutes: float | None
    written: tuple[int, ...] = ()


EventBody = (
    Started
    | Attached
    | Detached
    | Answered
    | LateAnswered
    | Flagged
    | IntegrityNoted
    | Presented
    | Paused
    | Unpaused
    | Extended
    | Credited
    | Finalized
    | Voided
    | Erased
)

_BODIES: dict[str, type[Any]] = {
    "started": Started,
    "attached": Attached,
    "detached": Detached,
    "answered": Answered,
    "late_answer": LateAnswered,
    "flagged": Flagged,
    "integrity": IntegrityNoted,
    "presented": Presented,
    "paused": Paused,
    "unpaused": Unpaused,
    "extended": Extended,
    "credited": Credited,
    "finalized": Finalized,
    "voided": Voided,
    "erased": Erased,
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


def changes_paper(event: SealedEvent) -> bool:
    """Whether that entry puts another question into a slot of the paper."""
    if event.type != EVENT_TYPES[Presented]:
        return False
    body = optional_body(event)
    return isinstance(body, Presented) and body.question is not None
