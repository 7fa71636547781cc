from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from sitting.domain.assessment import Status
from sitting.domain.blueprint import ResultsPolicy, SkillRule
from sitting.domain.errors import ErrorCode, SittingError
from sitting.domain.events import EndReason, Flagged
from sitting.domain.live import (
    LiveAssessment,
    completed_message,
    own_results_of,
    progress,
    receipt_of,
    recovered_message,
    results_of,
    score_of,
    started_message,
)
from sitting.domain.messages import Acknowledgement, CurrentResponse, OutlineItem
from sitting.domain.paper import Paper
from sitting.domain.priority import Priority
from sitting.domain.response import Answer
from sitting.domain.results import SkillResult
from tests.support.samples import (
    DEADLINE,
    MICROSECOND,
    START,
    Log,
    finalized,
    live,
    paper,
    running_log,
    slot,
)
from tests.support.samples import blueprint as rules

PAPER = paper(1000, 2000, 3000)
NOW = START + timedelta(minutes=10)
END = START + timedelta(minutes=12)
SIGNED = {"receipt_seq": 5, "receipt_head": bytes(32), "receipt_signature": "c2ln", "receipt_key_id": "k"}


def answered_log(**selections: str | None) -> Log:
    """A running log with one entry for each answer, from seq 3 on."""
    log = running_log()
    for question_id, option in selections.items():
        log.submit(PAPER, [Answer(question_id, option)], NOW)
    return log


def at_work(**selections: str | None) -> LiveAssessment:
    return live(answered_log(**selections), PAPER, max_score=6000)


def ended(reason: EndReason = EndReason.SUBMITTED, **selections: str | None) -> LiveAssessment:
    """An assessment that ended after 12 minutes, with the row that belongs to it."""
    log = answered_log(**selections)
    score = score_of(live(log, PAPER))
    status = Status.COMPLETED if reason is EndReason.SUBMITTED else Status.TIMEOUT
    body = finalized(
        status=status,
        reason=reason,
        end_time=END,
        total_score=score.total,
        max_score=score.maximum,
        percentage_score=score.percentage,
        passed=True,
        correct_answers=score.correct_answers,
        answered_questions=score.answered_questions,
    )
    log.write(body, END)
    return live(log, PAPER, None, status=status, max_score=6000, time_taken_minutes=12.0, end_time=END, **SIGNED)


@pytest.mark.parametrize(
    ("selections", "following", "shown"),
    [
        ({}, "q_1", "q_1"),
        ({"q_1": "o_1b"}, "q_2", "q_2"),
        ({"q_2": "o_2a"}, "q_1", "q_1"),
        ({"q_1": "o_1a", "q_3": "o_3a"}, "q_2", "q_2"),
        ({"q_1": "o_1a", "q_2": "o_2a", "q_3": "o_3a"}, None, "q_3"),
    ],
)
def test_candidate_goes_on_at_the_first_unanswered_question(
    selections: dict[str, str], following: str | None, shown: str
) -> None:
    assessment = at_work(**selections)
    next_one = assessment.next_unanswered()
    assert (next_one.question_id if next_one else None) == following
    assert assessment.question_to_show().question_id == shown


def test_cleared_question_is_unanswered_again() -> None:
    log = answered_log(q_1="o_1a", q_2="o_2a", q_3="o_3a")
    log.submit(PAPER, [Answer("q_2", None)], NOW)
    assessment = live(log, PAPER)
    assert assessment.question_to_show().question_id == "q_2"
    assert [item.state for item in started_message(assessment, NOW, recovered=True).outline] == [
        "answered",
        "unanswered",
        "answered",
    ]


@pytest.mark.parametrize(
    ("now", "code"), [(START, None), (DEADLINE, None), (DEADLINE + MICROSECOND, ErrorCode.DEADLINE_PASSED)]
)
def test_questions_are_delivered_until_the_deadline_and_not_in_the_grace(now: datetime, code: ErrorCode | None) -> None:
    assert refusal_to_deliver(at_work(), now) == code


def test_no_question_is_delivered_behind_the_end() -> None:
    assert refusal_to_deliver(ended(), NOW) == ErrorCode.ASSESSMENT_OVER


def refusal_to_deliver(assessment: LiveAssessment, now: datetime) -> str | None:
    try:
        assert assessment.deliver(PAPER.questions[0], now) is PAPER.questions[0]
    except SittingError as error:
        return error.code
    return None


def test_started_message_says_where_everything_stands() -> None:
    message = started_message(at_work(q_2="o_2c"), NOW, recovered=False)
    assert (message.assessment_id, message.test_id, message.application_id, message.attempt) == (42, 7, 3, 1)
    assert (message.test_name, message.total_questions, message.time_limit_minutes) == ("Sample", 3, 30)
    assert (message.started_at, message.deadline_at, message.remaining_seconds) == (START, DEADLINE, 1200.0)
    assert (message.navigation, message.grace_seconds, message.attachment) == ("free", 5, 2)
    assert message.recovered is False
    assert message.outline == (
        OutlineItem("q_1", 1, "main", "python", 1.0, "unanswered"),
        OutlineItem("q_2", 2, "main", "python", 2.0, "answered"),
        OutlineItem("q_3", 3, "main", "python", 3.0, "unanswered"),
    )


def test_snapshot_holds_the_stored_answers_cleared_ones_included() -> None:
    log = answered_log(q_3="o_3a", q_1="choice b of 1")
    log.submit(PAPER, [Answer("q_3", None)], NOW + MICROSECOND)
    message = recovered_message(live(log, PAPER), NOW)
    assert message.responses == (
        CurrentResponse("q_1", "o_1b", None, None, 4, NOW),
        CurrentResponse("q_3", None, None, None, 5, NOW + MICROSECOND),
    )
    assert (message.recovered, message.position, message.status) == (True, 2, "in_progress")
    assert (message.results, message.reason, message.receipt, message.time_credits) == (None, None, None, ())


def test_snapshot_holds_flags_in_the_order_of_the_paper_and_the_fate_of_pending_answers() -> None:
    log = running_log()
    for question_id in ("q_3", "q_1"):
        log.write(Flagged(question_id, True), NOW)
    fate = Acknowledgement("q_1", "A", 1, "late", code="deadline_passed")
    message = recovered_message(live(log, PAPER), NOW, [fate])
    assert message.flags == ("q_1", "q_3")
    assert message.acknowledged == (fate,)


def test_snapshot_of_an_assessment_that_is_over_carries_its_results() -> None:
    assessment = ended(q_1="o_1a")
    message = recovered_message(assessment, END)
    assert message.status == "completed"
    assert message.results == results_of(assessment)
    assert (message.reason, message.receipt) == ("submitted", receipt_of(assessment.assessment))


def test_no_time_remains_once_it_is_over() -> None:
    assessment = ended(q_1="o_1a")
    assert progress(assessment, NOW).remaining_seconds == 0.0
    assert recovered_message(assessment, NOW).remaining_seconds == 0.0
    assert at_work().remaining_seconds(NOW) == 1200.0


def test_untimed_assessment_has_no_remaining_time_even_when_it_is_over() -> None:
    log = running_log(deadline_at=None)
    log.write(finalized(), END)
    assert live(log).remaining_seconds(NOW) is None


def test_progress_counts_answered_and_flagged_questions() -> None:
    log = answered_log(q_1="o_1a", q_2="o_2a")
    log.write(Flagged("q_3", True), NOW)
    log.submit(PAPER, [Answer("q_1", None)], NOW)
    update = progress(live(log, PAPER), NOW)
    assert (update.total_questions, update.answered_questions, update.flagged_questions) == (3, 1, 1)
    assert (update.percentage_complete, update.remaining_seconds) == (33.3, 1200.0)


def test_results_of_an_open_assessment_give_nothing_away() -> None:
    results = results_of(at_work(q_1="o_1a", q_2="o_2b"))
    assert (results.status, results.answered_questions, results.max_score) == ("in_progress", 2, 6.0)
    hidden = (
        results.total_score,
        results.percentage_score,
        results.passed,
        results.correct_answers,
        results.end_time,
        results.time_taken_minutes,
        results.scheduler_compliance,
    )
    assert hidden == (None,) * 7
    assert results.skills == ()


def test_results_are_in_points_and_percent() -> None:
    results = results_of(ended(q_1="o_1a", q_2="o_2b"))
    assert (results.assessment_id, results.test_id, results.user_id, results.application_id) == (42, 7, 5, 3)
    assert (results.attempt, results.status) == (1, "completed")
    assert (results.total_score, results.max_score, results.percentage_score) == (1.0, 6.0, 16.667)
    assert (results.passed, results.total_questions, results.answered_questions, results.correct_answers) == (
        True,
        3,
        2,
        1,
    )
    assert (results.started_at, results.end_time, results.time_taken_minutes) == (START, END, 12.0)
    assert results.scheduler_compliance is not None
    assert results.scheduler_compliance.notes == "Completed in 12 minutes"


def test_results_count_late_answers_that_came_behind_the_end() -> None:
    assessment = ended(q_1="o_1a")
    log = Log()
    log.state = assessment.state
    log.submit(PAPER, [Answer("q_1", "o_1c")], END)
    log.submit(PAPER, [Answer("q_2", "o_2a"), Answer("q_3", "o_3a")], DEADLINE + timedelta(days=1))
    results = results_of(assessment)
    assert results.scheduler_compliance is not None
    assert results.scheduler_compliance.late_answers == 2
    assert (results.total_score, results.answered_questions) == (1.0, 1)


def test_each_skill_is_scored_by_its_points_and_in_the_order_of_the_paper() -> None:
    skills: list[dict[str, Any]] = [{"skill": "sql"}, {"skill": "git"}, {"skill": "sql"}]
    questions = Paper(tuple(slot(n, points=1000 * n, **changes) for n, changes in enumerate(skills, start=1)))
    log = running_log()
    log.submit(questions, [Answer("q_1", "o_1b"), Answer("q_3", "o_3a")], NOW)
    log.write(finalized(), END)
    assert results_of(live(log, questions)).skills == (
        SkillResult("sql", None, 2, 1, 75.0),
        SkillResult("git", None, 1, 0, 0.0),
    )


@pytest.mark.parametrize(
    ("reason", "word"),
    [(EndReason.SUBMITTED, "submitted"), (EndReason.TIMEOUT, "timeout"), (EndReason.ABANDONED, "timeout")],
)
def test_end_is_told_with_reason_results_and_receipt(reason: EndReason, word: str) -> None:
    assessment = ended(reason, q_1="o_1a")
    message = completed_message(assessment)
    assert message.reason == word
    assert message.results == results_of(assessment)
    assert (message.receipt.assessment_id, message.receipt.seq, message.receipt.head) == (42, 5, "00" * 32)


STATUS_FIELDS = {
    *("assessment_id", "status", "test_id", "user_id", "application_id", "attempt", "started_at", "end_time"),
    *("time_taken_minutes", "total_questions", "generated_questions", "answered_questions", "scheduler_compliance"),
}
SCORE_FIELDS = STATUS_FIELDS | {"total_score", "max_score", "percentage_score", "passed"}
SHOWN = {
    ResultsPolicy.NOTHING: {"assessment_id", "status"},
    ResultsPolicy.STATUS: STATUS_FIELDS,
    ResultsPolicy.SCORE: SCORE_FIELDS,
    ResultsPolicy.FULL: SCORE_FIELDS | {"correct_answers", "skills"},
}


@pytest.mark.parametrize(("policy", "fields"), SHOWN.items())
def test_candidate_is_told_what_the_results_policy_shows_and_the_rest_is_absent(
    policy: ResultsPolicy, fields: set[str]
) -> None:
    assessment = ended(q_1="o_1a")
    assessment.blueprint = rules(results=policy)
    everything = msgspec.to_builtins(results_of(assessment))
    assert everything.keys() == SHOWN[ResultsPolicy.FULL]
    expected = {name: everything[name] for name in fields}
    for message in (completed_message(assessment), recovered_message(assessment, END)):
        told = msgspec.json.decode(msgspec.json.encode(message))["results"]
        assert told.keys() == fields
        assert msgspec.to_builtins(message.results) == expected
    assert msgspec.to_builtins(own_results_of(assessment)) == expected


def test_priority_of_a_skill_is_told_where_the_test_sets_one() -> None:
    assessment = ended(q_1="o_1a")
    assessment.blueprint = rules(skills=(SkillRule("python", Priority.HIGH, 100_000),))
    assert results_of(assessment).skills == (SkillResult("python", "H", 3, 1, 16.667),)


def test_p13_score_is_that_of_the_stored_answers_alone() -> None:
    log = answered_log(q_1="o_1b")
    log.submit(PAPER, [Answer("q_1", "o_1a", "A", 2), Answer("q_1", "o_1c", "A", 1)], NOW)
    log.submit(PAPER, [Answer("q_2", "o_2a")], DEADLINE + timedelta(seconds=6))
    assert (score_of(live(log, PAPER)).total, score_of(live(log, PAPER)).answered_questions) == (1000, 1)
