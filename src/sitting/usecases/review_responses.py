"""The responses of an assessment, question by question, for those who may see the key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sitting.domain.paper import PaperQuestion
from sitting.storage.repositories.assessments import paper_from_slots
from sitting.storage.unit_of_work import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedResponse:
    """One question of the paper with its stored response, if there is one.

    Attributes:
        is_correct, points: null until the end, and where no answer stands then.
        max_points: what the right answer brings.
        seq: the entry of the log by which the answer came.
    """

    position: int
    question_id: str
    text: str
    skill: str
    selected_option: str | None
    selected_text: str | None
    is_correct: bool | None
    points: float | None
    max_points: float
    answered_at: datetime | None
    seq: int | None
    correct_option: str
    correct_text: str


async def review_responses(storage: Storage, assessment_id: int) -> list[ReviewedResponse]:
    """All questions of the paper by position.

    Raises:
        AssessmentNotFound: there is none.
    """
    async with storage.reading() as unit:
        await unit.assessments.select(assessment_id)
        slots = await unit.assessments.paper_slots(assessment_id)
        contents = await unit.frozen.contents(unit.questions, [slot.content_digest for slot in slots])
        rows = {row.question_id: row for row in await unit.assessments.responses(assessment_id)}
    return [_reviewed(q, rows.get(q.question_id)) for q in paper_from_slots(slots, contents).questions]


def _reviewed(question: PaperQuestion, row: Any) -> ReviewedResponse:
    texts = {option.id: option.text for option in question.content.options}
    selected = row.selected_option if row else None
    points = row.points if row else None
    return ReviewedResponse(
        position=question.position,
        question_id=question.question_id,
        text=question.content.text,
        skill=question.content.skill,
        selected_option=selected,
        selected_text=texts.get(selected) if selected else None,
        is_correct=row.is_correct if row else None,
        points=None if points is None else points / 1000,
        max_points=question.points / 1000,
        answered_at=row.answered_at if row else None,
        seq=row.seq if row else None,
        correct_option=question.content.key,
        correct_text=texts[question.content.key],
    )
