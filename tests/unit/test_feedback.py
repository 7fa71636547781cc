from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from sitting.domain.assessment import Status
from sitting.domain.blueprint import FeedbackPolicy
from sitting.domain.feedback import feedback_on, may_review
from sitting.domain.live import LiveAssessment
from sitting.domain.messages import AnswerFeedback
from sitting.domain.paper import Paper
from sitting.domain.question import AcceptedNumber, AcceptedText, Option, QuestionType
from sitting.domain.response import Answer
from tests.support.samples import MICROSECOND, START, blueprint, live, running_log, slot

NOW = START + timedelta(minutes=10)
CLOSES = START + timedelta(days=1)
PAPER = Paper(
    (
        slot(
            1,
            options=(Option("o_1a", "Paris"), Option("o_1b", "Rome", "Not *quite*."), Option("o_1c", "Oslo", "No.")),
            explanation="It **is** so.",
        ),
        slot(
            2,
            type=QuestionType.MULTIPLE_RESPONSE,
            options=(Option("o_2a", "2", "Prime."), Option("o_2b", "3"), Option("o_2c", "4", "Even.")),
            key="",
            keys=("o_2a", "o_2b"),
            explanation="",
        ),
        slot(3, type=QuestionType.NUMERIC, options=(), key="", numbers=(AcceptedNumber("9.8", "0.1"),), unit="m/s²"),
        slot(4, type=QuestionType.SHORT_TEXT, options=(), key="", accepted=(AcceptedText("Oslo", credit=500),)),
    )
)


def after(answer: Answer, policy: FeedbackPolicy = FeedbackPolicy.AFTER_ANSWER) -> AnswerFeedback | None:
    """What is said when that answer is stored."""
    log = running_log()
    log.submit(PAPER, [answer], NOW)
    assessment = LiveAssessment(live().assessment, blueprint(feedback=policy), PAPER, log.state)
    return feedback_on(assessment, log.state.responses[answer.question_id])


@pytest.mark.parametrize("policy", [each for each in FeedbackPolicy if each is not FeedbackPolicy.AFTER_ANSWER])
def test_nothing_is_said_about_an_answer_unless_the_policy_says_so(policy: FeedbackPolicy) -> None:
    assert after(Answer("q_1", "o_1a"), policy) is None


def test_choice_is_told_with_the_right_one_and_what_the_author_says_to_it() -> None:
    wrong = after(Answer("q_1", "o_1b"))
    assert wrong is not None
    assert (wrong.question_id, wrong.correct) == ("q_1", False)
    assert (wrong.correct_option, wrong.correct_options, wrong.correct_text) == ("o_1a", ("o_1a",), "Paris")
    assert (wrong.explanation, wrong.explanation_html) == (
        "It **is** so.",
        "<p>It <strong>is</strong> so.</p>",
    )
    assert [(each.id, each.text, each.html) for each in wrong.option_feedback] == [
        ("o_1b", "Not *quite*.", "Not <em>quite</em>.")
    ]
    right = after(Answer("q_1", "o_1a"))
    assert right is not None
    assert (right.correct, right.option_feedback) == (True, ())


@pytest.mark.parametrize(
    ("chosen", "correct", "spoken_to"),
    [
        (("o_2a", "o_2b"), True, ["o_2a"]),
        (("o_2a",), False, ["o_2a"]),
        (("o_2a", "o_2c"), False, ["o_2a", "o_2c"]),
        (("o_2b",), False, []),
    ],
)
def test_several_choices_are_right_together_or_not_at_all(
    chosen: tuple[str, ...], correct: bool, spoken_to: list[str]
) -> None:
    told = after(Answer("q_2", selected_options=chosen))
    assert told is not None
    assert (told.correct, told.correct_option, told.correct_options) == (correct, None, ("o_2a", "o_2b"))
    assert (told.correct_text, told.explanation, told.explanation_html) == ("2; 3", "", "")
    assert [each.id for each in told.option_feedback] == spoken_to


@pytest.mark.parametrize(
    ("question_id", "value", "correct", "right"),
    [
        ("q_3", "9.75", True, "9.8 ± 0.1 m/s²"),
        ("q_3", "9.6", False, "9.8 ± 0.1 m/s²"),
        ("q_4", "oslo", False, "Oslo"),
        ("q_4", "Rome", False, "Oslo"),
    ],
    ids=["number", "wrong number", "text worth half", "wrong text"],
)
def test_typed_answer_is_told_with_what_is_right_in_words(
    question_id: str, value: str, correct: bool, right: str
) -> None:
    told = after(Answer(question_id, value=value))
    assert told is not None
    assert (told.correct, told.correct_option, told.correct_options) == (correct, None, ())
    assert told.correct_text.startswith(right)


def test_nothing_is_said_about_an_answer_that_is_cleared_superseded_late_or_not_there() -> None:
    assert after(Answer("q_1", None)) is None
    log = running_log()
    log.submit(PAPER, [Answer("q_1", "o_1b", "A", 2)], NOW)
    log.submit(PAPER, [Answer("q_1", "o_1a", "A", 1)], NOW)
    log.submit(PAPER, [Answer("q_2", "o_2a", "A", 3)], NOW + timedelta(days=1))
    assessment = LiveAssessment(live().assessment, blueprint(feedback=FeedbackPolicy.AFTER_ANSWER), PAPER, log.state)
    assert feedback_on(assessment, log.state.answers["A", 2]) is not None
    for unsaid in (log.state.answers["A", 1], log.state.answers["A", 3], None):
        assert feedback_on(assessment, unsaid) is None


@pytest.mark.parametrize(
    ("policy", "window", "now", "allowed"),
    [
        (FeedbackPolicy.NONE, CLOSES, CLOSES, False),
        (FeedbackPolicy.AFTER_ANSWER, None, NOW, True),
        (FeedbackPolicy.AFTER_END, CLOSES, NOW, True),
        (FeedbackPolicy.AFTER_WINDOW, CLOSES, CLOSES - MICROSECOND, False),
        (FeedbackPolicy.AFTER_WINDOW, CLOSES, CLOSES, True),
        (FeedbackPolicy.AFTER_WINDOW, None, CLOSES, False),
    ],
)
def test_p21_candidate_reads_what_is_right_when_the_policy_says_so_and_never_before_the_end(
    policy: FeedbackPolicy, window: datetime | None, now: datetime, allowed: bool
) -> None:
    rules: dict[str, Any] = {"feedback": policy, "closes_at": window}
    for status in (Status.COMPLETED, Status.TIMEOUT):
        assert may_review(blueprint(**rules), status, now) is allowed
    for status in (Status.STARTED, Status.IN_PROGRESS, Status.PAUSED, Status.VOIDED):
        assert may_review(blueprint(**rules), status, now) is False
