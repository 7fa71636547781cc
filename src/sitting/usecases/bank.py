"""The part of the bank that a draft is about."""

from __future__ import annotations

from itertools import chain

from sitting.domain.blueprint import Blueprint
from sitting.domain.question import QuestionVersion
from sitting.storage.unit_of_work import UnitOfWork


async def bank_for(unit: UnitOfWork, blueprint: Blueprint) -> dict[str, QuestionVersion]:
    """The questions that the blueprint names or may draw, by question_id."""
    if any(not draw.question_ids for section in blueprint.sections for draw in section.all_draws):
        return {question.question_id: question for question in await unit.questions.list_page(after="", limit=None)}
    named = {*blueprint.named_questions(), *chain.from_iterable(blueprint.not_together)}
    return await unit.questions.select_many(sorted(named))
