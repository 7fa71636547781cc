"""What runs are asked for. Without LangGraph, which only those import who drive them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from sitting.domain.question import Difficulty
from sitting.domain.skill_graph import SkillGraph, visits, walk

AHEAD = 2
"""Questions to be ready beyond the one that the candidate is at."""


class AuthoringWish(msgspec.Struct, frozen=True):
    """What an author wants.

    Attributes:
        about: by skill, what else there is to know, such as the words of a job description: material, never orders.
        accept: items that pass every gate go into the bank without a review.
    """

    graph: SkillGraph
    about: dict[str, str] = {}
    accept: bool = False


class Slot(msgspec.Struct, frozen=True):
    """A place in the paper for which a question is written.

    Attributes:
        difficulty: of the reserve that the bank has for it. allowed: what a question there may have, the easier first.
    """

    position: int
    skill: str
    difficulty: Difficulty
    allowed: tuple[Difficulty, ...] = ()
    depth: int = 2
    parents: tuple[str, ...] = ()
    sub_skills: tuple[str, ...] = ()


class LiveWish(msgspec.Struct, frozen=True):
    """What is to be written for one candidate; `uses_answers`: what they answered has a say in it."""

    assessment_id: int
    slots: tuple[Slot, ...]
    ahead: int = AHEAD
    uses_answers: bool = True


def slots_of(graph: SkillGraph, wanted: Iterable[tuple[int, str, Difficulty]]) -> tuple[Slot, ...]:
    """The slots of a paper.

    Args:
        wanted: position, skill and difficulty of each question that is held in reserve for a generated section.

    Raises:
        LookupError: the skill graph has no such skill.
    """
    skills = {skill.name: (skill, parents) for skill, parents in walk(graph.skills)}
    allowed = {visit.skill: tuple(difficulty for difficulty, _ in visit.wanted) for visit in visits(graph)}
    found = []
    for position, name, difficulty in wanted:
        skill, parents = skills[name]
        parts = tuple(part.name for part in skill.skills)
        found.append(Slot(position, name, difficulty, allowed.get(name, ()), skill.depth, parents, parts))
    return tuple(found)
