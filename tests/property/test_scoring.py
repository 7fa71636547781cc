from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sitting.domain.answer import CLEARED
from sitting.domain.errors import InvalidAnswer
from sitting.domain.matching import number_credit, read_number, text_credit
from sitting.domain.paper import PaperQuestion
from sitting.domain.question import QuestionContent
from sitting.domain.scoring import Score, credit_of, grade, passes, percentage_of
from tests.support import second_opinion
from tests.support.plain_questions import blueprint_from, given_from, graded, paper_from, slot_from

Json = dict[str, Any]
OPTIONS = ["o_a", "o_b", "o_c", "o_d", "o_e"]
SKILLS = ["sql", "git", "python"]
totals = st.integers(1, 10**12).flatmap(lambda maximum: st.tuples(st.integers(-maximum, maximum), st.just(maximum)))

# --- questions of all kinds, with answers that are right, nearly right, wrong, hostile or missing ---

credits_ = st.just(1000) | st.integers(1, 1000)
decimals = st.decimals(-5000, 5000, places=3).map(lambda number: format(number, "f"))
tolerances = st.sampled_from(["0", "0.001", "0.5", "1", "25", "0.0"]) | decimals.map(lambda said: said.lstrip("-"))
factors = st.sampled_from(["1000", "0.001", "3.6", "60", "2"])
words = st.text(alphabet="aAbBéÉ ßs\N{LATIN SMALL LETTER LONG S}́*.", min_size=1, max_size=8).filter(
    lambda text: text.strip("* ") != ""
)
patterns = st.sampled_from(["[ab]+", "a|b", "(a|é)*b?", "b.", r"a\.b", "[^a]*", "é{1,3}"])
junk = st.text(alphabet="0123456789.,eE+-−  \N{NO-BREAK SPACE}\N{THIN SPACE}km½²٣x", max_size=12)


def with_full_credit(keys: list[Json]) -> list[Json]:
    keys[0].pop("credit", None)
    return keys


numbers = st.fixed_dictionaries({"value": decimals, "tolerance": tolerances, "credit": credits_})
texts = st.one_of(
    st.fixed_dictionaries({"text": words, "credit": credits_}),
    st.fixed_dictionaries({"text": words, "match": st.just("wildcard"), "credit": credits_}),
    st.fixed_dictionaries({"text": patterns, "match": st.just("pattern"), "credit": credits_}),
)
units = st.sampled_from(
    [
        {},
        {"unit": "m"},
        {"unit": "µm", "unit_required": True},
        {"unit": "m²", "other_units": [{"name": "km²", "factor": "1000000"}, {"name": "%", "factor": "0.01"}]},
    ]
)
numeric = st.builds(
    lambda keys, unit, other: {"type": "numeric", "numbers": with_full_credit(keys), **with_factor(unit, other)},
    st.lists(numbers, min_size=1, max_size=3),
    units,
    factors,
)
short_text = st.builds(
    lambda keys, sensitive: {"type": "short_text", "accepted": with_full_credit(keys), "case_sensitive": sensitive},
    st.lists(texts, min_size=1, max_size=3),
    st.booleans(),
)
single = st.builds(
    lambda options, at: {"type": "single_choice", "options": options, "right": [options[at % len(options)]]},
    st.lists(st.sampled_from(OPTIONS), min_size=2, max_size=5, unique=True),
    st.integers(0, 4),
)
true_false = st.builds(
    lambda right: {"type": "true_false", "options": OPTIONS[:2], "right": [right]}, st.sampled_from(OPTIONS[:2])
)
multiple = st.builds(
    lambda options, keys: {"type": "multiple_response", "options": options, "right": sorted(keys) or options[:1]},
    st.integers(2, 5).map(lambda count: OPTIONS[:count]),
    st.sets(st.sampled_from(OPTIONS[:2])),
) | st.builds(
    lambda keys: {"type": "multiple_response", "options": OPTIONS, "right": sorted(keys)},
    st.sets(st.sampled_from(OPTIONS), min_size=1),
)


def with_factor(unit: Json, factor: str) -> Json:
    return unit | {"other_units": [{"name": "km", "factor": factor}]} if unit.get("unit") == "m" else unit


@st.composite
def questions(draw: st.DrawFn) -> Json:
    question: Json = dict(draw(st.one_of(single, true_false, multiple, numeric, short_text)))
    return question | {"skill": draw(st.sampled_from(SKILLS)), "points": draw(st.integers(1, 10_000))}


@st.composite
def typed_numbers(draw: st.DrawFn, question: Json) -> Any:
    """A number at the border of a tolerance, beside it or anywhere, in one of many spellings."""
    key = draw(st.sampled_from(question["numbers"]))
    units_ = {"": "1", question.get("unit", ""): "1"} | {
        u["name"]: u["factor"] for u in question.get("other_units", [])
    }
    unit = draw(st.sampled_from(sorted(units_)))
    side = draw(st.sampled_from([-1, 0, 1]))
    beside = draw(st.sampled_from([Fraction(0), Fraction(0), Fraction(1, 1000), Fraction(-1, 1000)]))
    number = (Fraction(key["value"]) + side * Fraction(key["tolerance"]) + beside) / Fraction(units_[unit])
    places = draw(st.sampled_from([9, 9, 3, 0]))
    shifted = round(number * 10**places)
    digits = str(abs(shifted)).rjust(places + 1, "0")
    said = digits if not places else digits[:-places] + draw(st.sampled_from([".", ","])) + digits[-places:]
    spelled = draw(st.sampled_from([said, said, f"{said}e0", f"{shifted and abs(shifted)}E-{places}"]))
    minus = draw(st.sampled_from(["-", "−"])) if shifted < 0 else draw(st.sampled_from(["", "+"]))
    return minus + spelled + draw(st.sampled_from(["", " ", "\N{THIN SPACE}"])) + unit


@st.composite
def answers(draw: st.DrawFn, question: Json) -> Any:
    """An answer such as a client may send; None is no answer."""
    if draw(st.integers(0, 9)) == 0:
        return None
    if question["type"] == "multiple_response":
        return draw(st.lists(st.sampled_from(question["options"]), max_size=6))
    if "options" in question:
        return draw(st.sampled_from(question["options"]))
    if question["type"] == "numeric":
        return draw(typed_numbers(question) | typed_numbers(question) | typed_numbers(question) | junk | decimals)
    key = st.sampled_from([each["text"] for each in question["accepted"]])
    around = st.tuples(key, st.text(alphabet="ab é", max_size=2)).map("".join)
    return draw(
        key | key.map(str.swapcase) | around | key.map(lambda text: f" {text} ".replace(" ", "  ")) | words | junk
    )


marks = st.integers(0, 100_000) | st.sampled_from([0, 33_333, 50_000, 66_667, 100_000])


@st.composite
def rules(draw: st.DrawFn) -> Json:
    skills = draw(st.lists(st.sampled_from(SKILLS), unique=True, max_size=3))
    return {
        "pass_mark": draw(marks),
        "negative_marking": draw(st.sampled_from([0, 250, 333, 1000]) | st.integers(0, 1000)),
        "floor_items": draw(st.booleans()),
        "floor_total": draw(st.booleans()),
        "skills": [
            {"skill": skill, "priority": draw(st.sampled_from("HML")), "pass_mark": draw(st.none() | marks)}
            for skill in skills
        ],
    }


@st.composite
def papers(draw: st.DrawFn) -> tuple[list[Json], list[Any], Json]:
    asked = draw(st.lists(questions(), min_size=1, max_size=6))
    return asked, [draw(answers(question)) for question in asked], draw(rules())


# --- the code and the second opinion ---


def accepted(slot: PaperQuestion, question: Json, answer: Any) -> bool:
    try:
        slot.resolve(given_from(question, answer))
    except InvalidAnswer:
        return False
    return True


def by_the_code(asked: list[Json], said: list[Any], by: Json) -> Score:
    return graded(asked, said, by)


@given(papers())
def test_p13_score_agrees_with_a_second_way_of_counting(drawn: tuple[list[Json], list[Any], Json]) -> None:
    asked, said, by = drawn
    for number, question in enumerate(asked):
        refused = second_opinion.credit(question, said[number]) == second_opinion.REFUSED
        assert accepted(slot_from(question), question, said[number]) is not refused, (question, said[number])
        if refused:
            said[number] = None
    score, second = by_the_code(asked, said, by), second_opinion.score(asked, said, by)
    assert [item.points for item in score.items] == second["brings"]
    assert (score.total, score.maximum, score.percentage) == (second["total"], second["maximum"], second["percentage"])
    assert (score.correct_answers, score.answered_questions) == (second["correct"], second["answered"])
    assert score.passed is second["passed"]
    names = ("skill", "priority", "questions", "correct", "total", "maximum", "percentage", "passed")
    assert [tuple(getattr(skill, name) for name in names) for skill in score.skills] == [
        tuple(skill[name] for name in names) for skill in second["skills"]
    ]


@given(papers())
def test_questions_without_a_response_count_as_cleared_ones(drawn: tuple[list[Json], list[Any], Json]) -> None:
    asked, _, by = drawn
    paper = paper_from(asked)
    untouched = grade(paper, {}, blueprint_from(by))
    cleared = grade(paper, {slot.question_id: CLEARED for slot in paper.questions}, blueprint_from(by))
    assert (untouched.total, untouched.percentage, untouched.answered_questions) == (0, 0, 0)
    assert (untouched.total, untouched.skills, untouched.passed) == (cleared.total, cleared.skills, cleared.passed)


@given(papers())
def test_score_keeps_its_bounds(drawn: tuple[list[Json], list[Any], Json]) -> None:
    asked, said, by = drawn
    told = [answer if accepted(slot_from(q), q, answer) else None for q, answer in zip(asked, said, strict=True)]
    score = by_the_code(asked, told, by)
    assert score.total <= score.maximum == sum(question["points"] for question in asked)
    lowest = 0 if by["floor_total"] or not by["negative_marking"] else -score.maximum
    assert score.total >= lowest
    for item, question in zip(score.items, asked, strict=True):
        assert abs(item.points) <= question["points"]
        assert (item.points == question["points"]) >= (item.is_correct is True)


@given(papers(), st.data())
def test_another_right_choice_never_lowers_the_score(
    drawn: tuple[list[Json], list[Any], Json], data: st.DataObject
) -> None:
    asked, _, by = drawn
    choices = [question for question in asked if "options" in question]
    said = [data.draw(answers(question)) for question in choices]
    at = data.draw(st.integers(0, len(choices) - 1)) if choices else 0
    better = list(said)
    for question in choices[at : at + 1]:
        better[at] = question["right"] if question["type"] == "multiple_response" else question["right"][0]
    assert not choices or by_the_code(choices, said, by).total <= by_the_code(choices, better, by).total


# --- typed answers of every shape ---


@given(st.text(max_size=60) | junk)
@example("1" * 5000)
@example("1e" + "9" * 5000)
@example(" ".join(["000"] * 2000))
@example("٣")
@example("½")
def test_any_text_is_read_as_one_number_or_refused(text: str) -> None:
    second = second_opinion.number_and_unit(text)
    if second is None:
        with pytest.raises(InvalidAnswer):
            read_number(text)
    else:
        number, unit = read_number(text)
        assert (number, unit) == (Fraction(second[0]), second[1])
        assert abs(number) < 10**121


CONTENTS: list[QuestionContent] = [
    slot_from({"type": "numeric", "numbers": [{"value": "1.5"}], "unit": "m"}).content,
    slot_from({"type": "short_text", "accepted": [{"text": "a*"}, {"text": "(a|aa)+$", "match": "pattern"}]}).content,
]


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: content.type)
@given(text=st.text(max_size=200))
@example(text="\0")
@example(text="a" * 1000 + "!")
def test_no_text_breaks_the_grading(content: QuestionContent, text: str) -> None:
    assert 0 <= number_credit(content, text) <= 1000
    assert 0 <= text_credit(content, text) <= 1000


@given(questions(), st.data())
def test_stored_form_of_an_answer_is_its_own_stored_form(question: Json, data: st.DataObject) -> None:
    """A resend of what a client was told is stored is the same answer, of the same worth."""
    slot, answer = slot_from(question), data.draw(answers(question))
    if accepted(slot, question, answer):
        stored = slot.resolve(given_from(question, answer))
        assert slot.resolve(stored) == stored
        assert stored == CLEARED or -1 <= credit_of(slot.content, stored) <= 1


# --- percentages and pass marks ---


def half_away(exact: Fraction) -> int:
    return math.floor(abs(exact) + Fraction(1, 2)) * (1 if exact >= 0 else -1)


@given(totals)
def test_percentage_is_exact_half_away_from_nothing_and_within_its_bounds(total_and_maximum: tuple[int, int]) -> None:
    total, maximum = total_and_maximum
    percentage = percentage_of(total, maximum)
    assert percentage == half_away(Fraction(total, maximum) * 100_000)
    assert -100_000 <= percentage <= 100_000


@given(totals, st.integers(0, 100_000))
def test_passing_is_decided_by_the_exact_fraction(total_and_maximum: tuple[int, int], pass_mark: int) -> None:
    total, maximum = total_and_maximum
    assert passes(total, maximum, pass_mark) == (Fraction(total, maximum) >= Fraction(pass_mark, 100_000))


@given(st.integers(1, 10**9), st.integers(1, 100_000))
def test_one_thousandth_of_a_point_below_the_mark_does_not_pass(maximum: int, pass_mark: int) -> None:
    least = -(-pass_mark * maximum // 100_000)
    assert passes(least, maximum, pass_mark)
    assert not passes(least - 1, maximum, pass_mark)
