"""An assessment's state is the fold of its events, and of nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sitting.domain.application import NO_ACCOMMODATION, Accommodation
from sitting.domain.chain import GENESIS, SealedEvent
from sitting.domain.deadline import UNLIMITED, Schedule
from sitting.domain.errors import AttachmentStale
from sitting.domain.events import (
    Answered,
    AnswerRecord,
    Attached,
    Credited,
    Detached,
    EndReason,
    Erased,
    EventBody,
    Extended,
    Finalized,
    Flagged,
    IntegrityNoted,
    LateAnswered,
    Paused,
    Presented,
    SlotQuestion,
    Started,
    Unpaused,
    Verdict,
    Voided,
    optional_body,
    seal_body,
)
from sitting.kit.value import Value


class Status(StrEnum):
    STARTED = "started"
    IN_PROGRESS = "in_progress"
    PAUSED = "paused"
    COMPLETED = "completed"
    TIMEOUT = "timeout"
    VOIDED = "voided"


OPEN_STATUSES = (Status.STARTED, Status.IN_PROGRESS, Status.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The row of an assessment: who, which Test, and, once it is over, the outcome.

    Attributes:
        total_score, max_score: integer thousandths of a point. `percentage_score`: thousandths of a percent.
        head_seq, head_hash: the log's head as of the last attach, the end, or an entry behind the end.
        receipt_signature, receipt_key_id: what was signed at the end (`domain.results.Receipt`).
        receipt_seq, receipt_head: the entry that was the head then.
        seed: what the paper was drawn from, in hex; None before papers were drawn.
        is_trial: a run by staff, which counts for nothing.
        compliance: the compliance record of the end as canonical JSON. compliance_signature: the signature under it.
    """

    assessment_id: int
    application_id: int
    user_id: int
    test_id: int
    test_version_id: int
    attempt: int
    status: Status
    started_at: datetime
    deadline_at: datetime | None
    max_score: int
    total_questions: int
    created_at: datetime
    updated_at: datetime
    seed: str | None
    is_trial: bool
    head_seq: int = 0
    head_hash: bytes = b""
    end_time: datetime | None = None
    end_reason: EndReason | None = None
    total_score: int | None = None
    percentage_score: int | None = None
    passed: bool | None = None
    time_taken_minutes: float | None = None
    receipt_seq: int | None = None
    receipt_head: bytes | None = None
    receipt_signature: str | None = None
    receipt_key_id: str | None = None
    compliance: str | None = None
    compliance_signature: str | None = None


class StoredAnswer(Value, frozen=True):
    """An answer in the log: what its ack names, now and on every resend.

    `digest` is the event's hash in hex; `saved_at` the instant of the event.
    """

    record: AnswerRecord
    seq: int
    saved_at: datetime
    digest: str


TimeBody = Started | Attached | Detached | Paused | Unpaused | Extended | Credited | Finalized | Voided


@dataclass(frozen=True, slots=True)
class Moment:
    """An entry of the log that is about time, or about who was there when."""

    seq: int
    at: datetime
    body: TimeBody


@dataclass(slots=True)
class AssessmentState:
    """The fold of one assessment's log.

    Attributes:
        seq, head, last_at: number, hash and time of the last entry folded (0, GENESIS and None before the first).
        attachment: seq of the last `attached` entry, 0 before the first; `attached` is false once it was closed.
        responses: the current answer by question_id, cleared ones included.
        answered_questions: how many of those are not cleared.
        answers: every answer that carried (client_id, client_seq), by that pair.
        newest_numbers: the highest client_seq that came in time, by client_id and question_id.
        last_arrival: when the newest answer in time arrived; no pause may begin before it.
        moments: what compliance follows from. notes: how many observations of the client there are.
        resting_status: while it is paused, the status to which it returns.
        position: the highest position presented; a linear Test shows and takes nothing else.
        written: by position, the questions that were written for the candidate. reserves: what they took the place of.
        erased: the last `erased` entry. Then status and end are as it says, and what led to them is not known any more.
    """

    assessment_id: int
    seq: int = 0
    head: bytes = GENESIS
    last_at: datetime | None = None
    status: Status = Status.STARTED
    started_at: datetime | None = None
    schedule: Schedule = UNLIMITED
    attachment: int = 0
    attached: bool = False
    responses: dict[str, StoredAnswer] = field(default_factory=dict)
    answered_questions: int = 0
    answers: dict[tuple[str, int], StoredAnswer] = field(default_factory=dict)
    newest_numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    position: int = 1
    written: dict[int, SlotQuestion] = field(default_factory=dict)
    reserves: dict[int, SlotQuestion] = field(default_factory=dict)
    late_answers: int = 0
    notes: int = 0
    ended: Finalized | None = None
    accommodation: Accommodation = NO_ACCOMMODATION
    last_arrival: datetime | None = None
    moments: list[Moment] = field(default_factory=list)
    resting_status: Status = Status.STARTED
    erased: Erased | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing that a candidate sends can change it any more."""
        return self.status not in OPEN_STATUSES

    @property
    def written_positions(self) -> frozenset[int]:
        """Where in the paper the questions stand that were written for the candidate."""
        return frozenset(self.written if self.erased is None else self.erased.written)

    def require_attachment(self, attachment: int) -> None:
        """Refuse whoever attached before somebody else did; once it is over, nobody has anything to take over.

        Raises:
            AttachmentStale: another attachment is the newest.
        """
        if self.attachment != attachment and not self.is_over:
            raise AttachmentStale()

    def last_stored(self, record: AnswerRecord) -> StoredAnswer:
        """`record` as part of the last entry folded."""
        assert self.last_at is not None
        return StoredAnswer(record, self.seq, self.last_at, self.head.hex())

    def next_event(self, body: EventBody, now: datetime) -> SealedEvent:
        """The entry that would follow; it counts only once it is stored and applied."""
        return seal_body(body, self.assessment_id, self.seq + 1, self.head, now)

    def apply(self, event: SealedEvent) -> None:
        """Fold one stored entry.

        Raises:
            ValueError: the entry is not the next one.
        """
        if event.seq != self.seq + 1:
            raise ValueError(f"entry {event.seq} cannot follow entry {self.seq}")
        body = optional_body(event)  # first: if it cannot be read, nothing has changed
        self.seq, self.head, self.last_at = event.seq, event.hash, event.occurred_at
        self.notes += isinstance(body, IntegrityNoted)
        if isinstance(body, TimeBody):
            self._keep_time(body, event)
        match body:
            case Answered(arrived_at, answers):
                self._answer(answers, event)
                self.last_arrival = max(arrived_at, self.last_arrival or arrived_at)
            case LateAnswered(arrived_at, answers):
                if not self.schedule.accepts_answers(arrived_at):  # else it was handed in before, which is not late
                    self.late_answers += len(answers)
                self._remember(answers, event)
            case Flagged(question_id, flagged):
                self.flags = self.flags | {question_id} if flagged else self.flags - {question_id}
            case Presented():
                self._present(body)
            case Erased():
                self.erased, self.status, self.ended = body, Status(body.status), body.ended
            case None if event.type == "started":
                self.started_at = event.occurred_at
            case _:
                pass

    def _start(self, body: Started, occurred_at: datetime) -> None:
        self.started_at = occurred_at
        self.schedule = Schedule(body.deadline_at, timedelta(seconds=body.grace_seconds))
        self.accommodation = body.accommodation

    def _keep_time(self, body: TimeBody, event: SealedEvent) -> None:
        self.moments.append(Moment(event.seq, event.occurred_at, body))
        self.schedule = retimed(self.schedule, body)
        match body:
            case Started():
                self._start(body, event.occurred_at)
            case Attached():
                self.attachment, self.attached = event.seq, True
            case Detached(attachment):
                self.attached = self.attached and attachment != self.attachment
            case Paused():
                self.resting_status, self.status = self.status, Status.PAUSED
            case Unpaused():
                self.status = self.resting_status
            case Finalized():
                self.status, self.ended = Status(body.status), body
            case Voided():
                self.status, self.schedule = Status.VOIDED, self.schedule.ended(event.occurred_at)
            case _:
                pass

    def _present(self, body: Presented) -> None:
        self.position = max(self.position, body.position)
        if body.question is not None and body.instead_of is not None:
            self.written[body.position], self.reserves[body.position] = body.question, body.instead_of

    def _answer(self, answers: tuple[AnswerRecord, ...], event: SealedEvent) -> None:
        for stored in self._remember(answers, event):
            record = stored.record
            if record.verdict is Verdict.SAVED:
                before = self.responses.get(record.question_id)
                was_answered = before is not None and not before.record.is_cleared
                self.answered_questions += (not record.is_cleared) - was_answered
                self.responses[record.question_id] = stored
            if record.client_id is not None and record.client_seq is not None:
                origin = record.client_id, record.question_id
                self.newest_numbers[origin] = max(record.client_seq, self.newest_numbers.get(origin, 0))
        if self.status is Status.STARTED:
            self.status = Status.IN_PROGRESS
        self.resting_status = Status.IN_PROGRESS

    def _remember(self, answers: tuple[AnswerRecord, ...], event: SealedEvent) -> list[StoredAnswer]:
        stored = [StoredAnswer(record, event.seq, event.occurred_at, event.hash.hex()) for record in answers]
        for answer in stored:
            record = answer.record
            if record.client_id is not None and record.client_seq is not None:
                self.answers[record.client_id, record.client_seq] = answer
        return stored


def retimed(schedule: Schedule, body: TimeBody) -> Schedule:
    """The schedule behind that entry."""
    match body:
        case Paused():
            return schedule.paused(body.kind, body.paused_at, body.until)
        case Unpaused():
            return schedule.unpaused(body.resumed_at)
        case Extended() | Credited():
            return schedule.extended(timedelta(seconds=body.seconds))
        case Finalized():
            return schedule.ended(body.end_time)
        case _:
            return schedule


def fold(assessment_id: int, events: Iterable[SealedEvent]) -> AssessmentState:
    """The state after all `events`, which must be the whole log in order."""
    state = AssessmentState(assessment_id)
    for event in events:
        state.apply(event)
    return state
