"""The blueprint of a Test: what an author says about it, and what publishing makes of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sitting.domain.errors import InvalidMessage, PublicationRefused
from sitting.domain.question import QuestionVersion
from sitting.kit.canonical import is_storable

MAX_QUESTIONS = 500
MAX_LIMIT_MINUTES = 7 * 24 * 60
MAX_GRACE_SECONDS = 300
MAX_ATTEMPTS = 100
YEARS = range(1970, 9000)


@dataclass(frozen=True, slots=True)
class FixedQuestion:
    """A question that every candidate gets; `points` in integer thousandths."""

    question_id: str
    points: int = 1000


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The rules of a Test, as drafted or as published.

    Attributes:
        time_limit_minutes: None leaves the time unlimited.
        grace_seconds: how long after the deadline an answer on its way still counts.
        opens_at, closes_at: attempts may start from the one until just before the other; None leaves that side open.
            An assessment ends with the window: what arrives at closes_at still counts.
        max_attempts: how many assessments of one application count, at most.
        pass_mark: percentage needed to pass, in thousandths of a percent.
        abandon_after_days: after so many days an assessment without a deadline is closed.
    """

    name: str
    description: str = ""
    questions: tuple[FixedQuestion, ...] = ()
    time_limit_minutes: int | None = None
    grace_seconds: int = 5
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    max_attempts: int = 1
    pass_mark: int = 50_000
    abandon_after_days: int = 30

    @property
    def time_limit(self) -> timedelta | None:
        """The time limit; None if there is none."""
        return None if self.time_limit_minutes is None else timedelta(minutes=self.time_limit_minutes)

    @property
    def grace(self) -> timedelta:
        return timedelta(seconds=self.grace_seconds)

    @property
    def abandon_after(self) -> timedelta:
        return timedelta(days=self.abandon_after_days)

    def is_open(self, now: datetime) -> bool:
        """Whether an attempt may start now."""
        return (self.opens_at is None or now >= self.opens_at) and (self.closes_at is None or now < self.closes_at)


@dataclass(frozen=True, slots=True)
class PublishedQuestion:
    """A question with the content that it had when the Test was published."""

    question_id: str
    points: int
    content_digest: str


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """An immutable version of a Test. `number` counts from 1; `version_id` is what assessments pin."""

    version_id: int
    test_id: int
    number: int
    blueprint: Blueprint
    questions: tuple[PublishedQuestion, ...]
    published_at: datetime


@dataclass(frozen=True, slots=True)
class DraftedTest:
    """A Test as its authors see it: the draft, and the number of the newest version (None before the first)."""

    test_id: int
    draft: Blueprint
    current_version: int | None
    created_at: datetime
    updated_at: datetime


def check_blueprint(blueprint: Blueprint) -> None:
    """Refuse a draft that no bank could make right.

    Raises:
        InvalidMessage: `details.problems` lists what is wrong.
    """
    limit, opens, closes = blueprint.time_limit_minutes, blueprint.opens_at, blueprint.closes_at
    ids = [question.question_id for question in blueprint.questions]
    checks = {
        "name is empty": not blueprint.name.strip(),
        f"time_limit_minutes is not 1 to {MAX_LIMIT_MINUTES}": limit is not None
        and not 1 <= limit <= MAX_LIMIT_MINUTES,
        f"grace_seconds is not 0 to {MAX_GRACE_SECONDS}": not 0 <= blueprint.grace_seconds <= MAX_GRACE_SECONDS,
        f"max_attempts is not 1 to {MAX_ATTEMPTS}": not 1 <= blueprint.max_attempts <= MAX_ATTEMPTS,
        "pass_mark is not 0 to 100": not 0 <= blueprint.pass_mark <= 100_000,
        "abandon_after_days is not 1 to 3650": not 1 <= blueprint.abandon_after_days <= 3650,
        "opens_at or closes_at has no time zone": any(at is not None and at.tzinfo is None for at in (opens, closes)),
        f"opens_at or closes_at is not in the years {YEARS.start} to {YEARS.stop - 1}": any(
            at is not None and at.year not in YEARS for at in (opens, closes)
        ),
        f"it has more than {MAX_QUESTIONS} questions": len(ids) > MAX_QUESTIONS,
        "a question stands in it twice": len(set(ids)) != len(ids),
        "points are not 0.001 to 1000": any(not 1 <= q.points <= 1_000_000 for q in blueprint.questions),
        "NUL and lone surrogates are not possible": not is_storable(blueprint.name + blueprint.description),
    }
    problems = [problem for problem, found in checks.items() if found]
    if not problems and opens is not None and closes is not None and opens >= closes:
        problems.append("the window closes before it opens")
    if problems:
        raise InvalidMessage("This test cannot be stored.", problems=problems)


def publish(blueprint: Blueprint, bank: Mapping[str, QuestionVersion]) -> tuple[PublishedQuestion, ...]:
    """Fix the content of each question that the draft names.

    Args:
        bank: the current versions, by question_id, of the questions that still exist.

    Raises:
        PublicationRefused: `details.problems` names each clash, `details.missing` the missing questions.
    """
    missing = [question.question_id for question in blueprint.questions if question.question_id not in bank]
    problems: Sequence[str] = [f"question {question_id} is not in the bank" for question_id in missing]
    if not blueprint.questions:
        problems = ["it has no questions"]
    if problems:
        raise PublicationRefused(problems=problems, missing=missing)
    return tuple(
        PublishedQuestion(question.question_id, question.points, bank[question.question_id].digest)
        for question in blueprint.questions
    )
