from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from sitting.domain.blueprint import FixedQuestion, PublishedQuestion, check_blueprint, publish
from sitting.domain.deadline import Schedule, first_deadline, sweep_at
from sitting.domain.errors import InvalidMessage, PublicationRefused
from sitting.domain.question import QuestionVersion
from tests.support.samples import START, blueprint, content

ONE = (FixedQuestion("q_1"),)


def problems(**changes: Any) -> list[str]:
    with pytest.raises(InvalidMessage) as refusal:
        check_blueprint(blueprint(questions=ONE, **changes))
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
        {"questions": (FixedQuestion("q_1", 1), FixedQuestion("q_2", 1_000_000))},
        {"questions": tuple(FixedQuestion(f"q_{n}") for n in range(500))},
        {"questions": ()},
    ],
    ids=str,
)
def test_rules_at_their_limits_are_accepted(changes: dict[str, Any]) -> None:
    check_blueprint(blueprint(**{"questions": ONE} | changes))


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
    ],
    ids=str,
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
        check_blueprint(blueprint(questions=questions))
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
    rules = blueprint(questions=ONE, closes_at=datetime(8999, 12, 31, 23, 59, 59, tzinfo=UTC), grace_seconds=300)
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


def bank(*question_ids: str) -> dict[str, QuestionVersion]:
    versions = {}
    for number, question_id in enumerate(question_ids, start=1):
        what = content(number)
        versions[question_id] = QuestionVersion(question_id, None, 1, what, what.digest())
    return versions


def test_publishing_pins_points_and_content_in_the_order_of_the_draft() -> None:
    known = bank("q_1", "q_2", "q_3")
    draft = blueprint(questions=(FixedQuestion("q_2", 500), FixedQuestion("q_1")))
    assert publish(draft, known) == (
        PublishedQuestion("q_2", 500, known["q_2"].digest),
        PublishedQuestion("q_1", 1000, known["q_1"].digest),
    )


def test_publishing_names_every_missing_question() -> None:
    draft = blueprint(questions=tuple(map(FixedQuestion, ("q_1", "q_8", "q_9"))))
    with pytest.raises(PublicationRefused) as refusal:
        publish(draft, bank("q_1"))
    assert refusal.value.details["missing"] == ["q_8", "q_9"]
    assert len(refusal.value.details["problems"]) == 2


def test_publishing_nothing_is_refused() -> None:
    with pytest.raises(PublicationRefused) as refusal:
        publish(blueprint(), bank("q_1"))
    assert refusal.value.details["problems"] == ["it has no questions"]
