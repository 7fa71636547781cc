from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import timedelta

import msgspec
import pytest

from sitting.domain.assessment import AssessmentState, Status, StoredAnswer, fold
from sitting.domain.chain import GENESIS, SealedEvent, seal
from sitting.domain.deadline import UNLIMITED, Schedule
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
    PauseKind,
    Presented,
    SlotQuestion,
    Unpaused,
    Verdict,
    Voided,
    optional_body,
)
from tests.support.replacing import replace
from tests.support.samples import DEADLINE, MICROSECOND, START, Log, finalized, running_log, started

NOW = START + timedelta(minutes=1, microseconds=7)
END_OF_GRACE = DEADLINE + timedelta(seconds=5)


def record(
    question: str = "q_1",
    option: str | None = "o_1a",
    pair: tuple[str | None, int | None] = (None, None),
    verdict: Verdict = Verdict.SAVED,
) -> AnswerRecord:
    return AnswerRecord(question, option, *pair, None, verdict)


def answered(*records: AnswerRecord) -> Answered:
    return Answered(NOW, records)


def late_answered(*records: AnswerRecord) -> LateAnswered:
    return LateAnswered(END_OF_GRACE + MICROSECOND, records)


def log_of(*bodies: EventBody) -> Log:
    """A running log (entries 1 and 2) that goes on with these."""
    log = running_log()
    for body in bodies:
        log.write(body, NOW)
    return log


def test_empty_log_is_an_assessment_that_nothing_has_happened_to() -> None:
    state = fold(42, [])
    assert state == AssessmentState(42)
    assert (state.seq, state.head, state.last_at, state.status) == (0, GENESIS, None, Status.STARTED)
    assert (state.started_at, state.schedule, state.attachment, state.attached) == (None, UNLIMITED, 0, False)


def test_start_sets_the_clock() -> None:
    log = Log()
    log.write(started(DEADLINE, grace_seconds=9), NOW)
    assert log.state.started_at == NOW
    assert log.state.schedule == Schedule(DEADLINE, timedelta(seconds=9))
    assert log.state.status is Status.STARTED


def test_head_number_and_time_are_those_of_the_last_entry() -> None:
    log = log_of(Flagged("q_1", True))
    last = log.events[-1]
    assert (log.state.seq, log.state.head, log.state.last_at) == (3, last.hash, NOW)


def test_next_entry_is_chained_and_counts_only_once_it_is_applied() -> None:
    state = running_log().state
    before = deepcopy(state)
    event = state.next_event(Flagged("q_1", True), NOW)
    assert (event.assessment_id, event.seq, event.type, event.occurred_at) == (42, 3, "flagged", NOW)
    assert event.inner
    assert state == before
    state.apply(event)
    assert state.flags == {"q_1"}


@pytest.mark.parametrize("wrong", [0, 1, 2, 4, 5, -1])
def test_entry_out_of_its_turn_is_refused_and_changes_nothing(wrong: int) -> None:
    log = running_log()
    before = deepcopy(log.state)
    event = replace(log.state.next_event(Flagged("q_1", True), NOW), seq=wrong)
    with pytest.raises(ValueError, match="cannot follow"):
        log.state.apply(event)
    assert log.state == before


def test_log_with_a_hole_does_not_fold() -> None:
    log = log_of(Flagged("q_1", True), Flagged("q_2", True))
    with pytest.raises(ValueError, match="entry 4 cannot follow entry 2"):
        fold(42, [*log.events[:2], log.events[3]])


def test_attachment_is_the_number_of_the_last_attached_entry() -> None:
    log = log_of(Flagged("q_1", True), Attached("c_2", "takeover"))
    assert (log.state.attachment, log.state.attached) == (4, True)


def test_detached_socket_is_detached_only_while_it_holds_the_assessment() -> None:
    log = log_of(Attached("c_2", "takeover"), Detached(2))
    assert (log.state.attachment, log.state.attached) == (3, True)
    log.write(Detached(3), NOW)
    assert (log.state.attachment, log.state.attached) == (3, False)
    log.write(Attached("c_3", "resume"), NOW)
    assert (log.state.attachment, log.state.attached) == (6, True)


def test_first_answer_moves_to_in_progress_and_later_ones_stay_there() -> None:
    log = log_of(answered(record()))
    assert log.state.status is Status.IN_PROGRESS
    log.write(answered(record("q_2", "o_2a")), NOW)
    assert log.state.status is Status.IN_PROGRESS


@pytest.mark.parametrize(
    "body",
    [LateAnswered(NOW, (record(verdict=Verdict.LATE),)), Flagged("q_1", True), IntegrityNoted("paste", None)],
    ids=lambda body: type(body).__name__,
)
def test_nothing_but_an_answer_in_time_moves_to_in_progress(body: EventBody) -> None:
    assert log_of(body).state.status is Status.STARTED


def test_stored_answer_names_its_entry() -> None:
    log = log_of(answered(record(pair=("A", 1))))
    stored = StoredAnswer(record(pair=("A", 1)), 3, NOW, log.events[-1].hash.hex())
    assert log.state.responses == {"q_1": stored}
    assert log.state.answers == {("A", 1): stored}
    assert log.state.last_stored(record(pair=("A", 1))) == stored


def test_answers_without_a_whole_pair_are_not_remembered_as_pairs() -> None:
    log = log_of(answered(record(), record("q_2", pair=("A", None)), record("q_3", pair=(None, 1))))
    assert log.state.answers == {}
    assert set(log.state.responses) == {"q_1", "q_2", "q_3"}


def test_pair_with_number_zero_is_remembered() -> None:
    assert ("A", 0) in log_of(answered(record(pair=("A", 0)))).state.answers


def test_superseded_and_late_answers_are_remembered_and_not_applied() -> None:
    log = log_of(
        answered(record(pair=("A", 2)), record(option="o_1b", pair=("A", 1), verdict=Verdict.SUPERSEDED)),
        late_answered(record(option="o_1c", pair=("A", 3), verdict=Verdict.LATE)),
    )
    assert log.state.responses["q_1"].record.selected_option == "o_1a"
    assert set(log.state.answers) == {("A", 1), ("A", 2), ("A", 3)}
    assert log.state.late_answers == 1


def test_every_answer_of_a_late_entry_counts_as_late() -> None:
    late = late_answered(record(verdict=Verdict.LATE), record("q_2", verdict=Verdict.LATE))
    assert log_of(late, late).state.late_answers == 4


@pytest.mark.parametrize(("behind_grace", "counted"), [(timedelta(0), 0), (MICROSECOND, 1)])
def test_answer_behind_an_early_end_is_not_called_late_while_time_is_left(
    behind_grace: timedelta, counted: int
) -> None:
    kept = LateAnswered(END_OF_GRACE + behind_grace, (record(pair=("A", 1), verdict=Verdict.LATE),))
    state = log_of(finalized(), kept).state
    assert state.late_answers == counted
    assert ("A", 1) in state.answers


def test_cleared_answer_is_a_version_and_no_answered_question() -> None:
    log = log_of(answered(record(), record("q_2", "o_2a")), answered(record(option=None)))
    assert log.state.responses["q_1"].record.selected_option is None
    assert log.state.responses["q_1"].seq == 4
    assert log.state.answered_questions == 1


def test_flags_come_and_go() -> None:
    log = log_of(Flagged("q_1", True), Flagged("q_2", True), Flagged("q_1", False), Flagged("q_3", False))
    assert log.state.flags == {"q_2"}


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.TIMEOUT])
def test_the_end_is_the_end(status: Status) -> None:
    body = finalized(status=status, end_time=NOW)
    log = log_of(answered(record()), body)
    assert log.state.is_over
    assert (log.state.status, log.state.ended) == (status, body)


@pytest.mark.parametrize("status", Status)
def test_only_open_statuses_are_not_over(status: Status) -> None:
    is_open = status in (Status.STARTED, Status.IN_PROGRESS, Status.PAUSED)
    assert AssessmentState(1, status=status).is_over is not is_open


PAUSE = Paused(PauseKind.STAFF, "alarm", 9, NOW, NOW + timedelta(hours=1))
RESUMED = NOW + timedelta(minutes=5)
UNPAUSE = Unpaused(9, RESUMED, DEADLINE + timedelta(minutes=5))


@pytest.mark.parametrize(("before", "status"), [([], Status.STARTED), ([answered(record())], Status.IN_PROGRESS)])
def test_pause_stops_the_clock_and_returns_to_the_status_that_was(before: list[EventBody], status: Status) -> None:
    log = log_of(*before, PAUSE)
    assert (log.state.status, log.state.schedule.deadline_at) == (Status.PAUSED, None)
    assert log.state.schedule.left == DEADLINE - NOW
    assert not log.state.is_over
    log.write(UNPAUSE, RESUMED)
    assert (log.state.status, log.state.schedule.deadline_at) == (status, UNPAUSE.deadline_at)


def test_first_answer_that_is_folded_in_a_pause_counts_behind_it() -> None:
    log = log_of(PAUSE, answered(record()))
    statuses = [log.state.status]
    log.write(UNPAUSE, RESUMED)
    assert [*statuses, log.state.status] == [Status.PAUSED, Status.IN_PROGRESS]


@pytest.mark.parametrize("body", [Extended(60, "slow", 9, None), Credited(60, "outage", None)])
def test_more_time_moves_the_deadline_or_what_is_left(body: EventBody) -> None:
    assert log_of(body).state.schedule.deadline_at == DEADLINE + timedelta(minutes=1)
    assert log_of(PAUSE, body).state.schedule.left == DEADLINE - NOW + timedelta(minutes=1)


@pytest.mark.parametrize("before", [[], [finalized(end_time=NOW)], [PAUSE]])
def test_voided_is_over_and_keeps_its_end_if_it_had_one(before: list[EventBody]) -> None:
    log = log_of(*before, Voided("cheated", 9))
    assert (log.state.status, log.state.is_over) == (Status.VOIDED, True)
    assert log.state.schedule.lasting_pause is None
    assert (log.state.ended is None) == (not any(isinstance(body, Finalized) for body in before))


def test_pause_ends_with_the_assessment() -> None:
    log = log_of(PAUSE, finalized(end_time=RESUMED))
    [pause] = log.state.schedule.pauses
    assert (pause.resumed_at, log.state.schedule.deadline_at) == (RESUMED, None)


ONE_OF_EACH: list[EventBody] = [
    started(),
    Attached("c_1", "start"),
    answered(record(pair=("A", 1)), record("q_2", None, ("A", 2)), record("q_2", "o_2a", ("A", 0), Verdict.SUPERSEDED)),
    Flagged("q_2", True),
    IntegrityNoted("paste", '{"length":12}'),
    Detached(2),
    Attached("c_2", "resume"),
    PAUSE,
    Extended(60, "slow", 9, None),
    Unpaused(None, RESUMED, DEADLINE + timedelta(minutes=6)),
    Credited(60, "outage", DEADLINE + timedelta(minutes=7)),
    Presented(2),
    answered(record("q_2", "o_2b", ("B", 1))),
    finalized(end_time=NOW, reason=EndReason.TIMEOUT, status=Status.TIMEOUT),
    LateAnswered(NOW, (record("q_3", "o_3a", ("B", 2), Verdict.LATE),)),
    Voided("cheated", 9),
    Erased("asked for it", 9, 16, Status.VOIDED, "ab" * 32, None, None),
]


def full_log() -> Log:
    log = Log()
    for number, body in enumerate(ONE_OF_EACH):
        log.write(body, START + timedelta(seconds=number))
    return log


def test_p04_fold_of_the_log_is_the_state_that_grew_with_it() -> None:
    log = full_log()
    assert fold(42, log.events) == log.state


@pytest.mark.parametrize("cut", range(len(ONE_OF_EACH) + 1))
def test_p27_snapshot_and_the_events_behind_it_are_a_fresh_fold(cut: int) -> None:
    log = full_log()
    snapshot = fold(42, log.events[:cut])
    for event in log.events[cut:]:
        snapshot.apply(event)
    assert snapshot == fold(42, log.events) == log.state


def test_every_body_survives_its_stored_form() -> None:
    log = full_log()
    assert [optional_body(event) for event in log.events] == ONE_OF_EACH


def unknown(log: Log) -> SealedEvent:
    state = log.state
    return seal(state.head, state.assessment_id, state.seq + 1, "regraded", NOW, b'{"by":"a newer Sitting"}')


def test_type_that_only_a_newer_version_knows_moves_the_head_and_nothing_else() -> None:
    log = log_of(answered(record()))
    event, before = unknown(log), deepcopy(log.state)
    log.state.apply(event)
    assert optional_body(event) is None
    assert log.state == replace(before, seq=event.seq, head=event.hash, last_at=NOW)


def test_fields_that_only_a_newer_version_knows_are_ignored() -> None:
    log = running_log()
    payload = b'{"question_id":"q_1","flagged":true,"colour":"red"}'
    log.state.apply(seal(log.state.head, 42, 3, "flagged", NOW, payload))
    assert log.state.flags == {"q_1"}


def erased(events: Sequence[SealedEvent]) -> list[SealedEvent]:
    return [replace(event, salt=None, payload=None) for event in events]


def test_erased_log_folds_to_its_number_and_head_and_to_nothing_personal() -> None:
    log = full_log()
    state = fold(42, erased(log.events))
    assert (state.seq, state.head) == (log.state.seq, log.state.head)
    assert (state.responses, state.answers, state.flags, state.ended) == ({}, {}, frozenset(), None)


def test_entry_that_cannot_be_read_changes_nothing() -> None:
    log = running_log()
    before = deepcopy(log.state)
    with pytest.raises(msgspec.DecodeError):
        log.state.apply(seal(log.state.head, 42, 3, "flagged", NOW, b'{"question_id":1}'))
    assert log.state == before


# The stored form of each type, as it is in databases out there.
GOLDEN: list[tuple[EventBody, str, bytes]] = [
    (
        started(),
        "started",
        b'{"accommodation":{"break_minutes":0,"extra_minutes":0,"extra_time_factor":1000},"application_id":3,'
        b'"attempt":1,"deadline_at":"2026-03-02T09:30:00Z","grace_seconds":5,"is_trial":false,"paper_digest":"'
        + b"ab" * 32
        + b'","seed":null,"test_id":7,"test_version_id":11,"user_id":5}',
    ),
    (
        Attached("c_1", "start", "w_1", "n_1"),
        "attached",
        b'{"connection_id":"c_1","how":"start","node_id":"n_1","window_id":"w_1"}',
    ),
    (Detached(2), "detached", b'{"attachment":2}'),
    (
        answered(record(pair=("A", 1))),
        "answered",
        b'{"answers":[{"base_seq":null,"client_id":"A","client_seq":1,"question_id":"q_1","selected_option":"o_1a",'
        b'"selected_options":null,"value":null,"verdict":"saved"}],"arrived_at":"2026-03-02T09:01:00.000007Z"}',
    ),
    (
        LateAnswered(NOW, (record(option=None, verdict=Verdict.LATE),)),
        "late_answer",
        b'{"answers":[{"base_seq":null,"client_id":null,"client_seq":null,"question_id":"q_1","selected_option":null,'
        b'"selected_options":null,"value":null,"verdict":"late"}],"arrived_at":"2026-03-02T09:01:00.000007Z"}',
    ),
    (Flagged("q_1", False), "flagged", b'{"flagged":false,"question_id":"q_1"}'),
    (IntegrityNoted("paste", None), "integrity", b'{"detail":null,"kind":"paste"}'),
    (Presented(2), "presented", b'{"position":2}'),
    (
        Presented(2, SlotQuestion("q_9", "cd" * 32, ("o_b", "o_a"), 0), SlotQuestion("q_2", "ef" * 32, ("o_a",), 1000)),
        "presented",
        b'{"instead_of":{"content_digest":"'
        + b"ef" * 32
        + b'","option_order":["o_a"],"points":1000,"question_id":"q_2"},"position":2,"question":{"content_digest":"'
        + b"cd" * 32
        + b'","option_order":["o_b","o_a"],"points":0,"question_id":"q_9"}}',
    ),
    (
        PAUSE,
        "paused",
        b'{"by":9,"kind":"staff","paused_at":"2026-03-02T09:01:00.000007Z","reason":"alarm",'
        b'"until":"2026-03-02T10:01:00.000007Z"}',
    ),
    (
        Unpaused(None, DEADLINE, None),
        "unpaused",
        b'{"by":null,"deadline_at":null,"resumed_at":"2026-03-02T09:30:00Z"}',
    ),
    (Extended(60, "slow", 9, None), "extended", b'{"by":9,"deadline_at":null,"reason":"slow","seconds":60}'),
    (
        Credited(60, "outage", DEADLINE, NOW, START),
        "credited",
        b'{"deadline_at":"2026-03-02T09:30:00Z","outage_began_at":"2026-03-02T09:01:00.000007Z",'
        b'"outage_ended_at":"2026-03-02T09:00:00Z","reason":"outage","seconds":60}',
    ),
    (
        finalized(by=9, note="alarm"),
        "finalized",
        b'{"answered_questions":1,"by":9,"correct_answers":1,"end_time":"2026-03-02T09:00:00Z","max_score":3000,'
        b'"note":"alarm","passed":false,"percentage_score":33333,"reason":"submitted","status":"completed",'
        b'"total_score":1000}',
    ),
    (Voided("cheated", 9), "voided", b'{"by":9,"reason":"cheated"}'),
    (
        Erased("asked for it", None, 4, "completed", "ab" * 32, finalized(), 12.5, (2, 4)),
        "erased",
        b'{"by":null,"ended":{"answered_questions":1,"by":null,"correct_answers":1,"end_time":"2026-03-02T09:00:00Z",'
        b'"max_score":3000,"note":null,"passed":false,"percentage_score":33333,"reason":"submitted",'
        b'"status":"completed","total_score":1000},"last":4,"paper_digest":"'
        + b"ab" * 32
        + b'","reason":"asked for it","status":"completed","time_taken_minutes":12.5,"written":[2,4]}',
    ),
]
# What the first version stored, with fewer fields.
OLD_FORMS: list[tuple[EventBody, str, bytes]] = [
    (
        started(),
        "started",
        b'{"application_id":3,"attempt":1,"deadline_at":"2026-03-02T09:30:00Z","grace_seconds":5,"paper_digest":"'
        + b"ab" * 32
        + b'","test_id":7,"test_version_id":11,"user_id":5}',
    ),
    (Attached("c_1", "start"), "attached", b'{"connection_id":"c_1","how":"start"}'),
    (Attached("c_1", "start", "w_1"), "attached", b'{"connection_id":"c_1","how":"start","window_id":"w_1"}'),
    (
        Credited(60, "outage", DEADLINE),
        "credited",
        b'{"deadline_at":"2026-03-02T09:30:00Z","reason":"outage","seconds":60}',
    ),
    (Detached(2), "detached", b'{"attachment":2}'),
    (
        answered(record(pair=("A", 1))),
        "answered",
        b'{"answers":[{"base_seq":null,"client_id":"A","client_seq":1,"question_id":"q_1","selected_option":"o_1a",'
        b'"verdict":"saved"}],"arrived_at":"2026-03-02T09:01:00.000007Z"}',
    ),
    (
        LateAnswered(NOW, (record(option=None, verdict=Verdict.LATE),)),
        "late_answer",
        b'{"answers":[{"base_seq":null,"client_id":null,"client_seq":null,"question_id":"q_1","selected_option":null,'
        b'"verdict":"late"}],"arrived_at":"2026-03-02T09:01:00.000007Z"}',
    ),
    (Flagged("q_1", False), "flagged", b'{"flagged":false,"question_id":"q_1"}'),
    (IntegrityNoted("paste", None), "integrity", b'{"detail":null,"kind":"paste"}'),
    (
        finalized(),
        "finalized",
        b'{"answered_questions":1,"correct_answers":1,"end_time":"2026-03-02T09:00:00Z","max_score":3000,'
        b'"passed":false,"percentage_score":33333,"reason":"submitted","status":"completed","total_score":1000}',
    ),
    (
        Erased("asked for it", None, 4, "voided", "ab" * 32, None, None),
        "erased",
        b'{"by":null,"ended":null,"last":4,"paper_digest":"'
        + b"ab" * 32
        + b'","reason":"asked for it","status":"voided","time_taken_minutes":null}',
    ),
]


@pytest.mark.parametrize(("body", "type_", "payload"), GOLDEN, ids=[type_ for _, type_, _ in GOLDEN])
def test_stored_form_of_each_entry_is_pinned_and_still_read(body: EventBody, type_: str, payload: bytes) -> None:
    event = Log().state.next_event(body, START)
    assert (event.type, event.payload) == (type_, payload)
    assert optional_body(event) == body


@pytest.mark.parametrize(("body", "type_", "payload"), OLD_FORMS, ids=[type_ for _, type_, _ in OLD_FORMS])
def test_what_the_first_version_stored_is_still_read(body: EventBody, type_: str, payload: bytes) -> None:
    assert optional_body(seal(GENESIS, 42, 1, type_, START, payload)) == body


def test_every_kind_of_entry_has_its_stored_form_pinned() -> None:
    assert {type(body) for body, _, _ in GOLDEN} == set(EventBody.__args__)


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        (EndReason.SUBMITTED, "submitted"),
        (EndReason.TIMEOUT, "timeout"),
        (EndReason.ABANDONED, "timeout"),
        (EndReason.ENDED_BY_INVIGILATOR, "ended_by_invigilator"),
    ],
)
def test_candidate_is_told_the_reasons_of_the_contract_only(reason: EndReason, word: str) -> None:
    assert reason.on_the_wire == word
