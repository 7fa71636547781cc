from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from sitting.domain.answer import CLEARED, GivenAnswer
from sitting.domain.blueprint import SkillRule
from sitting.domain.paper import Paper
from sitting.domain.priority import Priority
from sitting.domain.question import QuestionType
from sitting.domain.scoring import ItemScore, SkillScore, credit_of, grade, passes, percentage_of
from tests.support.samples import blueprint, content, paper, slot

RULES = blueprint()


def chosen(**options: str | None) -> dict[str, GivenAnswer]:
    return {question_id: GivenAnswer(option) for question_id, option in options.items()}


def multiple(keys: int = 3, **changes: Any) -> Paper:
    """One question with the options a to f, of which the first `keys` are right."""
    letters = "abcdef"
    base = content()
    options = tuple(replace(base.options[0], id=f"o_{letter}", text=letter) for letter in letters)
    right = tuple(f"o_{letter}" for letter in letters[:keys])
    return Paper((slot(type=QuestionType.MULTIPLE_RESPONSE, options=options, key="", keys=right, **changes),))


def marked(letters: str) -> dict[str, GivenAnswer]:
    return {"q_1": GivenAnswer(selected_options=tuple(f"o_{letter}" for letter in letters))}


def test_right_answers_bring_their_points_and_wrong_ones_nothing() -> None:
    score = grade(paper(1000, 2500, 1), chosen(q_1="o_1a", q_2="o_2b", q_3="o_3a"), RULES)
    assert score.items == (ItemScore("q_1", True, 1000), ItemScore("q_2", False, 0), ItemScore("q_3", True, 1))
    assert (score.total, score.maximum) == (1001, 3501)
    assert (score.correct_answers, score.answered_questions) == (2, 3)


def test_questions_without_answer_count_in_the_maximum_alone() -> None:
    score = grade(paper(1000, 1000, 1000), chosen(q_2="o_2a"), RULES)
    assert score.items == (ItemScore("q_2", True, 1000),)
    assert (score.total, score.maximum, score.percentage) == (1000, 3000, 33_333)
    assert (score.correct_answers, score.answered_questions) == (1, 1)


def test_cleared_answer_is_neither_right_nor_wrong_nor_answered_and_costs_nothing() -> None:
    score = grade(paper(1000, 1000), {"q_1": CLEARED} | chosen(q_2="o_2a"), blueprint(negative_marking=1000))
    assert score.items[0] == ItemScore("q_1", None, 0)
    assert (score.total, score.correct_answers, score.answered_questions) == (1000, 1, 1)


def test_items_come_in_the_order_of_the_paper() -> None:
    score = grade(paper(1, 2, 3), chosen(q_3="o_3a", q_1="o_1a"), RULES)
    assert [item.question_id for item in score.items] == ["q_1", "q_3"]


def test_nothing_answered_is_zero_of_everything() -> None:
    score = grade(paper(1000, 1000), {}, RULES)
    assert (score.items, score.total, score.maximum, score.percentage) == ((), 0, 2000, 0)
    assert (score.correct_answers, score.answered_questions, score.passed) == (0, 0, False)


def test_answer_to_a_question_of_another_paper_brings_nothing() -> None:
    assert grade(paper(1000), chosen(q_9="o_9a"), RULES).items == ()


@pytest.mark.parametrize(
    ("letters", "points"),
    [("abc", 1000), ("ab", 667), ("a", 333), ("abd", 333), ("abcd", 667), ("ad", 0), ("def", 0), ("abcdef", 0)],
)
def test_partial_credit_is_right_less_wrong_of_the_keys(letters: str, points: int) -> None:
    [item] = grade(multiple(), marked(letters), RULES).items
    assert item == ItemScore("q_1", letters == "abc", points)


@pytest.mark.parametrize(
    ("letters", "points"), [("abc", 1000), ("ad", 0), ("d", -167), ("de", -333), ("def", -500), ("abcdef", 0)]
)
def test_without_the_floor_of_items_wrong_choices_cost_their_share(letters: str, points: int) -> None:
    rules = blueprint(floor_items=False, floor_total=False, negative_marking=500)
    assert grade(multiple(), marked(letters), rules).total == points


def test_more_wrong_choices_than_keys_cost_no_more_than_a_wrong_answer() -> None:
    [question] = multiple(keys=1).questions
    assert credit_of(question.content, marked("bcdef")["q_1"]) == Fraction(-1)


@pytest.mark.parametrize(
    ("negative", "points", "cost"), [(0, 1000, 0), (250, 1000, -250), (333, 1, 0), (500, 1, -1), (333, 1000, -333)]
)
def test_wrong_answer_costs_its_share_rounded_half_away_from_nothing(negative: int, points: int, cost: int) -> None:
    rules = blueprint(negative_marking=negative, floor_total=False)
    assert grade(paper(points), chosen(q_1="o_1b"), rules).total == cost


@pytest.mark.parametrize(("floor", "total", "percentage"), [(True, 0, 0), (False, -1000, -33_333)])
def test_total_stops_at_nothing_if_the_test_says_so(floor: bool, total: int, percentage: int) -> None:
    rules = blueprint(negative_marking=1000, floor_total=floor, pass_mark=0)
    score = grade(paper(1000, 1000, 1000), chosen(q_1="o_1a", q_2="o_2b", q_3="o_3b"), rules)
    assert (score.total, score.percentage, score.passed) == (total, percentage, floor)
    assert [item.points for item in score.items] == [1000, -1000, -1000]


def of_skills(*skills: str) -> Paper:
    return Paper(tuple(slot(n, points=1000 * n, skill=skill) for n, skill in enumerate(skills, start=1)))


def test_each_skill_is_scored_from_its_points_in_the_order_of_the_paper() -> None:
    rules = blueprint(skills=(SkillRule("sql", Priority.HIGH, 75_000), SkillRule("git", Priority.LOW)))
    score = grade(of_skills("sql", "git", "sql"), chosen(q_1="o_1b", q_3="o_3a"), rules)
    assert score.skills == (
        SkillScore("sql", Priority.HIGH, 2, 1, 3000, 4000, 75_000, True),
        SkillScore("git", Priority.LOW, 1, 0, 0, 2000, 0, None),
    )


def test_priority_weighs_in_the_frozen_points_and_never_again() -> None:
    """The slots of the paper hold weighted points already."""
    heavy = blueprint(skills=(SkillRule("python", Priority.HIGH),))
    assert grade(paper(3000), chosen(q_1="o_1a"), heavy).total == 3000


@pytest.mark.parametrize(("mark", "passed"), [(None, True), (0, True), (50_000, True), (50_001, False)])
def test_skill_below_its_mark_fails_the_whole(mark: int | None, passed: bool) -> None:
    rules = blueprint(pass_mark=0, skills=(SkillRule("python", Priority.HIGH, mark),))
    assert grade(paper(1000, 1000), chosen(q_1="o_1a"), rules).passed is passed


def test_mark_of_a_skill_that_the_paper_does_not_hold_asks_for_nothing() -> None:
    rules = blueprint(skills=(SkillRule("sql", Priority.HIGH, 100_000),))
    assert grade(paper(1000), chosen(q_1="o_1a"), rules).passed


@pytest.mark.parametrize(
    ("total", "maximum", "percentage"),
    [
        (0, 3000, 0),
        (1000, 3000, 33_333),
        (2000, 3000, 66_667),
        (3000, 3000, 100_000),
        (1, 200_000, 1),  # 0.0005 % is half a thousandth
        (1, 200_001, 0),
        (1, 8, 12_500),
        (0, 0, 0),
        (-1000, 3000, -33_333),
        (-1, 200_000, -1),
        (-1, 200_001, 0),
    ],
)
def test_percentage_is_in_thousandths_rounded_half_away_from_nothing(total: int, maximum: int, percentage: int) -> None:
    assert percentage_of(total, maximum) == percentage


@pytest.mark.parametrize(
    ("total", "maximum", "pass_mark", "passed"),
    [
        (1500, 3000, 50_000, True),
        (1499, 3000, 50_000, False),
        (0, 3000, 0, True),
        (3000, 3000, 100_000, True),
        (2999, 3000, 100_000, False),
        (1000, 3000, 33_333, True),
        (1000, 3000, 33_334, False),
        (2000, 3000, 66_667, False),  # shown as 66.667 %, and yet a hair below
        (999_999_999, 1_000_000_000, 100_000, False),
        (3 * 10**17 - 1, 6 * 10**17, 50_000, False),  # floating point sees no difference to the half
        (3 * 10**17, 6 * 10**17, 50_000, True),
        (-1, 3000, 0, False),
    ],
)
def test_pass_mark_is_exact_at_its_boundary(total: int, maximum: int, pass_mark: int, passed: bool) -> None:
    assert passes(total, maximum, pass_mark) is passed
