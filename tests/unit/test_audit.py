"""Whatever is changed in a log, or in what was derived from it, the audit names the place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sitting.domain.answer import GivenAnswer
from sitting.domain.assessment import Status
from sitting.domain.audit import AuditRecord, ResponseRecord, first_break
from sitting.domain.chain import SealedEvent, inner_digest, seal
from sitting.domain.events import (
    Started,
)
from sitting.domain.paper import Paper
from tests.support.audit_records import (
    FINALIZED,
    PAPER,
    ROW_CHANGES,
    SIGNER,
    START,
    Log,
    begun,
    finished_record,
    forged,
    open_record,
    place,
    stored,
    with_row,
)
from tests.support.replacing import replace


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
    said = "answer" if name == "given" else name
    assert (found.place, found.reason.split()[1]) == ("response q_1", said)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (GivenAnswer("o_1_wrong"), "its answer is o_1_wrong, and by"),
        (GivenAnswer(selected_options=("o_b", "o_c")), "its answer is o_b, o_c, and by"),
        (GivenAnswer(selected_options=()), "its answer is no option, and by"),
        (GivenAnswer(value="4 m"), "its answer is 4 m, and by"),
        (GivenAnswer(), "its answer is nothing, and by"),
    ],
)
def test_changed_answer_is_told_in_words(given: GivenAnswer, said: str) -> None:
    record = finished_record()
    first, *others = record.responses
    found = first_break(replace(record, responses=[replace(first, given=given), *others]), SIGNER.verifies)
    assert found is not None
    assert found.reason.startswith(said)


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
