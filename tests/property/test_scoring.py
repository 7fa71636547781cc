from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from sitting.domain.paper import Paper
from sitting.domain.scoring import grade, passes, percentage_of
from tests.support.samples import paper

papers = st.lists(st.integers(1, 1_000_000), min_size=1, max_size=12).map(lambda points: paper(*points))
totals = st.integers(1, 10**12).flatmap(lambda maximum: st.tuples(st.integers(0, maximum), st.just(maximum)))
ANSWERS = ("right", "wrong", "cleared", "none")


def half_up(exact: Fraction) -> int:
    return math.floor(exact + Fraction(1, 2))


@given(papers, st.lists(st.sampled_from(ANSWERS), min_size=12, max_size=12))
def test_p13_score_agrees_with_a_second_way_of_counting(what: Paper, kinds: list[str]) -> None:
    """Points as fractions of a point, question by question, without the code under test."""
    selections: dict[str, str | None] = {}
    points, outof = Fraction(0), Fraction(0)
    for number, (question, kind) in enumerate(zip(what.questions, kinds, strict=False), start=1):
        outof += Fraction(question.points, 1000)
        if kind != "none":
            selections[f"q_{number}"] = {"right": f"o_{number}a", "wrong": f"o_{number}b", "cleared": None}[kind]
        if kind == "right":
            points += Fraction(question.points, 1000)
    used = kinds[: len(what.questions)]
    score = grade(what, selections)
    assert (Fraction(score.total, 1000), Fraction(score.maximum, 1000)) == (points, outof)
    assert score.percentage == half_up(points / outof * 100 * 1000)
    assert score.correct_answers == used.count("right")
    assert score.answered_questions == used.count("right") + used.count("wrong")
    assert len(score.items) == len(selections)
    assert sum(item.points for item in score.items) == score.total


@given(totals)
def test_percentage_is_exact_half_up_and_within_its_bounds(total_and_maximum: tuple[int, int]) -> None:
    total, maximum = total_and_maximum
    percentage = percentage_of(total, maximum)
    assert percentage == half_up(Fraction(total, maximum) * 100_000)
    assert 0 <= percentage <= 100_000


@given(totals, st.integers(0, 100_000))
def test_passing_is_decided_by_the_exact_fraction(total_and_maximum: tuple[int, int], pass_mark: int) -> None:
    total, maximum = total_and_maximum
    assert passes(total, maximum, pass_mark) == (Fraction(total, maximum) >= Fraction(pass_mark, 100_000))


@given(st.integers(1, 10**9), st.integers(1, 100_000))
def test_one_thousandth_of_a_point_below_the_mark_does_not_pass(maximum: int, pass_mark: int) -> None:
    least = -(-pass_mark * maximum // 100_000)
    assert passes(least, maximum, pass_mark)
    assert not passes(least - 1, maximum, pass_mark)


@given(papers, st.data())
def test_another_right_answer_never_lowers_the_score(what: Paper, data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.sampled_from([question.question_id for question in what.questions])))
    right: dict[str, str | None] = {id_: f"o_{id_.removeprefix('q_')}a" for id_ in chosen}
    more = right | {what.questions[0].question_id: "o_1a"}
    assert grade(what, right).total <= grade(what, more).total <= what.max_score
