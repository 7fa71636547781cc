"""What REST answers about the bank's supply for a skill graph."""

from __future__ import annotations

from dataclasses import dataclass

from sitting.api.version_bodies import DrawClash, DrawCoverage, shown_check
from sitting.domain.priority import Priority
from sitting.domain.question import Difficulty
from sitting.questions.coverage import SkillCoverage
from sitting.questions.publication import Examination
from sitting.usecases.cover_test import SectionCoverage


@dataclass(frozen=True, slots=True)
class DifficultyNeeds:
    """How many questions of a difficulty are needed, how many the bank has, and how many are missing."""

    difficulty: Difficulty
    needed: int
    in_bank: int
    missing: int


@dataclass(frozen=True, slots=True)
class SkillNeeds:
    """What a skill of the graph needs and has.

    Attributes:
        parents: the skills around it, the outermost first.
        waiting: proposals about it, of any difficulty, that wait for a reviewer.
    """

    skill: str
    priority: Priority
    depth: int
    parents: list[str]
    waiting: int
    difficulties: list[DifficultyNeeds]


def shown_needs(covered: SkillCoverage) -> SkillNeeds:
    """A stop of a skill graph as REST shows it."""
    return SkillNeeds(
        covered.skill,
        covered.priority,
        covered.depth,
        list(covered.parents),
        covered.waiting,
        [DifficultyNeeds(each.difficulty, each.needed, each.in_bank, each.missing) for each in covered.supplies],
    )


@dataclass(frozen=True, slots=True)
class SectionNeeds:
    """A generated section, skill by skill in the order in which they are asked about."""

    section: str
    skills: list[SkillNeeds]


@dataclass(frozen=True, slots=True)
class TestCoverage:
    """What the draft of a Test needs, what the bank has for it, and whether that is enough.

    Attributes:
        sections: those that are generated; the bank holds a reserve for each of their questions.
        draws: all kinds of draws, those of generated sections included.
        problems, clashes: why it cannot be published.
    """

    test_id: int
    can_be_published: bool
    sections: list[SectionNeeds]
    draws: list[DrawCoverage]
    problems: list[str]
    clashes: list[DrawClash]


def shown_coverage(test_id: int, sections: list[SectionCoverage], examination: Examination) -> TestCoverage:
    """The coverage of a Test as REST shows it."""
    check = shown_check(examination)
    return TestCoverage(
        test_id=test_id,
        can_be_published=check.can_be_published,
        sections=[SectionNeeds(each.section, list(map(shown_needs, each.skills))) for each in sections],
        draws=check.coverage,
        problems=check.problems,
        clashes=check.clashes,
    )
