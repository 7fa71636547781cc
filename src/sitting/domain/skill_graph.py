"""What a Test is to find out: skills with sub-skills, how much each matters, and how deep to ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sitting.domain.priority import Priority
from sitting.domain.question import Difficulty

MOST_SKILLS = 200
DEEPEST_TREE = 4
MOST_QUESTIONS = 50
DEPTHS = (1, 2, 3)
# How deep to ask, as difficulties that share the questions; what is left over is of the first.
_DIFFICULTIES = {
    1: (Difficulty.EASY,),
    2: (Difficulty.EASY, Difficulty.MEDIUM),
    3: (Difficulty.MEDIUM, Difficulty.HARD),
}


@dataclass(frozen=True, slots=True)
class Skill:
    """A skill and the parts that it has.

    Attributes:
        name: as the bank's questions name it.
        depth: how deep to ask: 1 what it is, 2 how it is used, 3 what goes wrong with it and why.
        questions: how many to ask about it; None: as many as its priority says. A skill that only holds others has 0.
    """

    name: str
    priority: Priority = Priority.MEDIUM
    depth: int = 2
    questions: int | None = None
    skills: tuple[Skill, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionsPerPriority:
    """How many questions a skill gets that does not say it itself."""

    high: int = 5
    medium: int = 5
    low: int = 3

    def of(self, priority: Priority) -> int:
        """As many as a skill of that priority gets."""
        return {Priority.HIGH: self.high, Priority.MEDIUM: self.medium, Priority.LOW: self.low}[priority]


@dataclass(frozen=True, slots=True)
class SkillGraph:
    """A forest of skills, each with a name of its own."""

    skills: tuple[Skill, ...] = ()
    per_priority: QuestionsPerPriority = QuestionsPerPriority()


@dataclass(frozen=True, slots=True)
class Visit:
    """A stop on the way through a skill graph.

    Attributes:
        parents: the names of the skills around it, the outermost first.
        wanted: how many questions of which difficulty, the easier ones first.
    """

    skill: str
    priority: Priority
    depth: int
    parents: tuple[str, ...]
    wanted: tuple[tuple[Difficulty, int], ...]


def visits(graph: SkillGraph) -> list[Visit]:
    """The way through: what matters most first, then what needs less depth, then as the author has put it."""
    stops = [
        Visit(skill.name, skill.priority, skill.depth, parents, _wanted(graph, skill))
        for skill, parents in walk(graph.skills)
    ]
    order = list(Priority)
    return sorted((each for each in stops if each.wanted), key=lambda v: (order.index(v.priority), v.depth))


def _wanted(graph: SkillGraph, skill: Skill) -> tuple[tuple[Difficulty, int], ...]:
    count = graph.per_priority.of(skill.priority) if skill.questions is None else skill.questions
    shares = _DIFFICULTIES[skill.depth]
    each, left = divmod(count, len(shares))
    wanted = ((difficulty, each + (number < left)) for number, difficulty in enumerate(shares))
    return tuple((difficulty, number) for difficulty, number in wanted if number)


def walk(skills: tuple[Skill, ...], parents: tuple[str, ...] = ()) -> Iterator[tuple[Skill, tuple[str, ...]]]:
    """All skills, each before its parts, with the names of those around it."""
    for skill in skills:
        yield skill, parents
        yield from walk(skill.skills, (*parents, skill.name))


def skill_graph_problems(graph: SkillGraph) -> Iterator[str]:
    """What is wrong with it, in sentences; nothing if it is a skill graph."""
    if not graph.skills:
        yield "a skill graph has at least one skill"
        return
    names = [skill.name.casefold() for skill, _ in walk(graph.skills)]
    if len(names) > MOST_SKILLS:
        yield f"a skill graph has at most {MOST_SKILLS} skills"
        return
    for skill, parents in walk(graph.skills):
        yield from _skill_problems(skill, parents)
        if names.count(skill.name.casefold()) > 1:
            yield f"two skills have one name: {skill.name}"
    counts = (graph.per_priority.high, graph.per_priority.medium, graph.per_priority.low)
    if not all(0 <= count <= MOST_QUESTIONS for count in counts):
        yield f"a priority gives 0 to {MOST_QUESTIONS} questions"
    elif all(skill.depth in DEPTHS for skill, _ in walk(graph.skills)) and not visits(graph):
        yield "a skill graph asks no question"


def _skill_problems(skill: Skill, parents: tuple[str, ...]) -> Iterator[str]:
    problems = {
        "a skill of a skill graph has no name": not skill.name.strip(),
        f"skills go {DEEPEST_TREE} levels deep at most: {skill.name}": len(parents) >= DEEPEST_TREE,
        f"depth is one of {', '.join(map(str, DEPTHS))}: {skill.name}": skill.depth not in DEPTHS,
        f"a skill gets 0 to {MOST_QUESTIONS} questions: {skill.name}": not 0
        <= (skill.questions or 0)
        <= MOST_QUESTIONS,
    }
    return (problem for problem, found in problems.items() if found)
