"""What the readers of all formats share: places in a text, and what they hand over."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sitting.domain.question import Difficulty
from sitting.interchange.report import Remark
from sitting.interchange.shape import WrittenQuestion

MAX_SLUG = 100
MAX_ITEMS = 5000
"""Questions in one file; a reader stops behind that many, and the file is refused."""
_NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a question gets of which the file does not say it."""

    skill: str | None = None
    difficulty: Difficulty | None = None


@dataclass(frozen=True, slots=True)
class ReadItem:
    """One question of a file. `question` is None if it was refused; then `reasons` says why.

    Attributes:
        number: from 1. line, column: where it begins, from 1.
        invented_slug: whether the slug was made from a title, so that another one may stand in for it.
    """

    number: int
    line: int
    column: int
    name: str
    question: WrittenQuestion | None
    changes: tuple[Remark, ...] = ()
    reasons: tuple[Remark, ...] = ()
    invented_slug: bool = False


@dataclass(frozen=True, slots=True)
class ReadFile:
    """All that was found in a file, in its order."""

    format: str
    items: Sequence[ReadItem]
    remarks: Sequence[Remark] = ()


class Positions:
    """Lines and columns of offsets in one text."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def remark(self, message: str, offset: int) -> Remark:
        """A remark about that offset."""
        line = bisect_right(self._starts, offset)
        return Remark(message, line, offset - self._starts[line - 1] + 1)


@dataclass(slots=True)
class Notes:
    """What is said about an item while it is read."""

    changes: list[Remark] = field(default_factory=list)
    reasons: list[Remark] = field(default_factory=list)


def sound(text: str) -> str:
    """The text as it can be sent: half surrogate pairs become question marks."""
    return text.encode("utf-8", "replace").decode()


def shortened(text: str) -> str:
    """The beginning of a text, in one line, to recognise it by."""
    line = " ".join(sound(text[: 4 * _NAME_LENGTH]).split())
    return line if len(line) <= _NAME_LENGTH else line[: _NAME_LENGTH - 1] + "…"


def slugified(title: str) -> str:
    """A slug for a title: small letters and digits of the Latin alphabet, joined by hyphens; may be empty."""
    plain = unicodedata.normalize("NFKD", title).casefold().replace("ß", "ss").encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG].rstrip("-")


def completed(item: ReadItem, defaults: Defaults) -> ReadItem:
    """The item with the defaults where it needs them; refused if it still lacks something."""
    question = item.question
    if question is None:
        return item
    own = Defaults(question.skill or defaults.skill, question.difficulty or defaults.difficulty)
    lacking = [name for name, value in (("skill", own.skill), ("difficulty", own.difficulty)) if not value]
    if lacking:
        reasons = tuple(
            Remark(f"it has no {name}, and this import was told none", item.line, item.column) for name in lacking
        )
        return replace(item, question=None, reasons=item.reasons + reasons)
    return replace(item, question=replace(question, skill=own.skill, difficulty=own.difficulty))


def used_defaults(items: Sequence[ReadItem], defaults: Defaults) -> list[Remark]:
    """What is said about the defaults: for how many items each of them stands in."""
    found = []
    for name, value in (("skill", defaults.skill), ("difficulty", defaults.difficulty)):
        number = sum(item.question is not None and getattr(item.question, name) is None for item in items)
        if value and number:
            found.append(Remark(f"{number} of {len(items)} items say no {name}; as told, they get: {value}"))
    return found


def distinct(items: Sequence[ReadItem]) -> list[ReadItem]:
    """The items, none with an identity that an earlier one has: made-up slugs get a number, others are refused."""
    taken: set[str] = set()
    found = []
    for item in items:
        item = _numbered(item, taken) if item.invented_slug else _refused_if_taken(item, taken)
        if item.question is not None:
            taken |= {name for name in (item.question.slug, item.question.question_id) if name}
        found.append(item)
    return found


def _numbered(item: ReadItem, taken: set[str]) -> ReadItem:
    question = item.question
    if question is None or question.slug is None or question.slug not in taken:
        return item
    number = 2
    while (slug := f"{question.slug[: MAX_SLUG - 1 - len(str(number))]}-{number}") in taken:
        number += 1
    change = Remark(f"the slug is {slug}: another item has {question.slug}", item.line, item.column)
    return replace(item, question=replace(question, slug=slug), changes=(*item.changes, change))


def _refused_if_taken(item: ReadItem, taken: set[str]) -> ReadItem:
    question = item.question
    if question is None:
        return item
    again = [name for name in (question.question_id, question.slug) if name in taken]
    if not again:
        return item
    reasons = tuple(Remark(f"{name} stands in this file already", item.line, item.column) for name in again)
    return replace(item, question=None, reasons=item.reasons + reasons)
