"""A question as its author writes it, and the content that it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sitting.domain.errors import InvalidMessage
from sitting.domain.question import (
    AcceptedNumber,
    AcceptedText,
    Difficulty,
    Option,
    OtherUnit,
    QuestionContent,
    QuestionType,
)
from sitting.domain.question_check import check_content
from sitting.kit.ids import random_id

OPTION_ID_LENGTH = 10


@dataclass(frozen=True, slots=True)
class DraftedOption:
    """A choice, whether it is (one of) the right one(s), and what is said to whoever chose it."""

    text: str
    correct: bool
    feedback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionDraft:
    """A question without identifiers; what does not belong to its type stays empty.

    Attributes:
        correct: of a true/false statement, whether it is true.
    """

    type: QuestionType = QuestionType.SINGLE_CHOICE
    skill: str
    difficulty: Difficulty
    text: str
    explanation: str = ""
    tags: Sequence[str] = ()
    options: Sequence[DraftedOption] = ()
    correct: bool | None = None
    numbers: Sequence[AcceptedNumber] = ()
    unit: str = ""
    unit_required: bool = False
    other_units: Sequence[OtherUnit] = ()
    accepted: Sequence[AcceptedText] = ()
    case_sensitive: bool = False


def content_of(draft: QuestionDraft, known: Sequence[Option] = ()) -> QuestionContent:
    """The content of a drafted question.

    Args:
        known: the options of the version before; an option whose text stays keeps its id.

    Raises:
        InvalidMessage: the question cannot be used; `details.problems` lists why.
    """
    if draft.correct is not None and (draft.type is not QuestionType.TRUE_FALSE or draft.options):
        raise InvalidMessage("This question cannot be used.", problems=["`correct` is for true/false without options"])
    drafted = _drafted_options(draft)
    options = _with_ids(drafted, {option.text: option.id for option in known})
    keys = tuple(option.id for option, source in zip(options, drafted, strict=True) if source.correct)
    is_multiple = draft.type is QuestionType.MULTIPLE_RESPONSE
    content = QuestionContent(
        type=draft.type,
        text=draft.text,
        options=options,
        key=keys[0] if len(keys) == 1 and not is_multiple else "",
        explanation=draft.explanation,
        skill=draft.skill,
        difficulty=draft.difficulty,
        keys=keys if is_multiple else (),
        numbers=tuple(draft.numbers),
        unit=draft.unit,
        unit_required=draft.unit_required,
        other_units=tuple(draft.other_units),
        accepted=tuple(draft.accepted),
        case_sensitive=draft.case_sensitive,
        tags=tuple(draft.tags),
    )
    check_content(content)
    return content


def _drafted_options(draft: QuestionDraft) -> Sequence[DraftedOption]:
    if draft.type is not QuestionType.TRUE_FALSE or draft.options:
        return draft.options
    return [DraftedOption("True", draft.correct is True), DraftedOption("False", draft.correct is False)]


def _with_ids(drafted: Sequence[DraftedOption], ids: Mapping[str, str]) -> tuple[Option, ...]:
    return tuple(
        Option(ids.get(option.text) or random_id("o", OPTION_ID_LENGTH), option.text, option.feedback)
        for option in drafted
    )
