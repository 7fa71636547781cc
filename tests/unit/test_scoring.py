from __future__ import annotations

import pytest

from sitting.domain.scoring import ItemScore, grade, passes, percentage_of
from tests.support.samples import paper


def test_right_answers_bring_their_points_and_wrong_ones_nothing() -> None:
    score = grade(paper(1000, 2500, 1), {"q_1": "o_1a", "q_2": "o_2b", "q_3": "o_3a"})
    assert score.items == (ItemScore("q_1", True, 1000), ItemScore("q_2", False, 0), ItemScore("q_3", True, 1))
    assert (score.total, score.maximum) == (1001, 3501)
    assert (score.correct_answers, score.answered_questions) == (2, 3)


def test_questions_without_answer_count_in_the_maximum_alone() -> None:
    score = grade(paper(1000, 1000, 1000), {"q_2": "o_2a"})
    assert score.items == (ItemScore("q_2", True, 1000),)
    assert (score.total, score.maximum, score.percentage) == (1000, 3000, 33_333)
    assert (score.correct_answers, score.answered_questions) == (1, 1)


def test_cleared_answer_is_neither_right_nor_wrong_nor_answered() -> None:
    score = grade(paper(1000, 1000), {"q_1": None, "q_2": "o_2a"})
    assert score.items[0] == ItemScore("q_1", None, 0)
    assert (score.total, score.correct_answers, score.answered_questions) == (1000, 1, 1)


def test_items_come_in_the_order_of_the_paper() -> None:
    score = grade(paper(1, 2, 3), {"q_3": "o_3a", "q_1": "o_1a"})
    assert [item.question_id for item in score.items] == ["q_1", "q_3"]


def test_nothing_answered_is_zero_of_everything() -> None:
    score = grade(paper(1000, 1000), {})
    assert (score.items, score.total, score.maximum, score.percentage) == ((), 0, 2000, 0)
    assert (score.correct_answers, score.answered_questions) == (0, 0)


def test_answer_to_a_question_of_another_paper_brings_nothing() -> None:
    assert grade(paper(1000), {"q_9": "o_9a"}).items == ()


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
    ],
)
def test_percentage_is_in_thousandths_rounded_half_up(total: int, maximum: int, percentage: int) -> None:
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
    ],
)
def test_pass_mark_is_exact_at_its_boundary(total: int, maximum: int, pass_mark: int, passed: bool) -> None:
    assert passes(total, maximum, pass_mark) is passed
