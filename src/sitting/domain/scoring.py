"""Scores, in integer thousandths, as a pure function of the frozen paper, the stored responses and the Test's rules.

Every question has a credit between -1 (wrong) and 1 (right): a chosen option is right or wrong; of a multiple response
it is (right - wrong) / keys; numbers and texts bring the credit of what they meet. Credit above nothing brings that
share of the points; below nothing it costs that share of `negative_marking` of them. No answer brings nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sitting.domain.answer import CLEARED, GivenAnswer
from sitting.domain.blueprint import Blueprint
from sitting.domain.matching import number_credit, text_credit
from sitting.domain.paper import Paper, PaperQuestion
from sitting.domain.priority import Priority
from sitting.domain.question import QuestionContent, QuestionType
from sitting.kit.rounding import round_half_away

RIGHT, WRONG = Fraction(1), Fraction(-1)


@dataclass(frozen=True, slots=True)
class ItemScore:
    """What one answered question brought; `points` in thousandths. A cleared answer is neither right nor wrong."""

    question_id: str
    is_correct: bool | None
    points: int


@dataclass(frozen=True, slots=True)
class SkillScore:
    """How one skill went: points in thousandths, `percentage` in thousandths of a percent.

    `passed` is None where the Test asks for nothing in this skill; `priority` where it says nothing of it.
    """

    skill: str
    priority: Priority | None
    questions: int
    correct: int
    total: int
    maximum: int
    percentage: int
    passed: bool | None


@dataclass(frozen=True, slots=True)
class Score:
    """Totals in thousandths of a point, `percentage` in thousandths of a percent.

    `passed`: the total reaches the Test's pass mark, and each skill its own.
    """

    items: tuple[ItemScore, ...]
    skills: tuple[SkillScore, ...]
    total: int
    maximum: int
    percentage: int
    passed: bool
    correct_answers: int
    answered_questions: int


def grade(paper: Paper, given: Mapping[str, GivenAnswer], blueprint: Blueprint) -> Score:
    """Score the current answers.

    Args:
        given: the current answer by question_id, cleared ones included or not.
    """
    items = tuple(_item(q, given[q.question_id], blueprint) for q in paper.questions if q.question_id in given)
    skills = _skills(paper, items, blueprint)
    total = _floored(sum(item.points for item in items), floor=blueprint.floor_total)
    passed = passes(total, paper.max_score, blueprint.pass_mark) and all(skill.passed is not False for skill in skills)
    return Score(
        items=items,
        skills=skills,
        total=total,
        maximum=paper.max_score,
        percentage=percentage_of(total, paper.max_score),
        passed=passed,
        correct_answers=sum(item.is_correct is True for item in items),
        answered_questions=sum(item.is_correct is not None for item in items),
    )


def _item(question: PaperQuestion, given: GivenAnswer, blueprint: Blueprint) -> ItemScore:
    if given == CLEARED:
        return ItemScore(question.question_id, None, 0)
    credit = credit_of(question.content, given)
    if blueprint.floor_items and question.content.type is QuestionType.MULTIPLE_RESPONSE:
        credit = max(credit, Fraction(0))
    return ItemScore(question.question_id, credit == RIGHT, _points(question.worth, credit, blueprint.negative_marking))


def _points(points: int, credit: Fraction, negative_marking: int) -> int:
    """Credit in points, rounded half away from nothing."""
    share = credit if credit >= 0 else credit * Fraction(negative_marking, 1000)
    return round_half_away(points * share.numerator, share.denominator)


def credit_of(content: QuestionContent, given: GivenAnswer) -> Fraction:
    """The credit of an answer that is not cleared, -1 to 1."""
    match content.type:
        case QuestionType.MULTIPLE_RESPONSE:
            chosen, keys = set(given.selected_options or ()), set(content.keys)
            return max(Fraction(len(chosen & keys) - len(chosen - keys), len(keys)), WRONG)
        case QuestionType.NUMERIC:
            return _typed(number_credit(content, given.value or ""))
        case QuestionType.SHORT_TEXT:
            return _typed(text_credit(content, given.value or ""))
        case _:
            return RIGHT if given.selected_option == content.key else WRONG


def _typed(credit: int) -> Fraction:
    return Fraction(credit, 1000) if credit else WRONG


def _skills(paper: Paper, items: Sequence[ItemScore], blueprint: Blueprint) -> tuple[SkillScore, ...]:
    """Each skill of the paper, in the order in which it comes up."""
    by_id = {item.question_id: item for item in items}
    skills = dict.fromkeys(question.content.skill for question in paper.questions)
    return tuple(_skill(skill, paper, by_id, blueprint) for skill in skills)


def _skill(skill: str, paper: Paper, items: Mapping[str, ItemScore], blueprint: Blueprint) -> SkillScore:
    questions = [question for question in paper.questions if question.content.skill == skill]
    scored = [items[question.question_id] for question in questions if question.question_id in items]
    total = _floored(sum(item.points for item in scored), floor=blueprint.floor_total)
    maximum = sum(question.worth for question in questions)
    rule = blueprint.rule_of(skill)
    mark = rule.pass_mark if rule else None
    return SkillScore(
        skill=skill,
        priority=rule.priority if rule else None,
        questions=len(questions),
        correct=sum(item.is_correct is True for item in scored),
        total=total,
        maximum=maximum,
        percentage=percentage_of(total, maximum),
        passed=None if mark is None else passes(total, maximum, mark),
    )


def _floored(total: int, *, floor: bool) -> int:
    return max(total, 0) if floor else total


def percentage_of(total: int, maximum: int) -> int:
    """`total` as thousandths of a percent of `maximum`, rounded half away from nothing; 0 of nothing is 0."""
    return round_half_away(total * 100_000, maximum) if maximum else 0


def passes(total: int, maximum: int, pass_mark: int) -> bool:
    """Whether the exact, unrounded percentage reaches the pass mark (thousandths of a percent)."""
    return total * 100_000 >= pass_mark * maximum
