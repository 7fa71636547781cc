"""Scores, in integer thousandths, as a pure function of the frozen paper and the stored responses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sitting.domain.paper import Paper, PaperQuestion
from sitting.kit.rounding import divide_half_up


@dataclass(frozen=True, slots=True)
class ItemScore:
    """What one answered question brought; `points` in thousandths. A cleared answer is neither right nor wrong."""

    question_id: str
    is_correct: bool | None
    points: int


@dataclass(frozen=True, slots=True)
class Score:
    """Totals in thousandths of a point, `percentage` in thousandths of a percent."""

    items: tuple[ItemScore, ...]
    total: int
    maximum: int
    percentage: int
    correct_answers: int
    answered_questions: int


def grade(paper: Paper, selections: Mapping[str, str | None]) -> Score:
    """Score the current answers.

    Args:
        selections: the chosen option's id by question_id; None where the answer was cleared.
    """
    items = tuple(_grade_item(q, selections[q.question_id]) for q in paper.questions if q.question_id in selections)
    total = sum(item.points for item in items)
    return Score(
        items=items,
        total=total,
        maximum=paper.max_score,
        percentage=percentage_of(total, paper.max_score),
        correct_answers=sum(item.is_correct is True for item in items),
        answered_questions=sum(item.is_correct is not None for item in items),
    )


def _grade_item(question: PaperQuestion, selected: str | None) -> ItemScore:
    if selected is None:
        return ItemScore(question.question_id, None, 0)
    is_correct = selected == question.content.key
    return ItemScore(question.question_id, is_correct, question.points if is_correct else 0)


def percentage_of(total: int, maximum: int) -> int:
    """`total` as thousandths of a percent of `maximum`, rounded half up; 0 of nothing is 0."""
    return divide_half_up(total * 100_000, maximum) if maximum else 0


def passes(total: int, maximum: int, pass_mark: int) -> bool:
    """Whether the exact, unrounded percentage reaches the pass mark (thousandths of a percent)."""
    return total * 100_000 >= pass_mark * maximum
