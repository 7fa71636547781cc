"""See what the bank has for a skill graph, before there is a Test with it."""

from __future__ import annotations

from sitting.domain.skill_graph import SkillGraph
from sitting.questions.coverage import SkillCoverage
from sitting.storage.unit_of_work import Storage
from sitting.usecases.graph_checks import coverage_in, require_graph


async def cover_skill_graph(storage: Storage, graph: SkillGraph) -> list[SkillCoverage]:
    """What each skill needs and has, in the order in which they are asked about.

    Raises:
        InvalidMessage: it is no skill graph; `details.problems` lists why.
    """
    require_graph(graph)
    async with storage.reading() as unit:
        return await coverage_in(unit, graph)
