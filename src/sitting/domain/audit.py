"""Whether one assessment's log is whole, and agrees with all that was derived from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from sitting.domain.answer import GivenAnswer
from sitting.domain.assessment import Assessment, AssessmentState, fold
from sitting.domain.blueprint import Blueprint
from sitting.domain.chain import GENESIS, SALT_BYTES, SealedEvent, event_hash, inner_digest
from sitting.domain.compliance import compliance_record, deadline_faults
from sitting.domain.deadline import minutes_taken
from sitting.domain.erasing import without_words
from sitting.domain.events import Answered, Erased, EventBody, Finalized, Presented, Started, Verdict, optional_body
from sitting.domain.live import receipt_of
from sitting.domain.paper import Paper
from sitting.domain.piloting import pilot_faults
from sitting.domain.question import QuestionContent
from sitting.domain.rejudging import rule_faults
from sitting.domain.results import ComplianceSeal, Receipt
from sitting.domain.scoring import ItemScore, grade
from sitting.kit.canonical import canonical_json, sha256_hex

ERASED = "erased"

Verifies = Callable[[Receipt | ComplianceSeal], bool]
"""Says whether a signature of ours holds."""
_CLOCK = ("paused", "unpaused", "extended", "credited")
_MOVES_HEAD = ("started", "attached", "finalized", "voided", ERASED, *_CLOCK)


@dataclass(frozen=True, slots=True)
class ResponseRecord:
    """A row of assessment_responses; `points` in thousandths, like `is_correct` None until it is graded."""

    question_id: str
    given: GivenAnswer
    is_correct: bool | None
    points: int | None
    answered_at: datetime
    seq: int


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """All that is stored of one assessment, read in one instant.

    Attributes:
        events: the whole log, by seq.
        contents: the exact bytes of each question's content, by the digest under which they are stored.
        reserves: the contents of what questions that were written for the candidate took the place of, by digest.
        redrawn_digest: the digest of the paper that the stored version gives for the stored seed, with the stored
            pilots; "" if that is a paper of other contents, None if nobody drew it again. Once erased: with the stored
            questions in the slots for which, as the log says, they were written.
        redrawn_orders: by position, the orders that the seed gives to the options of what was written.
        person_erased: whether the candidate's row says that they were erased; None if nobody looked.
    """

    assessment: Assessment
    events: Sequence[SealedEvent]
    responses: Sequence[ResponseRecord]
    paper: Paper
    blueprint: Blueprint
    contents: Mapping[str, bytes]
    reserves: Mapping[str, QuestionContent] = field(default_factory=dict)
    redrawn_digest: str | None = None
    redrawn_orders: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    person_erased: bool | None = None

    @property
    def is_erased(self) -> bool:
        """Whether an entry says that payloads were erased."""
        return any(event.type == ERASED for event in self.events)

    @property
    def written_positions(self) -> frozenset[int]:
        """Where, as far as the log can be read, questions stand that were written for the candidate."""
        found: set[int] = set()
        for event in self.events:
            if event.type not in ("presented", ERASED):
                continue
            with suppress(msgspec.MsgspecError):
                body = optional_body(event)
                if isinstance(body, Presented) and body.question is not None:
                    found.add(body.position)
                elif isinstance(body, Erased):
                    found.update(body.written)
        return frozenset(found)

    @property
    def all_contents(self) -> Mapping[str, QuestionContent]:
        """The contents of the paper as it stands and of the reserves, by digest."""
        return {q.content_digest: q.content for q in self.paper.questions} | dict(self.reserves)


@dataclass(frozen=True, slots=True)
class Break:
    """Where the record is broken: `entry 12`, `response q_…`, `paper`, `receipt`, `compliance` or `row`."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


def first_break(record: AuditRecord, verifies: Verifies | None) -> Break | None:
    """The first broken place; None if the record is whole.

    Where payloads were erased, whatever followed from them cannot be checked any more; all the rest is.

    Args:
        verifies: None leaves the signature unchecked.
    """
    return next(_breaks(record, verifies), None)


def _breaks(record: AuditRecord, verifies: Verifies | None) -> Iterator[Break]:
    yield from _breaks_in_chain(record.events)
    yield from _breaks_at_head(record)
    yield from _breaks_in_receipt(record, verifies)
    yield from _breaks_in_order(record.events)
    yield from _breaks_in_paper(record)
    yield from _breaks_in_bodies(record.events)
    log = _read(record)
    if log.state.erased is not None:
        yield from _breaks_in_erasure(record, log.state.erased)
        yield from _breaks_at_end(record, log)
        return
    if record.person_erased:
        yield Break("row", "its candidate was erased, and its log was not")
    yield from _breaks_in_slots(record, log)
    yield from _breaks_at_start(record, log)
    contents = record.all_contents
    start = record.paper.with_slots(log.state.reserves, contents)
    for seq, reason in rule_faults(record.blueprint, start, record.events, contents):
        yield _entry(seq, reason)
    yield from _breaks_in_responses(record, log)
    yield from _breaks_in_score(record, log)
    yield from _breaks_at_end(record, log)
    yield from _breaks_in_deadlines(record, log)
    yield from _breaks_in_compliance(record, verifies)


# --- the log by itself ------------------------------------------------------------------------------------------------


def _entry(seq: int, reason: str) -> Break:
    return Break(f"entry {seq}", reason)


def _breaks_in_chain(events: Sequence[SealedEvent]) -> Iterator[Break]:
    told = _told_erased(events)
    previous = GENESIS
    for seq, event in enumerate(events, start=1):
        if event.seq != seq:
            yield _entry(seq, "it is missing")
        if event.seq <= told and event.type != ERASED and not (event.payload is None and event.salt is None):
            yield _entry(seq, "a later entry says that it was erased, and it was not")
        elif event.payload is None or event.salt is None:
            if event.seq > told or event.type == ERASED:
                yield _entry(seq, "its payload is gone, and no later entry says that it was erased")
        elif len(event.salt) != SALT_BYTES or inner_digest(event.salt, event.payload) != event.inner:
            yield _entry(seq, "its payload is not the one that was hashed")
        if _hash(previous, event) != event.hash:
            yield _entry(seq, "it does not follow from the entry before it")
        previous = event.hash
    if not events:
        yield _entry(1, "it is missing: the log is empty")


def _told_erased(events: Sequence[SealedEvent]) -> int:
    """Up to which entry a readable later one says that payloads were erased; 0 if none does."""
    told = 0
    for event in events:
        with suppress(msgspec.MsgspecError):
            body = optional_body(event)
            if isinstance(body, Erased):
                told = max(told, min(body.last, event.seq - 1))
    return told


def _hash(previous: bytes, event: SealedEvent) -> bytes:
    return event_hash(previous, event.assessment_id, event.seq, event.type, event.occurred_at, event.inner)


def _breaks_at_head(record: AuditRecord) -> Iterator[Break]:
    """The row's own note of the head finds a tail that was cut, and a log that was forged from some entry on."""
    row, events = record.assessment, record.events
    if row.head_seq > len(events):
        yield _entry(len(events) + 1, f"it is missing: the log once reached entry {row.head_seq}")
    noted = max((event.seq for event in events if event.type in _MOVES_HEAD), default=1)
    if row.head_seq < noted:
        yield Break("row", f"its note of the head stops at entry {row.head_seq}, and entry {noted} moved it")
    elif events[row.head_seq - 1].hash != row.head_hash:
        yield _entry(row.head_seq, "its hash is not the one that the assessment's row noted")


def _breaks_in_receipt(record: AuditRecord, verifies: Verifies | None) -> Iterator[Break]:
    ends = [event for event in record.events if event.type == "finalized"]
    receipt = receipt_of(record.assessment)
    if receipt is None:
        if ends:
            yield Break("receipt", f"it is missing, though the log ended with entry {ends[0].seq}")
        return
    if receipt.seq > len(record.events):
        yield _entry(len(record.events) + 1, f"it is missing: the receipt signs entry {receipt.seq}")
    elif record.events[receipt.seq - 1].hash.hex() != receipt.head:
        yield _entry(receipt.seq, "its hash is not the one that the receipt signs")
    elif [event.seq for event in ends] != [receipt.seq]:
        yield Break("receipt", f"it signs entry {receipt.seq}, which is not the one end of the log")
    if verifies is not None and not verifies(receipt):
        yield Break("receipt", f"its signature by key {receipt.key_id} does not hold")


def _breaks_in_order(events: Sequence[SealedEvent]) -> Iterator[Break]:
    """A log begins once, ends once, counts no answer behind its end, and nothing of a person behind their erasure."""
    over = erased = False
    for event in events:
        if event.type == ERASED and not over:
            yield _entry(event.seq, "it erases what had not ended")
        if erased and event.type not in (ERASED, "voided"):
            yield _entry(event.seq, "it tells of somebody who was erased before")
        over, erased = over or event.type in ("finalized", "voided"), erased or event.type == ERASED
    end = next((event.seq for event in events if event.type == "finalized"), len(events))
    for event in events:
        if (event.type == "started") != (event.seq == 1):
            yield _entry(event.seq, "a log begins with one `started`, and has no other")
        if event.type in ("answered", "finalized", *_CLOCK) and event.seq > end:
            yield _entry(event.seq, f"it changes what entry {end} had ended")


def _breaks_in_bodies(events: Sequence[SealedEvent]) -> Iterator[Break]:
    for event in events:
        try:
            optional_body(event)
        except msgspec.MsgspecError as fault:
            yield _entry(event.seq, f"its payload is no {event.type}: {fault}")


# --- what follows from the log ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Log:
    """The log, decoded: bodies by seq, the state after the last, the responses that must follow, and the end."""

    bodies: Sequence[tuple[int, EventBody | None]]
    state: AssessmentState
    responses: Mapping[str, ResponseRecord]
    end: tuple[int, Finalized] | None


def _read(record: AuditRecord) -> _Log:
    bodies = [(event.seq, optional_body(event)) for event in record.events]
    state = fold(record.assessment.assessment_id, record.events)
    end = next(((seq, body) for seq, body in bodies if isinstance(body, Finalized)), None)
    if state.erased is not None and state.erased.ended is not None:
        end = state.seq, state.erased.ended
    graded = any(event.type == "finalized" for event in record.events)
    return _Log(bodies, state, _responses(bodies, record, graded=graded), end)


def _responses(
    bodies: Sequence[tuple[int, EventBody | None]], record: AuditRecord, *, graded: bool
) -> Mapping[str, ResponseRecord]:
    current = {
        answer.question_id: ResponseRecord(answer.question_id, answer.given, None, None, body.arrived_at, seq)
        for seq, body in bodies
        if isinstance(body, Answered)
        for answer in body.answers
        if answer.verdict is Verdict.SAVED
    }
    if not graded:
        return current
    score = grade(record.paper, {id_: response.given for id_, response in current.items()}, record.blueprint)
    return {item.question_id: _graded(current[item.question_id], item) for item in score.items}


def _graded(response: ResponseRecord, item: ItemScore) -> ResponseRecord:
    return ResponseRecord(
        response.question_id,
        response.given,
        item.is_correct,
        item.points,
        response.answered_at,
        response.seq,
    )


def _breaks_in_paper(record: AuditRecord) -> Iterator[Break]:
    erased = record.written_positions if record.is_erased else frozenset()
    for question in record.paper.questions:
        body = record.contents[question.content_digest]
        if question.position in erased and body == without_words(question.content).encoded():
            continue  # its words went with the person whom it was written for
        if sha256_hex(body) != question.content_digest:
            yield Break("paper", f"the content of question {question.question_id} was changed")
    for fault in pilot_faults(record.blueprint, record.paper):
        yield Break("paper", fault)


def _breaks_in_slots(record: AuditRecord, log: _Log) -> Iterator[Break]:
    """What was written for the candidate must stand where its entry put it, its options as the seed orders them."""
    for seq, body in log.bodies:
        if not isinstance(body, Presented) or body.question is None:
            continue
        if not 1 <= body.position <= len(record.paper.questions):
            yield _entry(seq, f"it presents position {body.position}, which the paper has not")
            continue
        if record.paper.digest({body.position: body.question}) != record.paper.digest():
            yield Break("paper", f"what stands at position {body.position} is not what entry {seq} presented")
        if record.redrawn_orders.get(body.position, body.question.option_order) != body.question.option_order:
            yield _entry(seq, "the order of its options is not the one that the seed gives")


def _breaks_at_start(record: AuditRecord, log: _Log) -> Iterator[Break]:
    row, body = record.assessment, log.bodies[0][1]
    assert isinstance(body, Started)
    if body.paper_digest != record.paper.digest(log.state.reserves):
        yield Break("paper", "it is not the one that entry 1 vouches for")
    if record.redrawn_digest not in (None, body.paper_digest):
        yield Break("paper", "it is not the one that its version and its seed give")
    if row.seed != body.seed:
        yield Break("row", f"its seed is {row.seed}, and by the log should be {body.seed}")
    names = ("application_id", "user_id", "test_id", "test_version_id", "attempt")
    derived: dict[str, Any] = {
        **{name: getattr(body, name) for name in names},
        "started_at": log.state.started_at,
        "total_questions": len(record.paper.questions),
        "max_score": record.paper.max_score,
    }
    yield from _differences(row, derived)


def _breaks_in_responses(record: AuditRecord, log: _Log) -> Iterator[Break]:
    stored = {response.question_id: response for response in record.responses}
    for question_id in sorted(stored.keys() | log.responses.keys()):
        place = f"response {question_id}"
        if question_id not in stored:
            yield Break(place, f"it is missing, though entry {log.responses[question_id].seq} saved it")
        elif question_id not in log.responses:
            yield Break(place, "no entry of the log saved it")
        elif stored[question_id] != log.responses[question_id]:
            yield Break(place, _difference(stored[question_id], log.responses[question_id]))


def _difference(stored: ResponseRecord, derived: ResponseRecord) -> str:
    names = (name for name in ResponseRecord.__slots__ if getattr(stored, name) != getattr(derived, name))
    name = next(names)
    word = "answer" if name == "given" else name
    return f"its {word} is {getattr(stored, name)}, and by entry {derived.seq} should be {getattr(derived, name)}"


def _breaks_in_score(record: AuditRecord, log: _Log) -> Iterator[Break]:
    if log.end is None:
        return
    seq, body = log.end
    given = {id_: response.given for id_, response in log.responses.items()}
    score = grade(record.paper, given, record.blueprint)
    derived = {
        "total_score": score.total,
        "max_score": score.maximum,
        "percentage_score": score.percentage,
        "passed": score.passed,
        "correct_answers": score.correct_answers,
        "answered_questions": score.answered_questions,
    }
    for name, value in derived.items():
        if getattr(body, name) != value:
            yield _entry(seq, f"its {name} is {getattr(body, name)}, and the stored answers give {value}")


def _breaks_at_end(record: AuditRecord, log: _Log) -> Iterator[Break]:
    row = record.assessment
    outcome = ("total_score", "percentage_score", "passed", "end_time")
    derived: dict[str, Any] = {"status": log.state.status}
    if log.end is None:
        derived |= dict.fromkeys((*outcome, "end_reason", "time_taken_minutes"))
    else:
        body = log.end[1]
        derived |= {name: getattr(body, name) for name in outcome}
        derived["end_reason"] = body.reason
        derived["time_taken_minutes"] = _minutes(row, log.state, body)
    yield from _differences(row, derived)


def _minutes(row: Assessment, state: AssessmentState, end: Finalized) -> float | None:
    if state.erased is not None:
        return state.erased.time_taken_minutes
    return minutes_taken(row.started_at, end.end_time, state.schedule.pauses)


def _breaks_in_erasure(record: AuditRecord, told: Erased) -> Iterator[Break]:
    """What the `erased` entries say must agree with the types that are left, and nothing of the person may be left."""
    erasures = [(event, optional_body(event)) for event in record.events if event.type == ERASED]
    for event, body in erasures:
        assert isinstance(body, Erased)
        if body.last != event.seq - 1:
            yield _entry(event.seq, f"it names the entries up to {body.last}, and stands behind entry {event.seq - 1}")
        if not _agrees(body, {each.type for each in record.events[: event.seq]}):
            yield _entry(event.seq, "it tells of another end than the entries before it")
        if _facts(body) != _facts(told):
            yield _entry(event.seq, "it tells of something else than a later erasure")
    if record.person_erased is False:
        yield _entry(erasures[0][0].seq, "it says that the candidate was erased, who was not")
    yield from _breaks_in_what_is_left(record, told)


def _facts(body: Erased) -> tuple[object, ...]:
    """What every erasure of a log tells alike."""
    return body.ended, body.paper_digest, body.time_taken_minutes, body.written


def _agrees(body: Erased, types: set[str]) -> bool:
    if (body.ended is not None) != ("finalized" in types):
        return False
    outcome = body.ended.status if body.ended is not None else None
    return body.status == ("voided" if "voided" in types else outcome)


def _breaks_in_what_is_left(record: AuditRecord, told: Erased) -> Iterator[Break]:
    row, events = record.assessment, record.events
    if record.paper.digest() != told.paper_digest:
        yield Break("paper", "it is not the one that the entry of the erasure vouches for")
    if record.redrawn_digest not in (None, told.paper_digest):
        yield Break("paper", "it is not the one that its version and its seed give")
    steps = sum(event.type == "presented" for event in events)
    generated = {q.position for q in record.paper.questions if record.blueprint.generated_in(q.section)}
    if len(told.written) > steps or not generated.issuperset(told.written):
        yield Break("paper", "the entry of the erasure tells of questions that nobody can have written for it")
    facts = {"total_questions": len(record.paper.questions), "max_score": record.paper.max_score}
    yield from _differences(row, {**facts, "started_at": events[0].occurred_at})
    for response in record.responses:
        place = f"response {response.question_id}"
        if not response.given.is_cleared:
            yield Break(place, "its answer is still there, though the candidate was erased")
        if not (1 <= response.seq <= len(events) and events[response.seq - 1].type == "answered"):
            yield Break(place, f"entry {response.seq} saved no answer")
    if row.compliance is not None:
        yield Break("compliance", "its record is still there, though the candidate was erased")


def _breaks_in_deadlines(record: AuditRecord, log: _Log) -> Iterator[Break]:
    for seq, noted, derived in deadline_faults(record.blueprint, log.state):
        yield _entry(seq, f"its deadline_at is {noted}, and by rules and log should be {derived}")
    yield from _differences(record.assessment, {"deadline_at": log.state.schedule.deadline_at})


def _breaks_in_compliance(record: AuditRecord, verifies: Verifies | None) -> Iterator[Break]:
    """The stored record must be what the log gives as of its end. Ends from before there were records have none."""
    row, stored = record.assessment, record.assessment.compliance
    end = next((event.seq for event in record.events if event.type == "finalized"), None)
    if stored is None or end is None:
        if (stored is None) != (end is None) and row.seed is not None:
            yield Break(
                "compliance", "its record is missing" if stored is None else "nothing has ended that it records"
            )
        return
    derived = canonical_json(compliance_record(record.blueprint, fold(row.assessment_id, record.events[:end])))
    if _with_zone_rules(derived, stored) != stored:
        yield Break("compliance", f"its record is not what entries 1 to {end} give")
    seal = ComplianceSeal(
        row.assessment_id, end, sha256_hex(stored.encode()), row.compliance_signature or "", row.receipt_key_id or ""
    )
    if verifies is not None and not verifies(seal):
        yield Break("compliance", f"its signature by key {row.receipt_key_id} does not hold")


def _with_zone_rules(derived: bytes, stored: str) -> str:
    """Zones are changed by law: how a wall-clock time was understood at the end is not for later tables to say."""
    ours, theirs = msgspec.json.decode(derived), msgspec.json.decode(stored)
    for edge in ("opens", "closes"):
        if ours["window"][edge] and theirs["window"][edge]:
            ours["window"][edge]["rule"] = theirs["window"][edge]["rule"]
    return canonical_json(ours).decode()


def _differences(row: Assessment, derived: Mapping[str, Any]) -> Iterator[Break]:
    for name, value in derived.items():
        if getattr(row, name) != value:
            yield Break("row", f"its {name} is {getattr(row, name)}, and by the log should be {value}")
