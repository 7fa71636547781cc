"""See what the bank has for the skill graphs of a Test, before it is published."""

from __future__ import annotations

from dataclasses import dataclass

from sitting.questions.coverage import SkillCoverage
from sitting.storage.unit_of_work import Storage
from sitting.usecases.graph_checks import coverage_in


@dataclass(frozen=True, slots=True)
class SectionCoverage:
    """A generated section of a Test, skill by skill in the order in which they are asked about."""

    section: str
    skills: list[SkillCoverage]


async def cover_test(storage: Storage, test_id: int) -> list[SectionCoverage]:
    """What the generated sections of the draft need and have. Nothing is stored.

    Raises:
        BlueprintNotFound: there is no such Test.
    """
    async with storage.reading() as unit:
        draft = (await unit.blueprints.select(test_id)).draft
        return [
            SectionCoverage(section.name, await coverage_in(unit, section.generated.graph))
            for section in draft.sections
            if section.generated is not None
        ]
