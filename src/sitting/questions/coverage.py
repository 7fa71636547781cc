"""What the draws of a Test need, and what there is for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sitting.domain.blueprint import Blueprint, Draw
from sitting.domain.priority import Priority
from sitting.domain.question import Difficulty
from sitting.domain.skill_graph import SkillGraph, visits
from sitting.questions.drawing import Plan
from sitting.questions.matching import match


@dataclass(frozen=True, slots=True)
class Clash:
    """Draws that together need more questions than they can have, however these are dealt out.

    Of a not-together group one question counts, and none of one that a fixed question belongs to.
    """

    draws: tuple[str, ...]
    needed: int
    available: int

    @property
    def sentence(self) -> str:
        """The clash in words."""
        who = self.draws[0] if len(self.draws) == 1 else "; ".join(self.draws) + " together"
        return f"{who}: {self.needed} questions are needed, and {self.available} can be had"

    def details(self) -> dict[str, object]:
        """The clash for a program."""
        missing = self.needed - self.available
        return {"draws": list(self.draws), "needed": self.needed, "available": self.available, "missing": missing}


@dataclass(frozen=True, slots=True)
class Coverage:
    """What all draws of one kind need together, and how many questions there are for them; None: any."""

    skill: str | None
    difficulty: str | None
    tags: tuple[str, ...]
    needed: int
    available: int


@dataclass(frozen=True, slots=True)
class Supply:
    """How many questions of a difficulty a skill is to have, and how many the bank has."""

    difficulty: Difficulty
    needed: int
    in_bank: int

    @property
    def missing(self) -> int:
        return max(0, self.needed - self.in_bank)


@dataclass(frozen=True, slots=True)
class SkillCoverage:
    """What a stop of a skill graph needs, and what there is for it.

    Attributes:
        parents: the names of the skills around it, the outermost first.
        waiting: proposals about this skill, of any difficulty, that wait for a reviewer.
    """

    skill: str
    priority: Priority
    depth: int
    parents: tuple[str, ...]
    waiting: int
    supplies: tuple[Supply, ...]


def coverage_of_graph(
    graph: SkillGraph, stock: Mapping[tuple[str, Difficulty], int], waiting: Mapping[str, int]
) -> list[SkillCoverage]:
    """What each skill needs and has, in the order of the visits.

    Args:
        stock: how many questions the bank has, by skill and difficulty. waiting: how many proposals wait, by skill.
    """
    return [
        SkillCoverage(
            visit.skill,
            visit.priority,
            visit.depth,
            visit.parents,
            waiting.get(visit.skill, 0),
            tuple(Supply(difficulty, n, stock.get((visit.skill, difficulty), 0)) for difficulty, n in visit.wanted),
        )
        for visit in visits(graph)
    ]


def clashes_of(plan: Plan) -> list[Clash]:
    """Each set of draws that reaches too few classes, by the theorem of Hall: proof that no full paper exists.

    None is found exactly if there is a full paper.
    """
    names = names_of_draws(plan.blueprint)
    stuck = match(plan.counts, plan.pools, plan.class_of).stuck
    return [
        Clash(
            draws=tuple(names[number] for number in sorted(draws)),
            needed=sum(plan.counts[number] for number in draws),
            available=_classes(plan, draws),
        )
        for draws in dict.fromkeys(stuck)
    ]


def coverage_of(plan: Plan) -> list[Coverage]:
    """What is needed and available by skill, difficulty and tags, in the order of the draws."""
    kinds: dict[tuple[str | None, str | None, tuple[str, ...]], list[int]] = {}
    for number, draw in enumerate(_draws(plan.blueprint)):
        kinds.setdefault((draw.skill, draw.difficulty, tuple(sorted(draw.tags))), []).append(number)
    return [
        Coverage(*kind, needed=sum(plan.counts[number] for number in draws), available=_classes(plan, draws))
        for kind, draws in kinds.items()
    ]


def names_of_draws(blueprint: Blueprint) -> Sequence[str]:
    """How each draw is called where people read of it, over all sections."""
    return [
        f"section {section.name}, draw {number}{_criteria(draw)}"
        for section in blueprint.sections
        for number, draw in enumerate(section.all_draws, start=1)
    ]


def _classes(plan: Plan, draws: frozenset[int] | list[int]) -> int:
    return len({plan.class_of[question] for number in draws for question in plan.pools[number]})


def _draws(blueprint: Blueprint) -> Iterator[Draw]:
    return (draw for section in blueprint.sections for draw in section.all_draws)


def _criteria(draw: Draw) -> str:
    said = [
        f"skill {draw.skill}" if draw.skill else "",
        str(draw.difficulty) if draw.difficulty else "",
        *(f"tag {tag}" for tag in draw.tags),
        f"of {len(draw.question_ids)} alternatives" if draw.question_ids else "",
    ]
    what = ", ".join(part for part in said if part)
    return f" ({what})" if what else ""
