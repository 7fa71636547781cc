from __future__ import annotations

from datetime import timedelta

import pytest

from sitting.domain.blueprint import Navigation
from sitting.domain.errors import NavigationNotAllowed, QuestionNotFound
from sitting.domain.events import Presented
from sitting.domain.live import LiveAssessment, recovered_message, started_message
from sitting.domain.navigation import require_current, step_to, wanted_question
from sitting.domain.response import Answer, AnswerRules
from tests.support.samples import START, Log, blueprint, live, paper, running_log

PAPER = paper(1000, 2000, 3000)
NOW = START + timedelta(minutes=10)
LINEAR = blueprint(navigation=Navigation.LINEAR)


def log_at(position: int, **answers: str | None) -> Log:
    """A log of a linear Test whose candidate went on to `position`, answering on the way as told."""
    log = running_log()
    for number in range(1, position + 1):
        if number > 1:
            log.write(Presented(number), NOW)
        question_id = f"q_{number}"
        if question_id in answers:
            log.submit(PAPER, [Answer(question_id, answers[question_id])], NOW, rules=AnswerRules(is_linear=True))
    return log


def linear(position: int, **answers: str | None) -> LiveAssessment:
    return live(log_at(position, **answers), PAPER, LINEAR)


def test_position_is_the_highest_one_presented() -> None:
    log = running_log()
    assert log.state.position == 1
    for presented, expected in ((2, 2), (3, 3), (2, 3)):
        log.write(Presented(presented), NOW)
        assert log.state.position == expected


@pytest.mark.parametrize(("wanted", "event"), [(2, None), (3, Presented(3))])
def test_current_question_is_shown_again_and_the_next_one_after_an_event(wanted: int, event: Presented | None) -> None:
    assert step_to(linear(2), PAPER.at_position(wanted)) == event


@pytest.mark.parametrize(("position", "wanted"), [(2, 1), (1, 3), (3, 1), (3, 2)])
def test_earlier_and_later_questions_are_not_allowed(position: int, wanted: int) -> None:
    assessment = linear(position)
    with pytest.raises(NavigationNotAllowed) as refusal:
        step_to(assessment, PAPER.at_position(wanted))
    assert refusal.value.details == {"position": position}


@pytest.mark.parametrize("wanted", [1, 2, 3])
def test_any_question_of_a_free_test_may_be_shown_and_none_leaves_an_event(wanted: int) -> None:
    assessment = live(running_log(), PAPER)
    assert step_to(assessment, PAPER.at_position(wanted)) is None
    require_current(assessment, PAPER.at_position(wanted))


@pytest.mark.parametrize(
    ("position", "answers", "following"),
    [
        (1, {}, 1),
        (1, {"q_1": "o_1b"}, 2),
        (1, {"q_1": None}, 2),
        (2, {"q_1": "o_1a"}, 2),
        (2, {}, 2),
        (3, {"q_3": "o_3a"}, 3),
    ],
)
def test_next_question_follows_once_the_current_one_is_answered_or_passed(
    position: int, answers: dict[str, str | None], following: int
) -> None:
    assert wanted_question(linear(position, **answers), None, None).position == following


def test_nothing_comes_next_once_the_last_question_has_a_response_though_others_were_passed_by() -> None:
    assert linear(3).next_unanswered() == PAPER.at_position(3)
    assert linear(3, q_3=None).next_unanswered() is None


def test_question_is_wanted_by_id_before_position_and_must_be_in_the_paper() -> None:
    assessment = linear(1)
    assert wanted_question(assessment, "q_3", 2).position == 3
    assert wanted_question(assessment, None, 2).position == 2
    for question_id, position in (("q_9", None), (None, 4)):
        with pytest.raises(QuestionNotFound):
            wanted_question(assessment, question_id, position)


@pytest.mark.parametrize("position", [1, 3])
def test_only_the_current_question_is_the_current_one(position: int) -> None:
    assessment = linear(2)
    require_current(assessment, PAPER.at_position(2))
    with pytest.raises(NavigationNotAllowed):
        require_current(assessment, PAPER.at_position(position))


def test_candidate_stands_at_the_current_question_answered_or_not() -> None:
    for assessment in (linear(2), linear(2, q_2="o_2a")):
        assert assessment.question_to_show().position == 2
        assert recovered_message(assessment, NOW).position == 2


@pytest.mark.parametrize(
    ("position", "ids"),
    [(1, ["q_1", None, None]), (2, ["q_1", "q_2", None]), (3, ["q_1", "q_2", "q_3"])],
)
def test_outline_names_no_question_that_was_not_presented(position: int, ids: list[str | None]) -> None:
    outline = started_message(linear(position), NOW, recovered=True).outline
    assert [item.question_id for item in outline] == ids
    assert [(item.position, item.points) for item in outline] == [(1, 1.0), (2, 2.0), (3, 3.0)]


def test_outline_of_a_free_test_names_every_question_though_one_was_presented() -> None:
    outline = started_message(live(log_at(2), PAPER), NOW, recovered=True).outline
    assert [item.question_id for item in outline] == ["q_1", "q_2", "q_3"]
