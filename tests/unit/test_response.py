"""The rules of an answer, row by row; `tests/property/test_response_machine.py` holds them against whole histories."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from sitting.domain.answer import CLEARED, GivenAnswer
from sitting.domain.errors import ErrorCode
from sitting.domain.events import Answered, AnswerRecord, LateAnswered, Verdict
from sitting.domain.response import Answer, Judgement, event_body, judge, judge_all, refusal
from tests.support.plain_questions import paper_from
from tests.support.samples import DEADLINE, MICROSECOND, MILLISECOND, START, Log, finalized, paper, running_log

PAPER = paper()
NOW = START + timedelta(minutes=1)
END_OF_GRACE = DEADLINE + timedelta(seconds=5)
DAYS_LATER = DEADLINE + timedelta(days=3)


def answer(
    option: str | None = "o_1a",
    client: str | None = None,
    number: int | None = None,
    base: int | None = None,
    question: str = "q_1",
) -> Answer:
    return Answer(question, option, client, number, base)


def log_with(*answers: Answer) -> Log:
    """A running log that holds these, each as an entry of its own from seq 3 on."""
    log = running_log()
    for each in answers:
        [judgement] = log.submit(PAPER, [each], NOW)
        assert judgement.verdict is Verdict.SAVED
    return log


def judged(log: Log, each: Answer, at: datetime = NOW) -> Judgement:
    return judge(log.state, PAPER, each, at)


def ended_log(*answers: Answer) -> Log:
    log = log_with(*answers)
    log.write(finalized(), NOW)
    return log


# The rule of the contract: superseded if the stored version has the same client_id and a higher client_seq, or another
# client_id and a seq above base_seq.
@pytest.mark.parametrize(
    ("stored", "sent", "verdict"),
    [
        (answer("o_1a", "A", 5), answer("o_1b", "A", 4), Verdict.SUPERSEDED),
        (answer("o_1a", "A", 5), answer("o_1b", "A", 6), Verdict.SAVED),
        (answer("o_1a", "A", 5), answer("o_1b", "A", 4, base=99), Verdict.SUPERSEDED),
        (answer("o_1a", "A", 5), answer("o_1b", "A", 6, base=0), Verdict.SAVED),
        (answer("o_1a", "A", 5), answer("o_1b", "B", 1, base=2), Verdict.SUPERSEDED),
        (answer("o_1a", "A", 5), answer("o_1b", "B", 9, base=2), Verdict.SUPERSEDED),
        (answer("o_1a", "A", 5), answer("o_1b", "B", 1, base=3), Verdict.SAVED),
        (answer("o_1a", "A", 5), answer("o_1b", "B", 1, base=4), Verdict.SAVED),
        (answer("o_1a", "A", 5), answer("o_1b", "B", 1), Verdict.SAVED),
        (answer("o_1a", "A", 5), answer("o_1b", "B", None, base=2), Verdict.SUPERSEDED),
        (answer("o_1a"), answer("o_1b", "B", 1, base=2), Verdict.SUPERSEDED),
        (answer("o_1a"), answer("o_1b", "B", 1, base=3), Verdict.SAVED),
        (answer("o_1a", "A", 5), answer("o_1b"), Verdict.SAVED),
        (answer("o_1a"), answer("o_1b"), Verdict.SAVED),
        (answer(None, "A", 5), answer("o_1b", "A", 4), Verdict.SUPERSEDED),
        (answer(None, "A", 5), answer("o_1b", "B", 1, base=2), Verdict.SUPERSEDED),
        (answer("o_1a", "A", 5), answer(None, "A", 4), Verdict.SUPERSEDED),
        (answer("o_1a", "A", 5), answer(None, "A", 6), Verdict.SAVED),
        (answer("o_1a", "A", 5), answer("o_2a", "A", 4, question="q_2"), Verdict.SAVED),
        (answer("o_1a", "A", 5), answer("o_2a", "B", 1, base=0, question="q_2"), Verdict.SAVED),
        (answer("o_1a", "A", 0), answer("o_1b", "A", 1), Verdict.SAVED),
        (answer("o_1a", "A", 1), answer("o_1b", "A", 0), Verdict.SUPERSEDED),
    ],
    ids=[
        "same client, lower number",
        "same client, higher number",
        "same client, lower number, whatever the base",
        "same client, higher number, over an old base",
        "other client, older base",
        "other client, older base, higher number",
        "other client, the stored version is its base",
        "other client, newer base",
        "other client without base",
        "other client without number, older base",
        "over an answer without client, older base",
        "over an answer without client, which is its base",
        "without client over one with",
        "without client over one without",
        "over a cleared one, lower number",
        "over a cleared one, older base",
        "clearing, lower number",
        "clearing, higher number",
        "other question, lower number",
        "other question, older base",
        "numbers begin at 0",
        "number 0 is a number",
    ],
)
def test_p05_answer_against_the_stored_version(stored: Answer, sent: Answer, verdict: Verdict) -> None:
    log = log_with(stored)
    assert log.state.seq == 3
    result = judged(log, sent)
    assert result.verdict is verdict
    assert result.record is not None
    assert result.record.verdict is verdict


def test_superseded_answer_is_kept_in_the_log_and_not_applied() -> None:
    log = log_with(answer("o_1a", "A", 5))
    log.submit(PAPER, [answer("o_1b", "A", 4)], NOW)
    assert log.state.seq == 4
    assert log.state.responses["q_1"].record.selected_option == "o_1a"
    assert log.state.answers["A", 4].record.selected_option == "o_1b"


def test_superseded_answer_does_not_become_the_base_of_others() -> None:
    """The stored version is that of entry 3; what was only kept in entry 4 takes no part."""
    log = log_with(answer("o_1a", "A", 5))
    log.submit(PAPER, [answer("o_1b", "A", 4)], NOW)
    assert judged(log, answer("o_1c", "B", 1, base=3)).verdict is Verdict.SAVED


def test_p06_resend_is_a_duplicate_of_what_was_stored() -> None:
    log = log_with(answer("o_1a", "A", 5))
    first = log.state.answers["A", 5]
    log.submit(PAPER, [answer("o_1b", "A", 6)], NOW)
    result = judged(log, answer("o_1a", "A", 5))
    assert (result.verdict, result.stored, result.record) == (Verdict.DUPLICATE, first, None)


@pytest.mark.parametrize("at", [NOW, END_OF_GRACE + MILLISECOND, DAYS_LATER])
def test_p06_resend_is_a_duplicate_at_any_time_and_after_the_end(at: datetime) -> None:
    log = ended_log(answer("o_1a", "A", 5))
    result = judged(log, answer("o_1a", "A", 5), at)
    assert result.verdict is Verdict.DUPLICATE
    assert result.stored == log.state.answers["A", 5]
    assert refusal(log.state.answers["A", 5].record.verdict, log.state, question_id="q_1") is None


def test_resend_with_another_base_is_a_duplicate_all_the_same() -> None:
    log = log_with(answer("o_1a", "A", 5, base=0))
    assert judged(log, answer("o_1a", "A", 5, base=3)).verdict is Verdict.DUPLICATE


def test_resend_by_text_of_what_was_sent_by_id_is_a_duplicate() -> None:
    log = log_with(answer("o_1a", "A", 5))
    assert judged(log, answer("choice a of 1", "A", 5)).verdict is Verdict.DUPLICATE


def test_resend_of_what_was_late_is_a_duplicate_that_still_does_not_count() -> None:
    log = running_log()
    log.submit(PAPER, [answer("o_1a", "A", 5)], END_OF_GRACE + MILLISECOND)
    result = judged(log, answer("o_1a", "A", 5), NOW)
    assert result.verdict is Verdict.DUPLICATE
    assert result.stored is not None
    assert result.stored.record.verdict is Verdict.LATE


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize(
    "other",
    [answer("o_1b", "A", 5), answer(None, "A", 5), answer("o_2a", "A", 5, question="q_2")],
    ids=["option", "cleared", "question"],
)
def test_p06_used_pair_with_another_payload_is_refused(other: Answer, ended: bool) -> None:
    log = (ended_log if ended else log_with)(answer("o_1a", "A", 5))
    result = judged(log, other)
    assert result.verdict is Verdict.REFUSED
    assert result.record is None
    assert result.error is not None
    assert result.error.code == ErrorCode.CLIENT_SEQ_CONFLICT
    assert result.error.details == {"client_id": "A", "client_seq": 5}


def test_pair_of_one_client_is_not_the_pair_of_another() -> None:
    log = log_with(answer("o_1a", "A", 5))
    assert judged(log, answer("o_1b", "B", 5)).verdict is Verdict.SAVED


@pytest.mark.parametrize("half", [answer("o_1a", "A", None), answer("o_1a", None, 5), answer("o_1a")])
def test_answer_without_both_halves_of_the_pair_is_new_each_time(half: Answer) -> None:
    log = log_with(half)
    assert judged(log, half).verdict is Verdict.SAVED
    assert log.state.answers == {}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (answer(question="q_9"), ErrorCode.QUESTION_NOT_FOUND),
        (answer("o_2a"), ErrorCode.INVALID_ANSWER),
        (answer("choice a of 2"), ErrorCode.INVALID_ANSWER),
        (answer(""), ErrorCode.INVALID_ANSWER),
    ],
)
@pytest.mark.parametrize("at", [NOW, DAYS_LATER])
def test_what_is_no_answer_is_refused_and_leaves_no_trace(wrong: Answer, code: ErrorCode, at: datetime) -> None:
    result = judged(running_log(), wrong, at)
    assert (result.verdict, result.record, result.stored) == (Verdict.REFUSED, None, None)
    assert result.error is not None
    assert result.error.code == code
    assert event_body([result], at) is None


def test_text_of_an_option_is_kept_as_its_id() -> None:
    result = judged(running_log(), answer("choice c of 1", "A", 1, base=0))
    assert result.record == AnswerRecord("q_1", "o_1c", "A", 1, 0, Verdict.SAVED)


@pytest.mark.parametrize("step", [MILLISECOND, MICROSECOND])
def test_p15_arrival_decides_to_the_instant(step: timedelta) -> None:
    log = running_log()
    assert judged(log, answer(), END_OF_GRACE - step).verdict is Verdict.SAVED
    assert judged(log, answer(), END_OF_GRACE).verdict is Verdict.SAVED
    late = judged(log, answer(), END_OF_GRACE + step)
    assert late.verdict is Verdict.LATE
    assert late.record is not None
    assert late.record.verdict is Verdict.LATE


def test_untimed_assessment_knows_no_late_answers() -> None:
    assert judged(running_log(deadline_at=None), answer(), DAYS_LATER).verdict is Verdict.SAVED


def test_p14_new_answer_behind_the_end_is_late_though_time_is_left() -> None:
    log = ended_log(answer("o_1a", "A", 5))
    assert judged(log, answer("o_1b", "A", 6)).verdict is Verdict.LATE
    log.submit(PAPER, [answer("o_1b", "A", 6)], NOW)
    assert log.state.responses["q_1"].record.selected_option == "o_1a"


def test_late_is_said_before_superseded() -> None:
    log = log_with(answer("o_1a", "A", 5))
    assert judged(log, answer("o_1b", "A", 4), END_OF_GRACE + MILLISECOND).verdict is Verdict.LATE


@pytest.mark.parametrize(
    ("verdict", "ended", "code"),
    [
        (Verdict.SAVED, False, None),
        (Verdict.SAVED, True, None),
        (Verdict.SUPERSEDED, False, ErrorCode.ANSWER_SUPERSEDED),
        (Verdict.SUPERSEDED, True, ErrorCode.ANSWER_SUPERSEDED),
        (Verdict.LATE, False, ErrorCode.DEADLINE_PASSED),
        (Verdict.LATE, True, ErrorCode.ASSESSMENT_OVER),
    ],
)
def test_answer_that_does_not_count_is_told_so(verdict: Verdict, ended: bool, code: ErrorCode | None) -> None:
    log = (ended_log if ended else log_with)(answer("o_1a", "A", 5))
    error = refusal(verdict, log.state, question_id="q_1")
    assert (error.code if error else None) == code
    if error is not None:
        assert error.details["question_id"] == "q_1"
        assert not error.retryable


@pytest.mark.parametrize("current", ["o_1a", None])
def test_superseded_answer_is_told_what_is_stored_instead(current: str | None) -> None:
    log = log_with(answer(current, "A", 5), answer("o_2a", "A", 6, question="q_2"))
    error = refusal(Verdict.SUPERSEDED, log.state, question_id="q_1")
    assert error is not None
    nothing = {"selected_options": None, "value": None}
    assert error.details == {"question_id": "q_1", "seq": 3, "selected_option": current} | nothing


def verdicts(log: Log, *answers: Answer, at: datetime = NOW) -> list[Verdict]:
    return [judgement.verdict for judgement in judge_all(log.state, PAPER, answers, at)]


SAVED, DUPLICATE, SUPERSEDED, REFUSED = Verdict.SAVED, Verdict.DUPLICATE, Verdict.SUPERSEDED, Verdict.REFUSED


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([answer("o_1a", "A", 1), answer("o_2a", "A", 2, question="q_2")], [SAVED, SAVED]),
        ([answer("o_1a", "A", 1), answer("o_1b", "A", 2)], [SUPERSEDED, SAVED]),
        ([answer("o_1a", "A", 2), answer("o_1b", "A", 1)], [SAVED, SUPERSEDED]),
        ([answer("o_1a", "A", 1), answer("o_1b", "A", 3), answer("o_1c", "A", 2)], [SUPERSEDED, SAVED, SUPERSEDED]),
        ([answer("o_1a", "A", 1), answer(None, "A", 2)], [SUPERSEDED, SAVED]),
        ([answer("o_1a", "A", 1), answer("o_1a", "A", 1)], [SAVED, DUPLICATE]),
        ([answer("o_1a", "A", 1), answer("choice a of 1", "A", 1)], [SAVED, DUPLICATE]),
        ([answer("o_1a", "A", 1), answer("o_1b", "A", 1)], [SAVED, REFUSED]),
        ([answer("o_1a", "A", 1), answer("o_1b", "A", 1), answer("o_1a", "A", 1)], [SAVED, REFUSED, DUPLICATE]),
        ([answer("o_9", "A", 1), answer("o_1b", "A", 1)], [REFUSED, SAVED]),
        ([answer("o_9", "A", 1), answer("o_2a", "A", 1, question="q_2")], [REFUSED, SAVED]),
        ([answer("o_1a", "A", 1), answer("o_9", "A", 1)], [SAVED, REFUSED]),
        ([answer("o_1a"), answer("o_1b"), answer("o_1b")], [SUPERSEDED, SUPERSEDED, SAVED]),
        ([answer("o_1a", "A", 9), answer("o_1b", "B", 1)], [SUPERSEDED, SAVED]),
        ([answer("o_1a", "A", 1), answer("o_1b", "B", 9, base=2)], [SAVED, SUPERSEDED]),
        ([answer("o_1a", "A", 9), answer("o_1b", "A", None)], [SAVED, SUPERSEDED]),
        ([], []),
    ],
)
def test_list_is_judged_as_if_what_stands_before_were_stored(answers: list[Answer], expected: list[Verdict]) -> None:
    assert verdicts(running_log(), *answers) == expected


def test_pair_that_is_stored_keeps_its_ack_beside_a_conflicting_one_in_the_same_list() -> None:
    log = log_with(answer("o_1a", "A", 1))
    assert verdicts(log, answer("o_1b", "A", 1), answer("o_1a", "A", 1)) == [REFUSED, DUPLICATE]


def test_each_verdict_of_a_list_belongs_to_the_answer_at_its_place() -> None:
    sent = [
        answer("o_9", "A", 1),
        answer("o_2a", "A", 1, question="q_2"),
        answer("o_2a", "A", 1, question="q_2"),
        answer("o_3a", question="q_3"),
    ]
    judgements = judge_all(running_log().state, PAPER, sent, NOW)
    assert [judgement.answer for judgement in judgements] == sent


def test_list_says_of_each_superseded_answer_in_the_log_that_it_is() -> None:
    log = running_log()
    log.submit(PAPER, [answer("o_1a", "A", 1), answer("o_1b", "A", 2)], NOW)
    assert log.state.answers["A", 1].record.verdict is SUPERSEDED
    assert log.state.answers["A", 2].record.verdict is SAVED
    assert log.state.responses["q_1"].record.selected_option == "o_1b"


def test_list_with_stored_and_new_answers_keeps_only_the_new_ones() -> None:
    log = log_with(answer("o_1a", "A", 1), answer("o_1b", "A", 3))
    sent = [answer("o_1a", "A", 1), answer("o_1c", "A", 2), answer("o_2a", "A", 4, question="q_2")]
    judgements = log.submit(PAPER, sent, NOW)
    assert [judgement.verdict for judgement in judgements] == [DUPLICATE, SUPERSEDED, SAVED]
    assert log.state.seq == 5
    assert log.state.responses["q_1"].record.selected_option == "o_1b"
    assert log.state.responses["q_2"].record.selected_option == "o_2a"


def test_late_list_is_kept_whole_and_changes_nothing() -> None:
    log = log_with(answer("o_1a", "A", 1))
    sent = [answer("o_1b", "A", 2), answer("o_1c", "A", 3), answer("o_1c", "A", 3), answer("o_1a", "A", 1)]
    judgements = log.submit(PAPER, sent, END_OF_GRACE + MILLISECOND)
    assert [j.verdict for j in judgements] == [Verdict.LATE, Verdict.LATE, DUPLICATE, DUPLICATE]
    assert log.state.late_answers == 2
    assert log.state.responses["q_1"].record.selected_option == "o_1a"


def test_answers_of_one_frame_are_one_entry_with_their_arrival() -> None:
    log = running_log()
    judgements = judge_all(log.state, PAPER, [answer("o_1a", "A", 1), answer("o_2b", "A", 2, question="q_2")], NOW)
    assert event_body(judgements, NOW) == Answered(
        NOW,
        (
            AnswerRecord("q_1", "o_1a", "A", 1, None, SAVED),
            AnswerRecord("q_2", "o_2b", "A", 2, None, SAVED),
        ),
    )


def test_late_answers_are_an_entry_of_another_type() -> None:
    log, at = running_log(), END_OF_GRACE + MILLISECOND
    judgements = judge_all(log.state, PAPER, [answer("o_1a", "A", 1)], at)
    assert event_body(judgements, at) == LateAnswered(at, (AnswerRecord("q_1", "o_1a", "A", 1, None, Verdict.LATE),))


def test_duplicates_and_refusals_leave_no_entry() -> None:
    log = log_with(answer("o_1a", "A", 1))
    judgements = judge_all(log.state, PAPER, [answer("o_1a", "A", 1), answer("o_9", "A", 2)], NOW)
    assert event_body(judgements, NOW) is None


def test_delayed_answer_never_replaces_what_another_device_saved_over_its_clients_newer_one() -> None:
    log = log_with(answer("o_1a", "A", 2), answer("o_1b", "B", 1))
    assert verdicts(log, answer("o_1c", "A", 1)) == [SUPERSEDED]
    assert verdicts(log, answer("o_1c", "A", 3)) == [SAVED]


# --- answers to questions of other kinds than single choice ---

OTHER_KINDS = paper_from(
    [
        {"type": "multiple_response", "options": ["o_a", "o_b", "o_c"], "right": ["o_a", "o_b"]},
        {"type": "numeric", "numbers": [{"value": "1.5"}]},
        {"type": "short_text", "accepted": [{"text": "x"}]},
    ]
)


def several(*options: str, number: int = 1) -> Answer:
    return Answer("q_1", None, "A", number, None, options)


def typed(value: str, number: int = 1, question: str = "q_2") -> Answer:
    return Answer(question, None, "A", number, None, None, value)


@pytest.mark.parametrize(
    ("sent", "again", "verdict"),
    [
        (several("o_a", "o_b"), several("o_b", "text o_a"), Verdict.DUPLICATE),
        (several("o_a", "o_b"), several("o_a"), Verdict.REFUSED),
        (several(), several(), Verdict.DUPLICATE),
        (several("o_a"), Answer("q_1", "o_a", "A", 1), Verdict.DUPLICATE),
        (typed("1,5"), typed("1,5"), Verdict.DUPLICATE),
        (typed("1,5"), typed("1.5"), Verdict.REFUSED),
        (typed("x", question="q_3"), Answer("q_3", "x", "A", 1), Verdict.DUPLICATE),
        (typed(" ", question="q_3"), typed("", question="q_3"), Verdict.DUPLICATE),
        (typed("1"), typed("2", number=2), Verdict.SAVED),
        (several("o_a", number=2), several("o_b", number=1), Verdict.SUPERSEDED),
    ],
)
def test_p06_resend_of_any_kind_is_recognised_by_its_stored_form(sent: Answer, again: Answer, verdict: Verdict) -> None:
    log = running_log()
    [first] = log.submit(OTHER_KINDS, [sent], NOW)
    assert first.verdict is Verdict.SAVED
    assert judge(log.state, OTHER_KINDS, again, NOW).verdict is verdict


def test_log_keeps_each_kind_of_answer_in_its_own_field() -> None:
    log = running_log()
    log.submit(OTHER_KINDS, [several("o_c", "o_a"), typed(" 1,5", number=2)], NOW)
    assert {id_: stored.record.given for id_, stored in log.state.responses.items()} == {
        "q_1": GivenAnswer(selected_options=("o_a", "o_c")),
        "q_2": GivenAnswer(value=" 1,5"),
    }
    log.submit(OTHER_KINDS, [several(number=3), typed("", number=4)], NOW)
    assert [stored.record.given for stored in log.state.responses.values()] == [CLEARED, CLEARED]
    assert log.state.answered_questions == 0


def test_number_that_cannot_be_read_is_refused_at_once_and_leaves_no_trace() -> None:
    log = running_log()
    [judgement] = log.submit(OTHER_KINDS, [typed("about 1.5")], NOW)
    assert (judgement.verdict, judgement.record) == (Verdict.REFUSED, None)
    assert judgement.error is not None
    assert judgement.error.details == {"question_id": "q_2", "reason": "it takes a number"}
    assert log.state.seq == 2


def test_superseded_answer_of_any_kind_is_told_what_is_stored_instead() -> None:
    log = running_log()
    log.submit(OTHER_KINDS, [several("o_a", number=1), typed("1.5", number=2)], NOW)
    told = [refusal(Verdict.SUPERSEDED, log.state, question_id=id_) for id_ in ("q_1", "q_2")]
    assert [error and error.details for error in told] == [
        {"question_id": "q_1", "seq": 3, "selected_option": None, "selected_options": ("o_a",), "value": None},
        {"question_id": "q_2", "seq": 3, "selected_option": None, "selected_options": None, "value": "1.5"},
    ]
