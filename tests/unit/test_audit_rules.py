"""The audit judges each entry again by the rules, and knows what an erasure may take away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from sitting.domain.answer import CLEARED, GivenAnswer
from sitting.domain.assessment import Status, fold
from sitting.domain.audit import AuditRecord, first_break
from sitting.domain.blueprint import Navigation
from sitting.domain.erasing import erasure
from sitting.domain.errors import Conflict
from sitting.domain.events import (
    Answered,
    AnswerRecord,
    Attached,
    EventBody,
    LateAnswered,
    Paused,
    PauseKind,
    Presented,
    Started,
    Unpaused,
    Verdict,
    Voided,
)
from tests.support.audit_records import (
    BLUEPRINT,
    FINALIZED,
    PAPER,
    ROW_CHANGES,
    SIGNER,
    START,
    Log,
    begun,
    finished_record,
    place,
    stored,
    with_row,
)
from tests.support.replacing import replace

# --- what the rules make of it ---


def entry_at(minutes: float, *answers: AnswerRecord) -> Answered:
    return Answered(START + timedelta(minutes=minutes), answers)


def right(number: int, *, verdict: Verdict = Verdict.SAVED, pair: tuple[str, int] | None = None) -> AnswerRecord:
    client_id, client_seq = pair or (None, None)
    return AnswerRecord(f"q_{number}", f"o_{number}_right", client_id, client_seq, None, verdict)


def paused_log() -> Log:
    log = begun()
    log.add(Paused(PauseKind.STAFF, "fire alarm", 9, START + timedelta(minutes=10), START + timedelta(minutes=20)))
    return log


def resumed_log() -> Log:
    log = paused_log()
    log.add(Unpaused(9, START + timedelta(minutes=15), START + timedelta(minutes=65)))
    return log


BROKEN_RULES: dict[str, tuple[Callable[[], Log], EventBody, str]] = {
    "late": (begun, entry_at(60.2, right(3)), "saved, and by rules and log should be late"),
    "in a pause": (paused_log, entry_at(12, right(3)), "saved, and by rules and log should be refused"),
    "in a pause that is over": (resumed_log, entry_at(14, right(3)), "saved, and by rules and log should be refused"),
    "overtaken": (
        begun,
        entry_at(10, right(1, pair=("c", 1))),
        "saved, and by rules and log should be",
    ),
    "superseded for nothing": (
        begun,
        entry_at(10, right(3, verdict=Verdict.SUPERSEDED)),
        "superseded, and by rules and log should be saved",
    ),
    "another paper's question": (begun, entry_at(10, right(4)), "saved, and by rules and log should be refused"),
    "in time, and late": (
        begun,
        LateAnswered(START + timedelta(minutes=10), (right(3, verdict=Verdict.LATE),)),
        "late, and by rules and log should be saved",
    ),
    "step in a free Test": (begun, Presented(2), "the Test is not linear"),
}


@pytest.mark.parametrize(("make", "body", "said"), BROKEN_RULES.values(), ids=BROKEN_RULES)
def test_p27_entry_that_the_rules_do_not_give_is_named(make: Callable[[], Log], body: EventBody, said: str) -> None:
    log = make()
    log.add(body)
    found = first_break(stored(log, noted=log.state.seq), None)
    assert found is not None
    assert found.place == f"entry {log.state.seq}"
    assert said in found.reason


def test_answer_in_the_last_moment_of_grace_counts() -> None:
    log = begun()
    last = entry_at(60 + 5 / 60, right(3))
    log.add(last)
    record = stored(log, noted=2)
    responses = [replace(r, answered_at=last.arrived_at) if r.question_id == "q_3" else r for r in record.responses]
    assert place(replace(record, responses=responses)) is None


@pytest.mark.parametrize(("positions", "broken"), [((2, 3), None), ((3,), 3), ((2, 2), 4), ((2, 3, 4), 5), ((1,), 3)])
def test_p27_linear_test_presents_one_position_after_the_other(positions: Sequence[int], broken: int | None) -> None:
    log = Log()
    log.add(Started(3, 4, 5, 6, 1, START + timedelta(hours=1), 5, PAPER.digest()))
    log.add(Attached("c_1", "start"))
    for position in positions:
        log.add(Presented(position))
    record = replace(stored(log, noted=2), blueprint=replace(BLUEPRINT, navigation=Navigation.LINEAR))
    assert place(record) == (None if broken is None else f"entry {broken}")


# --- erasure ---


def erased(record: AuditRecord) -> AuditRecord:
    """What is left once the candidate was erased."""
    state = fold(7, record.events)
    body = erasure(state, PAPER, reason="asked for it", by=9)
    assert body is not None
    note = state.next_event(body, START + timedelta(days=400))
    kept = [e if e.type == "erased" else replace(e, payload=None, salt=None) for e in record.events]
    responses = [replace(response, given=CLEARED) for response in record.responses]
    left = replace(record, events=[*kept, note], responses=responses, person_erased=True)
    return with_row(left, head_seq=note.seq, head_hash=note.hash)


def voided_record(*, finished: bool) -> AuditRecord:
    log = begun()
    if finished:
        log.finalize()
    log.add(Voided("wrong room", 9))
    return stored(log, noted=log.state.seq, end=FINALIZED if finished else None)


ENDED: dict[str, Callable[[], AuditRecord]] = {
    "finished": finished_record,
    "voided": lambda: voided_record(finished=False),
    "finished and voided": lambda: voided_record(finished=True),
}


def voided_later(record: AuditRecord) -> AuditRecord:
    """An assessment that was erased, and is voided then."""
    state = fold(7, record.events)
    event = state.next_event(Voided("wrong key", 9), START + timedelta(days=500))
    later = replace(record, events=[*record.events, event])
    return with_row(later, head_seq=event.seq, head_hash=event.hash, status=Status.VOIDED)


@pytest.mark.parametrize("record", ENDED.values(), ids=ENDED)
def test_p27_erased_person_leaves_a_whole_chain(record: Callable[[], AuditRecord]) -> None:
    before = record()
    after = erased(before)
    assert place(after) is None
    assert [event.hash for event in after.events[:-1]] == [event.hash for event in before.events]


def test_what_is_added_after_an_erasure_can_be_erased_too() -> None:
    later = voided_later(erased(finished_record()))
    assert place(later) is None
    again = erased(later)
    assert place(again) is None
    assert [event.seq for event in again.events if event.payload is not None] == [9, 11]


def test_second_erasure_finds_nothing_to_do() -> None:
    assert erasure(fold(7, erased(finished_record()).events), PAPER, reason="again", by=9) is None


def test_open_assessment_cannot_be_erased() -> None:
    with pytest.raises(Conflict):
        erasure(begun().state, PAPER, reason="asked for it", by=9)


@pytest.mark.parametrize("seq", [1, 3, FINALIZED, 8])
def test_p27_missing_payload_is_a_break_without_an_entry_that_tells(seq: int) -> None:
    record = finished_record()
    events = [replace(e, payload=None, salt=None) if e.seq == seq else e for e in record.events]
    assert place(replace(record, events=events)) == f"entry {seq}"


def test_p27_payload_of_the_erasure_itself_must_be_there() -> None:
    record = erased(finished_record())
    gone = replace(record.events[-1], payload=None, salt=None)
    assert place(replace(record, events=[*record.events[:-1], gone])) == "entry 1"


def forged_erasure(record: AuditRecord, **changed: Any) -> AuditRecord:
    """Erased, and the entry that says so made anew with these fields, as who can write to the database could."""
    whole = fold(7, record.events)
    left = erased(record)
    body = erasure(whole, PAPER, reason="asked for it", by=9)
    assert body is not None
    note = whole.next_event(replace(body, **changed), START + timedelta(days=400))
    return with_row(replace(left, events=[*left.events[:-1], note]), head_seq=note.seq, head_hash=note.hash)


FORGED: dict[str, tuple[dict[str, Any], str]] = {
    "names too few": ({"last": 7}, "entry 8"),
    "names what comes later": ({"last": 12}, "entry 9"),
    "another status": ({"status": "voided"}, "entry 9"),
    "no end": ({"ended": None}, "entry 9"),
    "another paper": ({"paper_digest": "0" * 64}, "paper"),
    "another time": ({"time_taken_minutes": 1.5}, "row"),
}


@pytest.mark.parametrize(("changed", "where"), FORGED.values(), ids=FORGED)
def test_p27_forged_erasure_is_found(changed: dict[str, Any], where: str) -> None:
    assert place(forged_erasure(finished_record(), **changed)) == where


def test_p27_erasure_that_erased_nothing_is_found() -> None:
    record, left = finished_record(), erased(finished_record())
    log = fold(7, record.events)
    body = erasure(log, PAPER, reason="asked for it", by=9)
    assert body is not None
    note = log.next_event(body, START)
    kept = replace(left, events=[*record.events, note])
    assert place(with_row(kept, head_seq=note.seq, head_hash=note.hash)) == "entry 1"


def test_p27_erasure_of_an_open_assessment_is_found() -> None:
    log = begun()
    body = erasure(fold(7, voided_record(finished=False).events), PAPER, reason="asked for it", by=9)
    assert body is not None
    log.add(replace(body, last=log.state.seq))
    record = stored(log, noted=log.state.seq)
    events = [e if e.type == "erased" else replace(e, payload=None, salt=None) for e in record.events]
    assert place(replace(record, events=events)) == "entry 7"


def test_p27_entry_about_somebody_who_was_erased_is_found() -> None:
    record = erased(finished_record())
    state = fold(7, record.events)
    event = state.next_event(Attached("c_2", "resume"), START + timedelta(days=500))
    later = replace(record, events=[*record.events, event])
    assert place(with_row(later, head_seq=event.seq, head_hash=event.hash)) == "entry 10"


def test_p27_log_and_person_must_both_be_erased_or_neither() -> None:
    assert place(replace(erased(finished_record()), person_erased=False)) == "entry 9"
    assert place(replace(finished_record(), person_erased=True)) == "row"


LEFT: dict[str, Any] = {
    "given": GivenAnswer("o_1_right"),
    "seq": 2,
}


@pytest.mark.parametrize(("name", "value"), LEFT.items(), ids=LEFT)
def test_p27_answer_that_is_left_behind_an_erasure_is_found(name: str, value: Any) -> None:
    record = erased(finished_record())
    first, *others = record.responses
    assert place(replace(record, responses=[replace(first, **{name: value}), *others])) == "response q_1"


STILL_VOUCHED_FOR = {
    name: value
    for name, value in ROW_CHANGES.items()
    if name not in ("application_id", "user_id", "test_id", "test_version_id", "attempt", "deadline_at")
}


@pytest.mark.parametrize(("name", "value"), STILL_VOUCHED_FOR.items(), ids=STILL_VOUCHED_FOR)
def test_p27_erasure_hides_no_change_of_the_outcome(name: str, value: Any) -> None:
    found = first_break(with_row(erased(finished_record()), **{name: value}), SIGNER.verifies)
    assert found is not None
    assert (found.place, found.reason.split()[1]) == ("row", name)


def test_compliance_record_that_outlived_the_erasure_is_found() -> None:
    assert place(with_row(erased(finished_record()), compliance="{}")) == "compliance"
