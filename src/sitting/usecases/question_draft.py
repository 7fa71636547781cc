"""A question as its author writes it, and the content that it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sitting.domain.question import Difficulty, Option, QuestionContent, QuestionType, check_content
from sitting.kit.ids import random_id

OPTION_ID_LENGTH = 10


@dataclass(frozen=True, slots=True)
class DraftedOption:
    """A choice, and whether it is the right one."""

    text: str
    correct: bool


@dataclass(frozen=True, slots=True)
class QuestionDraft:
    """A single-choice question without identifiers."""

    skill: str
    difficulty: Difficulty
    text: str
    options: Sequence[DraftedOption]
    explanation: str


def content_of(draft: QuestionDraft, known: Sequence[Option] = ()) -> QuestionContent:
    """The content of a drafted question.

    Args:
        known: the options of the version before; an option whose text stays keeps its id.

    Raises:
        InvalidMessage: the question cannot be used; `details.problems` lists why.
    """
    ids: Mapping[str, str] = {option.text: option.id for option in known}
    options = [
        Option(ids.get(option.text) or random_id("o", OPTION_ID_LENGTH), option.text) for option in draft.options
    ]
    keys = [option.id for option, drafted in zip(options, draft.options, strict=True) if drafted.correct]
    content = QuestionContent(
        type=QuestionType.SINGLE_CHOICE,
        text=draft.text,
        options=tuple(options),
        key=keys[0] if len(keys) == 1 else "",
        explanation=draft.explanation,
        skill=draft.skill,
        difficulty=draft.difficulty,
    )
    check_content(content)
    return content
