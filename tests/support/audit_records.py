"""Records of whole assessments as the audit reads them, to be changed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sitting.domain.answer import GivenAnswer
from sitting.domain.assessment import Assessment, AssessmentState, Status
from sitting.domain.audit import AuditRecord, ResponseRecord, first_break
from sitting.domain.blueprint import Blueprint
from sitting.domain.chain import GENESIS, SealedEvent, event_hash, inner_digest
from sitting.domain.deadline import minutes_taken
from sitting.domain.events import (
    Answered,
    AnswerRecord,
    Attached,
    EndReason,
    EventBody,
    Finalized,
    LateAnswered,
    Started,
    Verdict,
)
from sitting.domain.paper import Paper, PaperQuestion
from sitting.domain.question import Difficulty, Option, QuestionContent, QuestionType
from sitting.domain.scoring import grade
from sitting.identity.signer import Signer
from tests.support.replacing import replace

SIGNER = Signer.generate()
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FINALIZED = 7


def content(number: int) -> QuestionContent:
    options = (Option(f"o_{number}_right", "right"), Option(f"o_{number}_wrong", "wrong"))
    return QuestionContent(
        QuestionType.SINGLE_CHOICE, f"Question {number}?", options, options[0].id, "", "Git", Difficulty.EASY
    )


CONTENTS = {content(number).digest(): content(number) for number in (1, 2, 3)}
PAPER = Paper(
    tuple(
        PaperQuestion(n, f"q_{n}", "main", n * 1000, tuple(o.id for o in body.options), digest, body)
        for n, (digest, body) in enumerate(CONTENTS.items(), start=1)
    )
)


BLUEPRINT = Blueprint(name="Sample", time_limit_minutes=60, pass_mark=10_000)


@dataclass
class Log:
    """Writes the entries of one assessment, a minute apart."""

    state: AssessmentState = field(default_factory=lambda: AssessmentState(7))
    events: list[SealedEvent] = field(default_factory=list)

    def add(self, body: EventBody) -> None:
        event = self.state.next_event(body, START + timedelta(minutes=len(self.events)))
        self.state.apply(event)
        self.events.append(event)

    def answer(
        self,
        number: int,
        option: str | None,
        verdict: Verdict = Verdict.SAVED,
        *,
        pair: tuple[str, int] | None = None,
    ) -> None:
        selected = None if option is None else f"o_{number}_{option}"
        client_id, client_seq = pair or (None, None)
        answer = AnswerRecord(f"q_{number}", selected, client_id, client_seq, None, verdict)
        kind = LateAnswered if verdict is Verdict.LATE else Answered
        self.add(kind(START + timedelta(minutes=len(self.events), milliseconds=-3), (answer,)))

    def finalize(self, **changed: Any) -> None:
        score = grade(PAPER, given(self), BLUEPRINT)
        body = Finalized(
            status=Status.COMPLETED,
            reason=EndReason.SUBMITTED,
            end_time=START + timedelta(minutes=len(self.events)),
            total_score=score.total,
            max_score=score.maximum,
            percentage_score=score.percentage,
            passed=score.passed,
            correct_answers=score.correct_answers,
            answered_questions=score.answered_questions,
        )
        self.add(replace(body, **changed))


def given(log: Log) -> dict[str, GivenAnswer]:
    return {question_id: stored.record.given for question_id, stored in log.state.responses.items()}


def begun() -> Log:
    """Started and attached; answers to 1 (right, then an older one that came late), to 2 (cleared) and none to 3."""
    log = Log()
    log.add(Started(3, 4, 5, 6, 1, START + timedelta(hours=1), 5, PAPER.digest()))
    log.add(Attached("c_1", "start"))
    log.answer(1, "right", pair=("c", 2))
    log.answer(2, "wrong")
    log.answer(1, "wrong", Verdict.SUPERSEDED, pair=("c", 1))
    log.answer(2, None)
    return log


def row(log: Log, noted: SealedEvent, end: SealedEvent | None) -> Assessment:
    ended = log.state.ended
    receipt = SIGNER.receipt(7, end.seq, end.hash.hex()) if end else None
    return Assessment(
        assessment_id=7,
        application_id=3,
        user_id=4,
        test_id=5,
        test_version_id=6,
        attempt=1,
        status=log.state.status,
        started_at=START,
        deadline_at=START + timedelta(hours=1),
        end_time=ended.end_time if ended else None,
        end_reason=ended.reason if ended else None,
        total_score=ended.total_score if ended else None,
        max_score=PAPER.max_score,
        percentage_score=ended.percentage_score if ended else None,
        passed=ended.passed if ended else None,
        total_questions=3,
        time_taken_minutes=minutes_taken(START, ended.end_time) if ended else None,
        created_at=START,
        updated_at=START,
        head_seq=noted.seq,
        head_hash=noted.hash,
        receipt_seq=receipt.seq if receipt else None,
        receipt_head=end.hash if end else None,
        receipt_signature=receipt.signature if receipt else None,
        receipt_key_id=receipt.key_id if receipt else None,
        seed=None,
        is_trial=False,
        compliance=None,
        compliance_signature=None,
    )


def stored(log: Log, noted: int, end: int | None = None) -> AuditRecord:
    """What the tables hold after this log, with the head noted at entry `noted`."""
    items = {item.question_id: item for item in grade(PAPER, given(log), BLUEPRINT).items}
    return AuditRecord(
        assessment=row(log, log.events[noted - 1], log.events[end - 1] if end else None),
        events=log.events,
        responses=[
            ResponseRecord(
                id_,
                answer.record.given,
                items[id_].is_correct if end else None,
                items[id_].points if end else None,
                answer.saved_at - timedelta(milliseconds=3),
                answer.seq,
            )
            for id_, answer in log.state.responses.items()
        ],
        paper=PAPER,
        blueprint=BLUEPRINT,
        contents={digest: body.encoded() for digest, body in CONTENTS.items()},
    )


def open_record() -> AuditRecord:
    return stored(begun(), noted=2)


def finished_record() -> AuditRecord:
    log = begun()
    log.finalize()
    log.answer(3, "right", Verdict.LATE)
    return stored(log, noted=8, end=FINALIZED)


def place(record: AuditRecord) -> str | None:
    found = first_break(record, SIGNER.verifies)
    return None if found is None else found.place


def rehashed(events: Sequence[SealedEvent], first: int) -> list[SealedEvent]:
    """The same entries, the hashes from entry `first` on made anew, as a forger would."""
    chained = list(events[: first - 1])
    for event in events[first - 1 :]:
        assert event.salt is not None
        assert event.payload is not None
        previous = chained[-1].hash if chained else GENESIS
        inner = inner_digest(event.salt, event.payload)
        hash_ = event_hash(previous, event.assessment_id, event.seq, event.type, event.occurred_at, inner)
        chained.append(replace(event, inner=inner, hash=hash_))
    return chained


def forged() -> AuditRecord:
    """The wrong answer to question 2 becomes the right one, in the log and in all of its hashes."""
    record = finished_record()
    events = list(record.events)
    payload = (events[3].payload or b"").replace(b"wrong", b"right")
    events[3] = replace(events[3], payload=payload)
    return replace(record, events=rehashed(events, 4))


def with_row(record: AuditRecord, **changed: Any) -> AuditRecord:
    return replace(record, assessment=replace(record.assessment, **changed))


ROW_CHANGES: dict[str, Any] = {
    "application_id": 30,
    "user_id": 40,
    "test_id": 50,
    "test_version_id": 60,
    "attempt": 2,
    "status": Status.TIMEOUT,
    "started_at": START - timedelta(seconds=1),
    "deadline_at": START + timedelta(hours=2),
    "end_time": START + timedelta(minutes=59),
    "end_reason": EndReason.TIMEOUT,
    "total_score": 6000,
    "max_score": 7000,
    "percentage_score": 100_000,
    "passed": False,
    "total_questions": 4,
    "time_taken_minutes": 1.0,
}
