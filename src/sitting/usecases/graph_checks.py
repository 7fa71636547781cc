"""What several use cases ask of a skill graph."""

from __future__ import annotations

from sitting.domain.errors import InvalidMessage
from sitting.domain.skill_graph import SkillGraph, skill_graph_problems, walk
from sitting.kit.canonical import is_storable
from sitting.questions.coverage import SkillCoverage, coverage_of_graph
from sitting.storage.unit_of_work import UnitOfWork


def require_graph(graph: SkillGraph) -> None:
    """Refuse what is no skill graph.

    Raises:
        InvalidMessage: `details.problems` lists why.
    """
    problems = list(skill_graph_problems(graph))
    if not all(is_storable(skill.name) for skill, _ in walk(graph.skills)):
        problems.append("NUL and lone surrogates are not possible")
    if problems:
        raise InvalidMessage("This is no skill graph.", problems=problems)


async def coverage_in(unit: UnitOfWork, graph: SkillGraph) -> list[SkillCoverage]:
    """What each skill of the graph needs and has, as the bank and the proposals stand."""
    counts = await unit.questions.skills()
    stock = {(each.skill, difficulty): n for each in counts for difficulty, n in each.questions.items()}
    return coverage_of_graph(graph, stock, await unit.proposals.waiting_by_skill())
