from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from sitting.domain.blueprint import BankSnapshot, Blueprint, Draw, FixedQuestion, PublishedQuestion, Section, SkillRule
from sitting.domain.blueprint_check import check_blueprint
from sitting.domain.deadline import Schedule, first_deadline, sweep_at
from sitting.domain.errors import InvalidMessage, PublicationRefused
from sitting.domain.priority import Priority, PriorityWeights
from sitting.domain.question import Difficulty, QuestionVersion
from sitting.questions.publication import examine, publish
from tests.support.drafts import Bank, banked
from tests.support.samples import START, blueprint, content


def fixed(*question_ids: str, **rules: Any) -> tuple[Section, ...]:
    """One section with these questions."""
    return (Section(questions=tuple(map(FixedQuestion, question_ids)), **rules),)


def drawn(*draws: Draw, **rules: Any) -> tuple[Section, ...]:
    """One section with these draws."""
    return (Section(draws=draws, **rules),)


ONE = fixed("q_1")


def problems(**changes: Any) -> list[str]:
    with pytest.raises(InvalidMessage) as refusal:
        check_blueprint(blueprint(**{"sections": ONE} | changes))
    found: list[str] = refusal.value.details["problems"]
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"time_limit_minutes": None},
        {"time_limit_minutes": 1},
        {"time_limit_minutes": 7 * 24 * 60},
        {"grace_seconds": 0},
        {"grace_seconds": 300},
        {"max_attempts": 1},
        {"max_attempts": 100},
        {"pass_mark": 0},
        {"pass_mark": 100_000},
        {"abandon_after_days": 1},
        {"abandon_after_days": 3650},
        {"opens_at": START, "closes_at": START + timedelta(microseconds=1)},
        {"sections": (Section(questions=(FixedQuestion("q_1", 1), FixedQuestion("q_2", 1_000_000))),)},
        {"sections": fixed(*(f"q_{n}" for n in range(500)))},
        {"sections": drawn(Draw(500))},
        {"sections": ()},
        {"sections": tuple(Section(f"part {n}", weight=weight) for n, weight in enumerate([1, 10_000] * 25))},
        {"sections": drawn(*[Draw(1, question_ids=tuple(f"q_{n}" for n in range(5000)))] * 100)},
        {"not_together": tuple((f"q_{n}", f"p_{n}") for n in range(500))},
        {"attempt_delay_minutes": 366 * 24 * 60},
        {"negative_marking": 1000},
        {"priority_weights": PriorityWeights(10_000, 1, 1)},
        {"max_pause_minutes": 7 * 24 * 60},
        {"skills": (SkillRule("Git", Priority.HIGH, 0), SkillRule("SQL", Priority.LOW, 100_000))},
    ],
    ids=lambda changes: ", ".join(changes),
)
def test_rules_at_their_limits_are_accepted(changes: dict[str, Any]) -> None:
    check_blueprint(blueprint(**{"sections": ONE} | changes))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"name": " \t"}, "name"),
        ({"time_limit_minutes": 0}, "time_limit_minutes"),
        ({"time_limit_minutes": 7 * 24 * 60 + 1}, "time_limit_minutes"),
        ({"grace_seconds": -1}, "grace_seconds"),
        ({"grace_seconds": 301}, "grace_seconds"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_attempts": 101}, "max_attempts"),
        ({"pass_mark": -1}, "pass_mark"),
        ({"pass_mark": 100_001}, "pass_mark"),
        ({"abandon_after_days": 0}, "abandon_after_days"),
        ({"abandon_after_days": 3651}, "abandon_after_days"),
        ({"opens_at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001
        ({"closes_at": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001
        ({"opens_at": START, "closes_at": START}, "closes before it opens"),
        ({"opens_at": START, "closes_at": START - timedelta(days=1)}, "closes before it opens"),
        ({"name": "a\0b"}, "NUL"),
        ({"description": "a\0b"}, "NUL"),
        ({"description": "a\ud800b"}, "surrogates"),
        ({"sections": drawn(Draw(1, tags=("a\0b",)))}, "NUL"),
        ({"sections": tuple(Section(f"part {n}") for n in range(51))}, "more than 50 sections"),
        ({"sections": (Section("a"), Section("a"))}, "same name"),
        ({"sections": (Section(" "),)}, "no name"),
        ({"sections": fixed("q_1", weight=0)}, "weights"),
        ({"sections": fixed("q_1", weight=10_001)}, "weights"),
        ({"sections": drawn(*[Draw(1)] * 101)}, "more than 100 draws"),
        ({"sections": drawn(Draw(0))}, "takes not 1 to 500"),
        ({"sections": drawn(Draw(1, points=0))}, "points"),
        ({"sections": drawn(Draw(1, question_ids=("q_1", "q_1")))}, "names a question twice"),
        ({"sections": drawn(Draw(1, question_ids=tuple(f"q_{n}" for n in range(5001))))}, "more than 5000"),
        ({"sections": drawn(Draw(1, skill=""))}, "empty"),
        ({"sections": drawn(Draw(1, tags=("",)))}, "empty"),
        ({"not_together": tuple((f"q_{n}", f"p_{n}") for n in range(501))}, "more than 500 not_together"),
        ({"not_together": (("q_1",),)}, "fewer than two"),
        ({"not_together": (("q_1", "q_2"), ("q_3", "q_1"))}, "twice"),
        ({"attempt_delay_minutes": -1}, "attempt_delay_minutes"),
        ({"negative_marking": 1001}, "negative_marking"),
        ({"priority_weights": PriorityWeights(high=0)}, "priority_weights"),
        ({"max_pause_minutes": 0}, "max_pause_minutes"),
        ({"skills": (SkillRule("", Priority.HIGH),)}, "no name"),
        ({"skills": (SkillRule("Git", Priority.HIGH), SkillRule("Git", Priority.LOW))}, "twice"),
        ({"skills": (SkillRule("Git", Priority.HIGH, 100_001),)}, "pass_mark"),
    ],
    ids=lambda value: value if isinstance(value, str) else ", ".join(value),
)
def test_each_broken_rule_is_named_and_nothing_else(changes: dict[str, Any], word: str) -> None:
    [problem] = problems(**changes)
    assert word in problem


@pytest.mark.parametrize(
    ("questions", "word"),
    [
        ((FixedQuestion("q_1"), FixedQuestion("q_1")), "twice"),
        ((FixedQuestion("q_1", 0),), "points"),
        ((FixedQuestion("q_1", -1),), "points"),
        ((FixedQuestion("q_1", 1_000_001),), "points"),
        (tuple(FixedQuestion(f"q_{n}") for n in range(501)), "more than 500"),
    ],
    ids=["twice", "zero", "negative", "too much", "too many"],
)
def test_questions_that_cannot_be_are_named(questions: tuple[FixedQuestion, ...], word: str) -> None:
    with pytest.raises(InvalidMessage) as refusal:
        check_blueprint(blueprint(sections=(Section(questions=questions),)))
    [problem] = refusal.value.details["problems"]
    assert word in problem


def test_all_problems_are_named_at_once() -> None:
    assert len(problems(name="", pass_mark=-1, max_attempts=0)) == 3


@pytest.mark.parametrize("side", ["opens_at", "closes_at"])
@pytest.mark.parametrize(
    "never",
    [datetime.max.replace(tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-11)))],
)
def test_a_window_in_the_far_future_is_refused_before_arithmetic_fails_on_it(side: str, never: datetime) -> None:
    [problem] = problems(**{side: never})
    assert "years" in problem


def test_the_latest_window_that_is_accepted_can_be_swept() -> None:
    rules = blueprint(sections=ONE, closes_at=datetime(8999, 12, 31, 23, 59, 59, tzinfo=UTC), grace_seconds=300)
    check_blueprint(rules)
    deadline = first_deadline(START, None, rules.closes_at)
    assert deadline is not None
    assert sweep_at(START, Schedule(deadline, rules.grace), rules.abandon_after) > deadline


def test_limits_are_given_as_durations() -> None:
    rules = blueprint(time_limit_minutes=90, grace_seconds=7, abandon_after_days=2)
    assert rules.time_limit == timedelta(hours=1.5)
    assert rules.grace == timedelta(seconds=7)
    assert rules.abandon_after == timedelta(days=2)
    assert blueprint(time_limit_minutes=None).time_limit is None


# --- publishing ---


def bank(*question_ids: str, **changes: Any) -> Bank:
    return {id_: banked(id_, content(number, **changes)) for number, id_ in enumerate(question_ids, start=1)}


def refusal_of(draft: Blueprint, known: dict[str, QuestionVersion]) -> dict[str, Any]:
    with pytest.raises(PublicationRefused) as refusal:
        publish(draft, known)
    return refusal.value.details


def test_publishing_pins_contents_sorted_by_id_and_what_each_draw_may_take() -> None:
    known = bank("q_2", "q_1", "q_4") | bank("q_3", skill="Git")
    parts = (*fixed("q_4"), Section("more", draws=(Draw(1), Draw(1, skill="Git"))))
    assert publish(blueprint(sections=parts), known).snapshot == BankSnapshot(
        tuple(PublishedQuestion(id_, known[id_].digest) for id_ in ("q_1", "q_2", "q_3", "q_4")),
        ((), ((0, 1, 2, 3), (2,))),
    )


def test_publishing_names_every_missing_question_wherever_it_stands() -> None:
    draft = blueprint(sections=(*fixed("q_1", "q_8"), Section("b", draws=(Draw(1, question_ids=("q_1", "q_9")),))))
    details = refusal_of(replace(draft, not_together=(("q_1", "q_7"),)), bank("q_1"))
    assert details["missing"] == ["q_8", "q_9", "q_7"]
    assert "question q_7 is not in the bank" in details["problems"]


def test_publishing_nothing_is_refused() -> None:
    assert refusal_of(blueprint(), bank("q_1"))["problems"] == ["it has no questions"]


def test_refusal_names_the_draws_that_starve_each_other_and_no_others() -> None:
    known = bank("q_1", "q_2", "q_3") | bank("q_8", "q_9", skill="Git")
    tight = (Draw(2, skill="python"), Draw(1, difficulty=Difficulty.EASY), Draw(3, question_ids=("q_1", "q_2", "q_3")))
    [clash] = refusal_of(blueprint(sections=drawn(Draw(1, skill="Git"), *tight)), known)["clashes"]
    assert clash == {
        "draws": ["section main, draw 2 (skill python)", "section main, draw 4 (of 3 alternatives)"],
        "needed": 5,
        "available": 3,
        "missing": 2,
    }


def test_question_of_a_group_counts_once_and_that_of_a_fixed_one_not_at_all() -> None:
    known = bank("q_1", "q_2", "q_3", "q_4")
    grouped = blueprint(sections=drawn(Draw(3)), not_together=(("q_1", "q_2"),))
    assert examine(grouped, known).problems == []
    assert examine(replace(grouped, sections=drawn(Draw(4))), known).clashes[0].available == 3
    beside_fixed = replace(grouped, sections=(Section(questions=(FixedQuestion("q_1"),), draws=(Draw(3),)),))
    assert examine(beside_fixed, known).clashes[0].available == 2


@pytest.mark.parametrize(
    ("sections", "share", "error"),
    [
        (fixed("q_1", "q_2"), 100_000, 0),
        (drawn(Draw(2)), 50_000, 0),
        (drawn(Draw(1), Draw(1)), 50_000, 0),
        (drawn(Draw(1, question_ids=("q_1", "q_2")), Draw(1, question_ids=("q_3", "q_4"))), 50_000, 0),
        ((Section(questions=(FixedQuestion("q_1"),), draws=(Draw(1),)),), 66_667, 0),
    ],
    ids=["all fixed", "one pool", "one pool twice", "two pools", "fixed and drawn"],
)
def test_overlap_is_exact_where_all_questions_of_a_pool_are_alike(
    sections: tuple[Section, ...], share: int, error: int
) -> None:
    made = publish(blueprint(sections=sections), bank("q_1", "q_2", "q_3", "q_4"))
    assert (made.overlap, made.overlap_error) == (share, error)


def test_overlap_of_draws_that_meet_is_sampled_with_its_error() -> None:
    known = bank(*(f"q_{n}" for n in range(10)))
    parts = drawn(Draw(1), Draw(1, question_ids=("q_1", "q_2")))
    made = publish(blueprint(sections=parts), known)
    # q_1 and q_2 stand in a paper with probability 0.1 + 0.1 + 0.8 / 2, the others with 0.1: (2·0.6² + 8·0.1²) / 2.
    assert abs(made.overlap - 40_000) <= 3 * made.overlap_error
    assert 0 < made.overlap_error < 2_000
