"""What a linear Test and feedback after each answer mean for the verdict on an answer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sitting.domain.blueprint import Blueprint, FeedbackPolicy, Navigation
from sitting.domain.errors import AnswerLocked, ErrorCode, NavigationNotAllowed
from sitting.domain.events import Presented, Verdict
from sitting.domain.response import Answer, AnswerRules, Judgement, answer_rules, judge, judge_all
from tests.support.samples import DEADLINE, START, Log, finalized, paper, running_log

PAPER = paper()
NOW = START + timedelta(minutes=10)
TOO_LATE = DEADLINE + timedelta(seconds=6)
LOCKS = AnswerRules(locks=True)
LINEAR = AnswerRules(is_linear=True)


def said(judged: list[Judgement]) -> list[str]:
    """Each verdict, or the code of the refusal."""
    return [judgement.error.code if judgement.error else judgement.verdict for judgement in judged]


def locked_log() -> Log:
    log = running_log()
    assert said(log.submit(PAPER, [Answer("q_1", "o_1b", "A", 1)], NOW, rules=LOCKS)) == ["saved"]
    return log


@pytest.mark.parametrize(
    ("blueprint", "rules"),
    [
        (Blueprint("T"), AnswerRules()),
        (Blueprint("T", navigation=Navigation.LINEAR), LINEAR),
        (Blueprint("T", feedback=FeedbackPolicy.AFTER_ANSWER), LOCKS),
        (Blueprint("T", feedback=FeedbackPolicy.AFTER_END), AnswerRules()),
        (Blueprint("T", feedback=FeedbackPolicy.AFTER_WINDOW), AnswerRules()),
    ],
    ids=["free", "linear", "after answer", "after end", "after window"],
)
def test_rules_follow_from_navigation_and_feedback(blueprint: Blueprint, rules: AnswerRules) -> None:
    assert answer_rules(blueprint) == rules


@pytest.mark.parametrize(
    "answer",
    [
        Answer("q_1", "o_1a"),
        Answer("q_1", "o_1b"),
        Answer("q_1", None),
        Answer("q_1", "o_1a", "A", 2),
        Answer("q_1", "o_1a", "A", 0),
        Answer("q_1", "o_1a", "B", 1, 0),
    ],
    ids=["another", "the same", "cleared", "newer", "older", "typed elsewhere"],
)
def test_answer_locks_its_question_against_every_new_one(answer: Answer) -> None:
    log = locked_log()
    judgement = judge(log.state, PAPER, answer, NOW, LOCKS)
    assert (judgement.verdict, judgement.record) == (Verdict.REFUSED, None)
    assert isinstance(judgement.error, AnswerLocked)
    assert judgement.error.details == {"question_id": "q_1"}


def test_other_questions_stay_open_beside_a_locked_one() -> None:
    assert judge(locked_log().state, PAPER, Answer("q_2", "o_2a"), NOW, LOCKS).verdict is Verdict.SAVED


def test_stored_pair_of_a_locked_question_is_a_duplicate_and_with_another_answer_a_conflict() -> None:
    state = locked_log().state
    again = judge(state, PAPER, Answer("q_1", "o_1b", "A", 1), NOW, LOCKS)
    assert (again.verdict, again.stored) == (Verdict.DUPLICATE, state.answers["A", 1])
    changed = judge(state, PAPER, Answer("q_1", "o_1a", "A", 1), NOW, LOCKS)
    assert changed.error is not None
    assert changed.error.code is ErrorCode.CLIENT_SEQ_CONFLICT


def test_cleared_answer_locks_nothing() -> None:
    log = running_log()
    assert said(log.submit(PAPER, [Answer("q_1", None)], NOW, rules=LOCKS)) == ["saved"]
    assert said(log.submit(PAPER, [Answer("q_1", "o_1b")], NOW, rules=LOCKS)) == ["saved"]
    assert said(log.submit(PAPER, [Answer("q_1", None)], NOW, rules=LOCKS)) == ["answer_locked"]


@pytest.mark.parametrize(
    ("answers", "verdicts"),
    [
        ([("o_1a", 1), ("o_1b", 2)], ["saved", "answer_locked"]),
        ([("o_1a", 2), ("o_1b", 1)], ["saved", "answer_locked"]),
        ([("o_1a", 1), (None, 2)], ["saved", "answer_locked"]),
        ([("o_1a", 1), ("o_1a", 1)], ["saved", "duplicate"]),
        ([(None, 1), ("o_1b", 2), ("o_1a", 3)], ["superseded", "saved", "answer_locked"]),
        ([(None, 3), ("o_1b", 2), ("o_1a", 4)], ["superseded", "superseded", "saved"]),
    ],
)
def test_list_locks_like_its_answers_one_by_one(answers: list[tuple[str | None, int]], verdicts: list[str]) -> None:
    pending = [Answer("q_1", option, "A", number) for option, number in answers]
    assert said(judge_all(running_log().state, PAPER, pending, NOW, LOCKS)) == verdicts


def test_linear_test_takes_answers_to_the_current_question_alone() -> None:
    log = running_log()
    log.write(Presented(2), NOW)
    assert judge(log.state, PAPER, Answer("q_2", "o_2a"), NOW, LINEAR).verdict is Verdict.SAVED
    for question_id in ("q_1", "q_3"):
        error = judge(log.state, PAPER, Answer(question_id, None), NOW, LINEAR).error
        assert isinstance(error, NavigationNotAllowed)
        assert error.details == {"question_id": question_id, "position": 2}


def test_current_question_of_a_linear_test_may_be_answered_anew() -> None:
    log = running_log()
    for option in ("o_1b", None, "o_1a"):
        assert said(log.submit(PAPER, [Answer("q_1", option)], NOW, rules=LINEAR)) == ["saved"]


def test_stored_pair_of_a_question_that_was_left_is_a_duplicate() -> None:
    log = running_log()
    log.submit(PAPER, [Answer("q_1", "o_1b", "A", 1)], NOW, rules=LINEAR)
    log.write(Presented(2), NOW)
    pending = [Answer("q_1", "o_1b", "A", 1), Answer("q_1", "o_1a", "A", 2), Answer("q_2", "o_2a", "A", 3)]
    assert said(judge_all(log.state, PAPER, pending, NOW, LINEAR)) == ["duplicate", "navigation_not_allowed", "saved"]


@pytest.mark.parametrize("rules", [LOCKS, LINEAR])
def test_p14_answer_that_is_too_late_is_kept_as_late_whatever_the_rules(rules: AnswerRules) -> None:
    log = locked_log()
    log.write(Presented(2), NOW)
    assert said(log.submit(PAPER, [Answer("q_1", "o_1a")], TOO_LATE, rules=rules)) == ["late"]
    log.write(finalized(), TOO_LATE)
    assert said(log.submit(PAPER, [Answer("q_1", "o_1c")], NOW, rules=rules)) == ["late"]
    assert log.state.responses["q_1"].record.selected_option == "o_1b"
