"""A question's content, immutable once written down."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from sitting.kit.canonical import canonical_json, sha256_hex


class Difficulty(StrEnum):
    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


class QuestionType(StrEnum):
    SINGLE_CHOICE = "single_choice"
    MULTIPLE_RESPONSE = "multiple_response"
    TRUE_FALSE = "true_false"
    NUMERIC = "numeric"
    SHORT_TEXT = "short_text"

    @property
    def has_options(self) -> bool:
        """Whether the candidate chooses among options."""
        return self not in (QuestionType.NUMERIC, QuestionType.SHORT_TEXT)


class TextMatch(StrEnum):
    """How a text is compared: as it is, with `*` for any run of characters, or as a regular expression (RE2)."""

    EXACT = "exact"
    WILDCARD = "wildcard"
    PATTERN = "pattern"


@dataclass(frozen=True, slots=True)
class Option:
    """One possible choice; `id` is opaque (`o_…`), `feedback` is for whoever chose it."""

    id: str
    text: str
    feedback: str = ""


@dataclass(frozen=True, slots=True)
class AcceptedNumber:
    """A right number; decimals are texts, so that no digit is lost.

    Attributes:
        tolerance: how far off an answer may be, the border included, in the unit of the question.
        credit: share of the points, in thousandths.
    """

    value: str
    tolerance: str = "0"
    credit: int = 1000


@dataclass(frozen=True, slots=True)
class OtherUnit:
    """A unit that is taken as well: one of it is `factor` (a decimal) of the question's own."""

    name: str
    factor: str


@dataclass(frozen=True, slots=True)
class AcceptedText:
    """A right text; `credit` is the share of the points, in thousandths."""

    text: str
    match: TextMatch = TextMatch.EXACT
    credit: int = 1000


@dataclass(frozen=True, slots=True)
class QuestionContent:
    """Everything a question says, its key included: never sent to a candidate as it is.

    Attributes:
        text, explanation, options' texts and feedback: Markdown (`kit.markup`).
        key: the id of the right option (single choice, true/false), else empty.
        keys: the ids of the right options (multiple response).
        numbers, unit, unit_required, other_units: the key of a numeric question.
        accepted, case_sensitive: the key of a short text; runs of white space always count as one space.
        explanation: why, shown only where a feedback policy allows.
    """

    type: QuestionType
    text: str
    options: tuple[Option, ...]
    key: str
    explanation: str
    skill: str
    difficulty: Difficulty
    keys: tuple[str, ...] = ()
    numbers: tuple[AcceptedNumber, ...] = ()
    unit: str = ""
    unit_required: bool = False
    other_units: tuple[OtherUnit, ...] = ()
    accepted: tuple[AcceptedText, ...] = ()
    case_sensitive: bool = False
    tags: tuple[str, ...] = ()

    @property
    def right_options(self) -> tuple[str, ...]:
        """The ids of all right options; empty for kinds without options."""
        return (self.key,) if self.key else self.keys

    def encoded(self) -> bytes:
        """The one spelling of this content, UTF-8 JSON.

        What a later version of Sitting added is left out while it says nothing, so that a content keeps its address.
        """
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        spelled = {name: value for name, value in said.items() if name not in _ADDED or value != _ADDED[name]}
        spelled["options"] = [_spelled_option(option) for option in self.options]
        return canonical_json(spelled)

    def digest(self) -> str:
        """SHA-256 of the encoded content, in hex: its address."""
        return sha256_hex(self.encoded())


_ADDED: dict[str, Any] = {
    "keys": (),
    "numbers": (),
    "unit": "",
    "unit_required": False,
    "other_units": (),
    "accepted": (),
    "case_sensitive": False,
    "tags": (),
}


def _spelled_option(option: Option) -> dict[str, str]:
    said = {"id": option.id, "text": option.text}
    return said | {"feedback": option.feedback} if option.feedback else said


@dataclass(frozen=True, slots=True)
class QuestionVersion:
    """One version of a question of the bank. `version` counts from 1."""

    question_id: str
    slug: str | None
    version: int
    content: QuestionContent
    digest: str
