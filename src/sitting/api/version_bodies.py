"""What REST answers about Tests, their versions, and what publishing would say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sitting.api.draft import Draft, shown_draft
from sitting.api.fields import points
from sitting.domain.blueprint import DraftedTest, PublishedVersion
from sitting.domain.paper import PaperQuestion
from sitting.domain.question import Difficulty, QuestionType, TextMatch
from sitting.questions.publication import Examination
from sitting.usecases.sample_paper import SamplePaper


@dataclass(frozen=True, slots=True)
class EditedTest:
    """A Test as its authors see it; `current_version` is the number of the newest version, null before the first.

    `draft_digest` tells states of the draft apart; it is the ETag, too. Nobody can start a Test that is archived.
    """

    test_id: int
    current_version: int | None
    draft: Draft
    draft_digest: str
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None


def shown_test(test: DraftedTest) -> EditedTest:
    """A Test as REST shows it."""
    return EditedTest(
        test.test_id,
        test.current_version,
        shown_draft(test.draft),
        test.draft.digest(),
        test.created_at,
        test.updated_at,
        test.archived_at,
    )


@dataclass(frozen=True, slots=True)
class VersionQuestion:
    """A question that papers may hold, with the SHA-256, in hex, of its content at publication."""

    question_id: str
    content_digest: str


@dataclass(frozen=True, slots=True)
class TestVersion:
    """An immutable version of a Test; `number` counts from 1.

    `questions` is all that papers are drawn from; `expected_overlap` the percentage of questions that two candidates'
    papers have in common, with its standard error, which is 0 where the percentage is exact.
    """

    version_id: int
    test_id: int
    number: int
    blueprint: Draft
    questions: list[VersionQuestion]
    expected_overlap: float | None
    overlap_error: float | None
    published_at: datetime


def shown_version(version: PublishedVersion) -> TestVersion:
    """A version as REST shows it."""
    questions = [VersionQuestion(q.question_id, q.content_digest) for q in version.snapshot.questions]
    return TestVersion(
        version.version_id,
        version.test_id,
        version.number,
        shown_draft(version.blueprint),
        questions,
        points(version.overlap),
        points(version.overlap_error),
        version.published_at,
    )


@dataclass(frozen=True, slots=True)
class DrawClash:
    """Draws that together need more questions than they can have."""

    draws: list[str]
    needed: int
    available: int
    missing: int


@dataclass(frozen=True, slots=True)
class DrawCoverage:
    """What all draws of one kind need together, and how many questions there are for them; null stands for any."""

    skill: str | None
    difficulty: str | None
    tags: list[str]
    needed: int
    available: int


@dataclass(frozen=True, slots=True)
class TestCheck:
    """What publishing would say now. `warnings` do not hinder it; overlap is null where it would be refused."""

    can_be_published: bool
    total_questions: int
    problems: list[str]
    missing: list[str]
    clashes: list[DrawClash]
    coverage: list[DrawCoverage]
    warnings: list[str]
    expected_overlap: float | None
    overlap_error: float | None


def shown_check(found: Examination) -> TestCheck:
    """An examination as REST shows it."""
    return TestCheck(
        can_be_published=not found.problems,
        total_questions=found.plan.blueprint.total_questions,
        problems=list(found.problems),
        missing=list(found.missing),
        clashes=[DrawClash(list(c.draws), c.needed, c.available, c.needed - c.available) for c in found.clashes],
        coverage=[DrawCoverage(c.skill, c.difficulty, list(c.tags), c.needed, c.available) for c in found.coverage],
        warnings=list(found.warnings),
        expected_overlap=points(found.overlap.share if found.overlap else None),
        overlap_error=points(found.overlap.error if found.overlap else None),
    )


@dataclass(frozen=True, slots=True)
class SampleOption:
    """A choice, in the order in which this paper shows it."""

    id: str
    text: str
    correct: bool


@dataclass(frozen=True, slots=True)
class AcceptedValue:
    """A right number or text; a number's `tolerance` counts on both sides, a text's `match` says how it is compared."""

    value: str
    tolerance: str | None
    match: TextMatch | None
    credit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleQuestion:
    """A place of a sample paper, with the key."""

    position: int
    question_id: str
    section: str
    points: float
    type: QuestionType
    skill: str
    difficulty: Difficulty
    text: str
    options: list[SampleOption]
    accepted: list[AcceptedValue]
    unit: str
    explanation: str


@dataclass(frozen=True, slots=True)
class ShownPaper:
    """A paper that nobody takes; `seed` gives it again as long as draft and bank stay as they are."""

    seed: str
    max_score: float
    questions: list[SampleQuestion]


def shown_paper(sample: SamplePaper) -> ShownPaper:
    """A sample paper as REST shows it."""
    questions = [_sample_question(question) for question in sample.paper.questions]
    return ShownPaper(sample.seed, sample.paper.max_score / 1000, questions)


def _sample_question(question: PaperQuestion) -> SampleQuestion:
    content = question.content
    texts = {option.id: option.text for option in content.options}
    numbers = [AcceptedValue(n.value, n.tolerance, None, n.credit / 1000) for n in content.numbers]
    accepted = [AcceptedValue(a.text, None, a.match, a.credit / 1000) for a in content.accepted]
    same: dict[str, Any] = {
        name: getattr(content, name) for name in ("type", "skill", "difficulty", "text", "unit", "explanation")
    }
    return SampleQuestion(
        position=question.position,
        question_id=question.question_id,
        section=question.section,
        points=question.points / 1000,
        options=[SampleOption(id_, texts[id_], id_ in content.right_options) for id_ in question.option_order],
        accepted=numbers + accepted,
        **same,
    )
