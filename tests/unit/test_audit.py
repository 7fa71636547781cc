"""Whatever is changed in a log, or in what was derived from it, the audit names the place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sitting.domain.answer import GivenAnswer
from sitting.domain.assessment import Assessment, AssessmentState, Status
from sitting.domain.audit import AuditRecord, ResponseRecord, first_break
from sitting.domain.blueprint import Blueprint
from sitting.domain.chain import GENESIS, SealedEvent, event_hash, inner_digest, seal
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

    def answer(self, number: int, option: str | None, verdict: Verdict = Verdict.SAVED) -> None:
        selected = None if option is None else f"o_{number}_{option}"
        answer = AnswerRecord(f"q_{number}", selected, None, None, None, verdict)
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
    log.answer(1, "right")
    log.answer(2, "wrong")
    log.answer(1, "wrong", Verdict.SUPERSEDED)
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


@pytest.mark.parametrize("record", [open_record, finished_record])
def test_untouched_record_is_whole(record: Callable[[], AuditRecord]) -> None:
    assert place(record()) is None


def test_freshly_started_assessment_is_whole() -> None:
    log = Log()
    log.add(Started(3, 4, 5, 6, 1, START + timedelta(hours=1), 5, PAPER.digest()))
    assert place(stored(log, noted=1)) is None


ENTRY_CHANGES: dict[str, Callable[[SealedEvent], SealedEvent]] = {
    "payload": lambda event: replace(event, payload=(event.payload or b"")[:-1] + b" "),
    "salt": lambda event: replace(event, salt=bytes(16)),
    "time": lambda event: replace(event, occurred_at=event.occurred_at + timedelta(microseconds=1)),
    "type": lambda event: replace(event, type="integrity"),
    "inner digest": lambda event: replace(event, inner=bytes(32)),
    "hash": lambda event: replace(event, hash=bytes(32)),
    "payload with its digest": lambda event: replace(
        event, payload=b"{}", inner=inner_digest(event.salt or b"", b"{}")
    ),
    "payload gone": lambda event: replace(event, payload=None),
    "salt gone": lambda event: replace(event, salt=None),
}


@pytest.mark.parametrize("change", ENTRY_CHANGES.values(), ids=ENTRY_CHANGES)
@pytest.mark.parametrize("seq", range(1, 9))
def test_changed_entry_is_named(seq: int, change: Callable[[SealedEvent], SealedEvent]) -> None:
    record = finished_record()
    events = list(record.events)
    events[seq - 1] = change(events[seq - 1])
    assert place(replace(record, events=events)) == f"entry {seq}"


@pytest.mark.parametrize("seq", range(1, 8))
def test_removed_entry_is_named(seq: int) -> None:
    record = finished_record()
    left = [event for event in record.events if event.seq != seq]
    assert str(first_break(replace(record, events=left), SIGNER.verifies)) == f"entry {seq}: it is missing"
    renumbered = [replace(event, seq=number) for number, event in enumerate(left, start=1)]
    assert place(replace(record, events=renumbered)) == f"entry {seq}"


def test_swapped_entries_are_named_by_the_first() -> None:
    record = finished_record()
    events = list(record.events)
    events[2], events[3] = replace(events[3], seq=3), replace(events[2], seq=4)
    assert place(replace(record, events=events)) == "entry 3"


def test_empty_log_is_broken_at_its_beginning() -> None:
    record = with_row(open_record(), head_seq=0, head_hash=b"")
    assert place(replace(record, events=[])) == "entry 1"


@pytest.mark.parametrize("kept", [7, 6, 1])
def test_cut_tail_is_found_by_the_noted_head(kept: int) -> None:
    record = finished_record()
    assert place(replace(record, events=record.events[:kept])) == f"entry {kept + 1}"


def test_cut_tail_is_found_by_the_receipt_if_the_head_was_put_back() -> None:
    record = finished_record()
    cut = with_row(replace(record, events=record.events[:6]), head_seq=6, head_hash=record.events[5].hash)
    assert place(cut) == f"entry {FINALIZED}"


def test_cut_tail_of_an_open_assessment_is_found_by_its_responses() -> None:
    record = open_record()
    assert place(replace(record, events=record.events[:5])) == "response q_2"


def test_cut_that_also_puts_back_every_row_leaves_no_trace_in_the_database() -> None:
    """Only what is kept elsewhere, such as a receipt that was handed out, tells of such an entry."""
    log = begun()
    before = stored(log, noted=2)
    before = replace(before, events=list(log.events))
    log.finalize()
    assert place(before) is None


def test_noted_head_that_lags_behind_an_attach_is_found() -> None:
    record = open_record()
    assert place(with_row(record, head_seq=1, head_hash=record.events[0].hash)) == "row"


def test_forged_log_with_all_its_hashes_is_found_by_the_noted_head() -> None:
    assert place(forged()) == "entry 8"


def test_forged_log_is_found_by_the_receipt_if_the_head_was_forged_too() -> None:
    record = forged()
    assert place(with_row(record, head_hash=record.events[7].hash)) == f"entry {FINALIZED}"


def forged_receipt() -> AuditRecord:
    record = forged()
    heads = {"head_hash": record.events[7].hash, "receipt_head": record.events[FINALIZED - 1].hash}
    return with_row(record, **heads)


def test_forged_log_is_found_by_the_signature_if_the_receipt_was_forged_too() -> None:
    assert place(forged_receipt()) == "receipt"


def test_without_a_key_the_signature_alone_goes_unchecked() -> None:
    """The forged answer was cleared later, so that no row follows from it."""
    assert first_break(forged_receipt(), None) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"receipt_signature": "A" * 86},
        {"receipt_key_id": "0123456789abcdef"},
        {"receipt_seq": None, "receipt_head": None, "receipt_signature": None, "receipt_key_id": None},
    ],
)
def test_receipt_that_does_not_hold_is_found(changed: dict[str, Any]) -> None:
    assert place(with_row(finished_record(), **changed)) == "receipt"


def test_receipt_over_another_entry_than_the_end_is_found() -> None:
    record = finished_record()
    receipt = SIGNER.receipt(7, 6, record.events[5].hash.hex())
    changed = with_row(record, receipt_seq=6, receipt_head=record.events[5].hash, receipt_signature=receipt.signature)
    assert place(changed) == "receipt"


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


@pytest.mark.parametrize(("name", "value"), ROW_CHANGES.items(), ids=ROW_CHANGES)
def test_changed_row_is_found(name: str, value: Any) -> None:
    found = first_break(with_row(finished_record(), **{name: value}), SIGNER.verifies)
    assert found is not None
    assert (found.place, found.reason.split()[1]) == ("row", name)


@pytest.mark.parametrize("changed", [{"status": Status.COMPLETED}, {"total_score": 1000}, {"end_time": START}])
def test_open_assessment_that_claims_an_end_is_found(changed: dict[str, Any]) -> None:
    assert place(with_row(open_record(), **changed)) == "row"


RESPONSE_CHANGES: dict[str, Any] = {
    "given": GivenAnswer("o_1_wrong"),
    "is_correct": False,
    "points": 2000,
    "answered_at": START,
    "seq": 5,
}


@pytest.mark.parametrize(("name", "value"), RESPONSE_CHANGES.items(), ids=RESPONSE_CHANGES)
def test_changed_response_is_found(name: str, value: Any) -> None:
    record = finished_record()
    first, *others = record.responses
    found = first_break(replace(record, responses=[replace(first, **{name: value}), *others]), SIGNER.verifies)
    assert found is not None
    assert (found.place, found.reason.split()[1]) == ("response q_1", name)


def test_removed_and_added_responses_are_found() -> None:
    record = finished_record()
    first, *others = record.responses
    assert place(replace(record, responses=others)) == "response q_1"
    added = ResponseRecord("q_3", GivenAnswer("o_3_right"), True, 3000, START, 3)
    assert place(replace(record, responses=[first, *others, added])) == "response q_3"


def test_changed_paper_is_found() -> None:
    first, *others = PAPER.questions
    richer = Paper((replace(first, points=9000), *others))
    assert place(replace(finished_record(), paper=richer)) == "paper"


def test_question_rewritten_under_its_old_digest_is_found() -> None:
    record = finished_record()
    digest = PAPER.questions[0].content_digest
    body = record.contents[digest].replace(b'"o_1_right"', b'"o_1_wrong"')
    assert place(replace(record, contents={**record.contents, digest: body})) == "paper"


FALSE_SCORES: dict[str, Any] = {
    "total_score": 6000,
    "max_score": 1000,
    "percentage_score": 100_000,
    "passed": False,
    "correct_answers": 3,
    "answered_questions": 3,
}


@pytest.mark.parametrize(("name", "value"), FALSE_SCORES.items(), ids=FALSE_SCORES)
def test_score_that_the_answers_do_not_give_is_found_in_the_last_entry(name: str, value: Any) -> None:
    log = begun()
    log.finalize(**{name: value})
    found = first_break(stored(log, noted=7, end=7), SIGNER.verifies)
    assert found is not None
    assert (found.place, found.reason.split()[1]) == ("entry 7", name)


def test_answer_counted_behind_the_end_is_found() -> None:
    log = begun()
    log.finalize()
    log.answer(3, "right")
    assert place(stored(log, noted=8, end=FINALIZED)) == "entry 8"


def test_second_beginning_is_found() -> None:
    log = begun()
    log.add(Started(3, 4, 5, 6, 1, START + timedelta(hours=9), 5, PAPER.digest()))
    assert place(stored(log, noted=7)) == "entry 7"


def test_entry_that_does_not_read_as_its_type_is_found() -> None:
    log = begun()
    log.events.append(seal(log.state.head, 7, 7, "answered", START, b'{"answers":3}'))
    assert place(stored(log, noted=2)) == "entry 7"


def erased(record: AuditRecord, *types: str) -> AuditRecord:
    """The payloads of these types gone, and a last entry that says so."""
    last = record.events[-1]
    note = seal(last.hash, 7, last.seq + 1, "erased", START, b"{}")
    events = [replace(e, payload=None, salt=None) if e.type in types else e for e in record.events]
    return replace(record, events=[*events, note])


@pytest.mark.parametrize("types", [("started",), ("answered",), ("finalized",), ("started", "answered", "finalized")])
@pytest.mark.parametrize("record", [open_record, finished_record])
def test_erased_payloads_leave_the_rest_whole(record: Callable[[], AuditRecord], types: tuple[str, ...]) -> None:
    assert place(erased(record(), *types)) is None


def test_missing_payload_is_a_break_unless_a_later_entry_says_that_it_was_erased() -> None:
    record = erased(open_record(), "attached")
    assert place(replace(record, events=record.events[:-1])) == "entry 2"
    last = replace(record.events[-1], payload=None)
    assert place(replace(record, events=[*record.events[:-1], last])) == "entry 7"


@pytest.mark.parametrize(
    ("types", "changed"),
    [
        (("answered",), {"total_score": 6000}),
        (("answered",), {"user_id": 40}),
        (("finalized",), {"attempt": 2}),
        (("started",), {"status": Status.TIMEOUT}),
    ],
)
def test_erasure_hides_no_change_of_what_did_not_follow_from_it(
    types: tuple[str, ...], changed: dict[str, Any]
) -> None:
    assert place(with_row(erased(finished_record(), *types), **changed)) == "row"
