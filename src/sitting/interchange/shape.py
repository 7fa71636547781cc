"""The one shape that a question has on its way between a file and the bank, and the limits of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from sitting.domain.question import (
    AcceptedNumber,
    AcceptedText,
    Difficulty,
    OtherUnit,
    QuestionContent,
    QuestionType,
    TextMatch,
)
from sitting.domain.question_check import MAX_ACCEPTED, MAX_OPTIONS, MAX_TAGS
from sitting.kit.canonical import is_storable

SLUG = r"^[a-z0-9][a-z0-9-]{0,99}\Z"
MAX_NUMBER_LENGTH = 64

_Id = Annotated[str, Meta(pattern=r"^q_[0-9A-Za-z_-]{1,62}\Z")]
_Slug = Annotated[str, Meta(pattern=SLUG)]
_OptionId = Annotated[str, Meta(pattern=r"^o_[0-9A-Za-z_-]{1,62}\Z")]
_Prose = Annotated[str, Meta(max_length=20_000)]
_ShortProse = Annotated[str, Meta(max_length=4096)]
_Name = Annotated[str, Meta(min_length=1, max_length=200)]
_Tag = Annotated[str, Meta(min_length=1, max_length=50)]


class Misshapen(ValueError):
    """A question is not what the bank takes; the text says why, and in which field."""


class WrittenOption(Struct, frozen=True, forbid_unknown_fields=True):
    """A choice; `id` only where the file gives one."""

    text: _ShortProse
    correct: bool = False
    feedback: _Prose = ""
    id: _OptionId | None = None


class _Number(Struct, frozen=True, forbid_unknown_fields=True):
    value: Any
    tolerance: Any = "0"
    credit: Any = 1


class _Text(Struct, frozen=True, forbid_unknown_fields=True):
    text: _ShortProse
    match: TextMatch = TextMatch.EXACT
    credit: Any = 1


class _Unit(Struct, frozen=True, forbid_unknown_fields=True):
    name: _Name
    factor: Any


class _Question(Struct, frozen=True, forbid_unknown_fields=True):
    text: _Prose
    question_id: _Id | None = None
    slug: _Slug | None = None
    type: QuestionType = QuestionType.SINGLE_CHOICE
    skill: _Name | None = None
    difficulty: Difficulty | None = None
    options: Annotated[tuple[WrittenOption, ...], Meta(max_length=MAX_OPTIONS)] = ()
    correct: bool | None = None
    numbers: Annotated[tuple[_Number, ...], Meta(max_length=MAX_ACCEPTED)] = ()
    unit: Annotated[str, Meta(max_length=50)] = ""
    unit_required: bool = False
    other_units: Annotated[tuple[_Unit, ...], Meta(max_length=MAX_ACCEPTED)] = ()
    accepted: Annotated[tuple[_Text, ...], Meta(max_length=MAX_ACCEPTED)] = ()
    case_sensitive: bool = False
    tags: Annotated[tuple[_Tag, ...], Meta(max_length=MAX_TAGS)] = ()
    explanation: _Prose = ""


FIELDS = frozenset(_Question.__struct_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenQuestion:
    """A question as a file says it; `skill` and `difficulty` are None where the file says nothing of them."""

    question_id: str | None
    slug: str | None
    type: QuestionType
    skill: str | None
    difficulty: Difficulty | None
    text: str
    options: tuple[WrittenOption, ...]
    correct: bool | None
    numbers: tuple[AcceptedNumber, ...]
    unit: str
    unit_required: bool
    other_units: tuple[OtherUnit, ...]
    accepted: tuple[AcceptedText, ...]
    case_sensitive: bool
    tags: tuple[str, ...]
    explanation: str


def to_question(said: Mapping[str, Any]) -> WrittenQuestion:
    """The question that these fields make; decimals may be texts or numbers, `credit` is a share from 0 to 1.

    Raises:
        Misshapen: a field is unknown, missing, of another kind, or beyond its limits.
    """
    try:
        question = msgspec.convert(said, _Question, strict=True)
    except msgspec.ValidationError as fault:
        said_why = str(fault).encode("utf-8", "replace").decode()  # it repeats what it found, half surrogates included
        raise Misshapen(said_why.replace("`$.", "`").replace("`$`", "the question")) from None
    skill = question.skill.strip() if question.skill is not None else None
    return WrittenQuestion(
        **{name: getattr(question, name) for name in FIELDS - {"skill", "numbers", "other_units", "accepted"}},
        skill=skill or None,
        numbers=tuple(
            AcceptedNumber(_decimal(n.value, "value"), _decimal(n.tolerance, "tolerance"), _thousandths(n.credit))
            for n in question.numbers
        ),
        other_units=tuple(OtherUnit(unit.name, _decimal(unit.factor, "factor")) for unit in question.other_units),
        accepted=tuple(AcceptedText(each.text, each.match, _thousandths(each.credit)) for each in question.accepted),
    )


def to_fields(question_id: str, slug: str | None, content: QuestionContent) -> dict[str, Any]:
    """What `to_question` reads, in the order in which people read it; what says nothing is left out."""
    said: dict[str, Any] = {
        "question_id": question_id,
        "slug": slug,
        "type": str(content.type),
        "skill": content.skill,
        "difficulty": str(content.difficulty),
        "tags": list(content.tags),
        "text": content.text,
        "options": [
            {"id": o.id, "text": o.text, "correct": o.id in content.right_options}
            | ({"feedback": o.feedback} if o.feedback else {})
            for o in content.options
        ],
        "numbers": [{"value": n.value, "tolerance": n.tolerance, "credit": _share(n.credit)} for n in content.numbers],
        "unit": content.unit,
        "unit_required": content.unit_required,
        "other_units": [{"name": unit.name, "factor": unit.factor} for unit in content.other_units],
        "accepted": [
            {"text": each.text, "match": str(each.match), "credit": _share(each.credit)} for each in content.accepted
        ],
        "case_sensitive": content.case_sensitive,
        "explanation": content.explanation,
    }
    return {name: value for name, value in said.items() if value not in (None, "", [], False)}


def _share(thousandths: int) -> float | int:
    return 1 if thousandths == 1000 else thousandths / 1000


def _decimal(value: Any, name: str) -> str:
    """A decimal as text; whether it is one is for the rules of questions to say."""
    if isinstance(value, str) and len(value) <= MAX_NUMBER_LENGTH and is_storable(value):
        return value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        text = str(value) if abs(Decimal(value).adjusted()) < MAX_NUMBER_LENGTH else ""
        if 0 < len(text) <= MAX_NUMBER_LENGTH:
            return text
    raise Misshapen(f"{name} is not a decimal")


def _thousandths(value: Any) -> int:
    text = str(value).strip() if not isinstance(value, bool) else ""
    percent = text.endswith("%")
    try:
        share = Decimal(text.removesuffix("%"))
    except InvalidOperation:
        raise Misshapen("a credit is not a number") from None
    if not share.is_finite() or abs(share.adjusted()) > MAX_NUMBER_LENGTH:
        raise Misshapen("a credit is not above 0 and up to 1")
    exact = share * (10 if percent else 1000)
    if exact != int(exact) or not 1 <= exact <= 1000:
        raise Misshapen("a credit is not above 0 and up to 1, with three decimals at most")
    return int(exact)
