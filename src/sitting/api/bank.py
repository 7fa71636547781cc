"""What the bank is made of: its skills and tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter

from sitting.api.problems import refusals
from sitting.api.security import Parts, require
from sitting.domain.question import Difficulty
from sitting.identity.access import Action
from sitting.identity.identify import Identity

router = APIRouter(tags=["questions"])

Reader = Annotated[Identity, require(Action.READ_BANK)]


@dataclass(frozen=True, slots=True)
class BankSkill:
    """A skill, with how many questions of the bank it has: all, and by difficulty."""

    skill: str
    questions: int
    easy: int
    medium: int
    hard: int


@dataclass(frozen=True, slots=True)
class BankTag:
    """A tag, with how many questions of the bank have it."""

    tag: str
    questions: int


@router.get("/skills", responses=refusals())
async def list_skills(services: Parts, _who: Reader) -> list[BankSkill]:
    """The skills of the bank by name; archived questions do not count."""
    async with services.storage.reading() as unit:
        found = await unit.questions.skills()
    counts = [(each.skill, [each.questions.get(difficulty, 0) for difficulty in Difficulty]) for each in found]
    return [BankSkill(skill, sum(numbers), *numbers) for skill, numbers in counts]


@router.get("/tags", responses=refusals())
async def list_tags(services: Parts, _who: Reader) -> list[BankTag]:
    """The tags of the bank by name; archived questions do not count."""
    async with services.storage.reading() as unit:
        return [BankTag(tag, number) for tag, number in await unit.questions.tags()]
