"""A GIFT file cut into blocks and pieces, each of which knows where it stands.

What a backslash protects is veiled first: every escape becomes one half surrogate (which no text has) and a filler,
so that marks can be looked for without care and all offsets stay what they are in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_WHITE = " \t\r\n\v\f\0"
_VEIL, _FILLER = 0xDC00, "\udcff"
_MARKED = "~=#{}:\\"
HARD_BREAK = "\udc0a"
"""In a piece that is `shown`: a new line that was written as `\\n`."""
BLANK = "\udc5f"
"""In a piece: the line for the missing word."""

_ESCAPE = re.compile(r"\\([~=#{}:\\n])")
_PROTECTED = {_VEIL + ord(mark): mark for mark in _MARKED} | {0xDCFF: None}
_BARE = str.maketrans(_PROTECTED | {_VEIL + ord("n"): "\n", ord(BLANK): "_____"})
_SHOWN = str.maketrans(_PROTECTED | {_VEIL + ord("n"): HARD_BREAK})


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a block, veiled; `at` is its offset in the file."""

    raw: str
    at: int

    def __bool__(self) -> bool:
        return bool(self.raw)

    def part(self, start: int, end: int | None = None) -> Piece:
        """From `start` to `end`, both offsets in this piece."""
        return Piece(self.raw[start:end], self.at + start)

    def strip(self) -> Piece:
        """Without white space at the ends."""
        begun = self.raw.lstrip(_WHITE + _FILLER)
        return Piece(begun.rstrip(_WHITE + _FILLER), self.at + len(self.raw) - len(begun))

    def cut(self, mark: str, most: int) -> list[Piece]:
        """The pieces between marks, at most `most` + 1 of them."""
        pieces, start = [], 0
        for part in self.raw.split(mark, most):
            pieces.append(Piece(part, self.at + start))
            start += len(part) + len(mark)
        return pieces

    @property
    def text(self) -> str:
        """What it says, without white space at the ends."""
        return self.raw.translate(_BARE).strip(_WHITE)

    @property
    def shown(self) -> str:
        """As `text`, but with `HARD_BREAK` and `BLANK` where these were meant."""
        return self.raw.translate(_SHOWN).strip(_WHITE + HARD_BREAK)


@dataclass(frozen=True, slots=True)
class Block:
    """Lines without an empty one between them: at most one question.

    Attributes:
        source: as it stands in the file. body: veiled, its comments covered. comments: their texts, with their offsets.
    """

    source: Piece
    body: Piece
    comments: Sequence[Piece]


def normalised(text: str) -> str:
    """The text with one kind of line end and without a byte order mark."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def blocks_of(text: str) -> Iterator[Block]:
    """The blocks of a normalised text, those of nothing but comments left out."""
    lines: list[str] = []
    at = start = 0
    for line in [*text.split("\n"), ""]:
        if line.strip(_WHITE):
            lines.append(line)
        else:
            if lines:
                yield from _block(lines, start)
            lines, start = [], at + len(line) + 1
        at += len(line) + 1


def _block(lines: Sequence[str], start: int) -> Iterator[Block]:
    covered, comments, at = [], [], start
    for line in lines:
        if line.lstrip(_WHITE).startswith("//"):
            comments.append(Piece(line.strip(_WHITE)[2:], at + line.index("//") + 2))
            covered.append(_FILLER * (len(line) + 1))
        else:
            covered.append(f"{line}\n")
        at += len(line) + 1
    if len(comments) == len(lines):
        return
    source = "\n".join(lines)
    veiled = _ESCAPE.sub(lambda found: chr(_VEIL + ord(found[1])) + _FILLER, "".join(covered))
    yield Block(Piece(source, start), Piece(veiled, start).strip(), comments)
