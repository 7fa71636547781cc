"""The responses of an assessment, question by question, for those who may see the key."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sitting.domain.answer import CLEARED
from sitting.domain.key_text import given_text, key_text
from sitting.domain.paper import PaperQuestion, media_address
from sitting.domain.question import QuestionContent, QuestionType
from sitting.domain.results import Origin
from sitting.domain.scoring import credit_of
from sitting.kit.markup import to_html
from sitting.storage.repositories.assessments import given_answer
from sitting.storage.unit_of_work import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedResponse:
    """One question of the paper with its stored response, if there is one.

    Attributes:
        is_correct, points: null until the end, and where no answer stands then; `points` also to candidates where the
            Test's results policy hides scores.
        credit: what the answer is worth before negative marking, -1 (wrong) to 1 (right); null where `points` is.
        max_points: what the right answer brings.
        origin: where the question comes from: the bank, or it was generated for this candidate.
        seq: the entry of the log by which the answer came.
        selected_text, correct_text: what was answered and what is right, for a reader.
        text_html, explanation_html, selected_html, correct_html: texts, and the options chosen and right, as safe HTML.
    """

    position: int
    question_id: str
    text: str
    text_html: str
    skill: str
    type: QuestionType
    selected_option: str | None
    selected_options: tuple[str, ...] | None
    value: str | None
    selected_text: str | None
    selected_html: tuple[str, ...]
    is_correct: bool | None
    points: float | None
    credit: float | None
    max_points: float
    origin: Origin
    answered_at: datetime | None
    seq: int | None
    correct_option: str | None
    correct_options: tuple[str, ...]
    correct_text: str
    correct_html: tuple[str, ...]
    explanation: str
    explanation_html: str


async def review_responses(storage: Storage, assessment_id: int) -> list[ReviewedResponse]:
    """All questions of the paper by position.

    Raises:
        AssessmentNotFound: there is none.
    """
    async with storage.reading() as unit:
        live = await unit.load(assessment_id)
        rows = {row.question_id: row for row in await unit.assessments.responses(assessment_id)}
    written = live.state.written_positions
    return [
        _reviewed(q, rows.get(q.question_id), Origin.GENERATED if q.position in written else Origin.BANK)
        for q in live.paper.questions
    ]


def _reviewed(question: PaperQuestion, row: Any, origin: Origin) -> ReviewedResponse:
    given = given_answer(row) if row else CLEARED
    content = question.content
    points = row.points if row else None
    return ReviewedResponse(
        position=question.position,
        question_id=question.question_id,
        text=content.text,
        text_html=to_html(content.text, image_url=media_address),
        skill=question.content.skill,
        type=content.type,
        selected_option=given.selected_option,
        selected_options=given.selected_options,
        value=given.value,
        selected_text=given_text(content, given),
        selected_html=_options_html(content, given.selected_options or (given.selected_option,)),
        is_correct=row.is_correct if row else None,
        points=None if points is None else points / 1000,
        credit=None if points is None or given.is_cleared else float(credit_of(content, given)),
        max_points=question.worth / 1000,
        origin=origin,
        answered_at=row.answered_at if row else None,
        seq=row.seq if row else None,
        correct_option=content.key or None,
        correct_options=content.right_options,
        correct_text=key_text(content),
        correct_html=_options_html(content, content.right_options),
        explanation=content.explanation,
        explanation_html=to_html(content.explanation, image_url=media_address),
    )


def _options_html(content: QuestionContent, ids: Collection[str | None]) -> tuple[str, ...]:
    return tuple(
        to_html(option.text, inline=True, image_url=media_address) for option in content.options if option.id in ids
    )
