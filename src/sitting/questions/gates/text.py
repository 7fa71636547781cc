"""A text as a reader sees it: words, code, formulas and emphasis, in sentences, without markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from markdown_it.token import Token as MarkupToken

from sitting.kit.markup.dollars import BLOCK, INLINE
from sitting.kit.markup.parsing import MAX_LENGTH, read, words
from sitting.questions.gates.word_list import listed

_WORD = r"[^\W_]+(?:['’\-][^\W_]+)*"
_TOKEN = re.compile(rf"(?P<blank>_{{2,}}|…{{2,}}|\.{{4,}})|(?P<word>{_WORD})|(?P<mark>[^\s\w]|_)")
_ABBREVIATIONS = listed("e.g i.e etc vs cf dr mr mrs ms prof fig no approx st eq al resp")
_CLOSING = frozenset("\"'”’)]»")
_ENDS = frozenset(".?!")


class Kind(StrEnum):
    """What a token is; `code` is within a line, `block` is a block of code or a formula of its own."""

    WORD = "word"
    MARK = "mark"
    BLANK = "blank"
    CODE = "code"
    FORMULA = "formula"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of characters of one kind; `kind` is WORD for prose, and `ends` a paragraph, list item or cell."""

    text: str
    kind: Kind
    strong: bool = False
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a mark, a blank to fill in, or a whole piece of code or formula.

    Attributes:
        spaced: whether white space stood before it.
    """

    text: str
    kind: Kind
    strong: bool = False
    spaced: bool = True

    @property
    def folded(self) -> str:
        """The word in small letters, with a plain apostrophe."""
        return self.text.lower().replace("’", "'")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence or a heading; `end` is `.`, `?`, `!`, `:` or empty, and `last` says that its paragraph ends."""

    tokens: tuple[Token, ...]
    end: str
    last: bool

    @property
    def words(self) -> list[str]:
        """Its words in small letters, without code and marks."""
        return [token.folded for token in self.tokens if token.kind is Kind.WORD]

    def __str__(self) -> str:
        said = "".join((" " if token.spaced else "") + token.text for token in self.tokens)
        return said.strip()


@dataclass(frozen=True)
class Text:
    """A text of an item, read once."""

    pieces: tuple[Piece, ...]

    @cached_property
    def shown(self) -> str:
        """All that is seen, in one line."""
        return " ".join("".join(piece.text + ("\n" if piece.ends else "") for piece in self.pieces).split())

    @cached_property
    def prose(self) -> str:
        """The words alone; code and formulas are left out."""
        said = (piece.text if piece.kind is Kind.WORD else " " for piece in self.pieces)
        return " ".join("".join(said).split())

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens in order."""
        return tuple(token for sentence in self.sentences for token in sentence.tokens)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words of the prose, in small letters."""
        return tuple(token.folded for token in self.tokens if token.kind is Kind.WORD)

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        """The sentences; a block of code is part of none."""
        return tuple(sentence for line in _lines(self.pieces) for sentence in _sentences(line))


def read_text(text: str, *, inline: bool) -> Text:
    """The text of a stem, or with `inline` of an option, as it is shown."""
    if len(text) > MAX_LENGTH:
        return Text((Piece(text, Kind.WORD, ends=True),))
    return Text(tuple(_pieces(read(text, inline=inline))))


def _pieces(tokens: list[MarkupToken]) -> Iterator[Piece]:
    for token in tokens:
        if token.type == "inline":
            yield from _inline(token.children or [])
            yield Piece("", Kind.WORD, ends=True)
        elif token.type == BLOCK or (token.content and token.type in ("fence", "code_block")):
            yield Piece(token.content, Kind.BLOCK, ends=True)


def _inline(tokens: list[MarkupToken]) -> Iterator[Piece]:
    depth = 0
    for token in tokens:
        if token.type == "strong_open":
            depth += 1
        elif token.type == "strong_close":
            depth -= 1
        elif token.type == "code_inline":
            yield Piece(token.content, Kind.CODE, depth > 0)
        elif token.type == INLINE:
            yield Piece(token.content, Kind.FORMULA, depth > 0)
        elif (said := words([token])) or token.type == "hardbreak":
            yield Piece(said, Kind.WORD, depth > 0)


def _lines(pieces: tuple[Piece, ...]) -> Iterator[list[Token]]:
    line: list[Token] = []
    spaced = True
    for piece in pieces:
        if piece.kind is Kind.WORD:
            for found in _TOKEN.finditer(piece.text):
                gap = piece.text[found.start() - 1].isspace() if found.start() else spaced
                line.append(Token(found[0], Kind(found.lastgroup or "mark"), piece.strong, gap))
            spaced = piece.text[-1:].isspace() if piece.text else spaced
        elif piece.kind is not Kind.BLOCK:
            line.append(Token(piece.text, piece.kind, piece.strong, spaced))
            spaced = False
        if piece.ends:
            yield line
            line, spaced = [], True
    yield line


def _sentences(line: list[Token]) -> Iterator[Sentence]:
    start = 0
    for place in range(len(line)):
        if _ends_here(line, place):
            yield _sentence(line[start : place + 1], last=place + 1 == len(line))
            start = place + 1
    if start < len(line):
        yield _sentence(line[start:], last=True)


def _ends_here(line: list[Token], place: int) -> bool:
    """Whether a sentence ends behind this token: a mark or what closes a quotation behind it, then something new."""
    after = line[place + 1 : place + 2]
    if not after or not after[0].spaced or (after[0].kind is Kind.WORD and after[0].text[0].islower()):
        return False
    mark = place
    while mark and line[mark].text in _CLOSING:
        mark -= 1
    if line[mark].text not in _ENDS or (after[0].kind is Kind.MARK and after[0].text not in "\"'“\u2018([«"):
        return False
    return line[mark].text != "." or mark == 0 or line[mark - 1].folded not in _ABBREVIATIONS


def _sentence(tokens: list[Token], *, last: bool) -> Sentence:
    marks = [token.text for token in tokens if token.text not in _CLOSING]
    end = marks[-1] if marks and marks[-1] in (".", "?", "!", ":") else ""
    return Sentence(tuple(tokens), end, last)
