"""A question's content, immutable once written down."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sitting.domain.errors import InvalidMessage
from sitting.kit.canonical import canonical_json, is_storable, sha256_hex

MAX_OPTIONS = 20


class Difficulty(StrEnum):
    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


class QuestionType(StrEnum):
    SINGLE_CHOICE = "single_choice"


@dataclass(frozen=True, slots=True)
class Option:
    """One possible choice; `id` is opaque (`o_…`)."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class QuestionContent:
    """Everything a question says, its key included: never sent to a candidate as it is.

    Attributes:
        key: the id of the right option.
        explanation: why, shown only where a feedback policy allows.
    """

    type: QuestionType
    text: str
    options: tuple[Option, ...]
    key: str
    explanation: str
    skill: str
    difficulty: Difficulty

    def encoded(self) -> bytes:
        """The one spelling of this content, UTF-8 JSON."""
        return canonical_json(self)

    def digest(self) -> str:
        """SHA-256 of the encoded content, in hex: its address."""
        return sha256_hex(self.encoded())


@dataclass(frozen=True, slots=True)
class QuestionVersion:
    """One version of a question of the bank. `version` counts from 1."""

    question_id: str
    slug: str | None
    version: int
    content: QuestionContent
    digest: str


def check_content(content: QuestionContent) -> None:
    """Refuse a question that could not be answered, or not fairly.

    Raises:
        InvalidMessage: `details.problems` lists what is wrong.
    """
    problems = list(_problems(content))
    if problems:
        raise InvalidMessage("This question cannot be used.", problems=problems)


def _problems(content: QuestionContent) -> list[str]:
    texts = [option.text for option in content.options]
    ids = [option.id for option in content.options]
    checks = {
        "the text is empty": not content.text.strip(),
        f"it needs 2 to {MAX_OPTIONS} options": not 2 <= len(texts) <= MAX_OPTIONS,
        "an option is empty": any(not text.strip() for text in texts),
        "two options have the same text": len(set(texts)) != len(texts),
        "two options have the same id": len(set(ids)) != len(ids),
        "an option's text begins with o_ and would look like an id": any(text.startswith("o_") for text in texts),
        "exactly one option must be correct": content.key not in ids,
        "NUL and lone surrogates are not possible": not all(
            map(is_storable, (content.text, content.explanation, content.skill, *texts, *ids))
        ),
    }
    return [problem for problem, found in checks.items() if found]
