"""Markdown read into tokens: CommonMark with tables, strikethrough and formulas, without HTML.

What may not be shown is marked here, so that all who use the tokens agree: links elsewhere than to http, https and
mailto are hidden (their text stays), and so is emphasis nested too deeply.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import unescapeAll
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from sitting.kit.markup.dollars import add_formulas

MAX_LENGTH = 20_000
"""Characters of a text that is read as Markdown; a longer one is shown as it is."""

_DEEPEST = 20  # levels, of blocks in blocks and of inline markup in inline markup
_MOST_CELLS = 10_000
_HIGHEST_HEADING = 3  # the page has used 1 and 2 itself
_LINK = re.compile(r"(?:https?://[^/]|mailto:.)", re.IGNORECASE)
_MEDIA = re.compile(r"media:([0-9a-f]{64})")
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802
        """Accept every target: what may be followed or shown is decided on the tokens, where the author can be told."""
        return True


@cache
def _parser(*, tables: bool = True) -> MarkdownIt:
    parser = _Parser("commonmark", {"html": False, "maxNesting": _DEEPEST, "xhtmlOut": False})
    parser.enable(["table", "strikethrough"] if tables else "strikethrough").disable(["html_block", "html_inline"])
    add_formulas(parser)
    return parser


def read(text: str, *, inline: bool) -> list[Token]:
    """The tokens of a text of at most `MAX_LENGTH` characters; `inline` knows no blocks (lists, tables, code)."""
    text = _SURROGATE.sub("\ufffd", text)
    environment: dict[str, Any] = {}
    parser = _parser(tables=_may_hold_tables(text))
    tokens = parser.parseInline(text, environment) if inline else parser.parse(text, environment)
    for token in tokens:
        _tidy_block(token)
        _hide(token.children or [])
    return tokens


def _may_hold_tables(text: str) -> bool:
    """Whether no table of the text can have too many cells; a short row is filled up to the width of its table."""
    lines = text.split("\n")
    return len(lines) * max(line.count("|") for line in lines) <= _MOST_CELLS


def options() -> OptionsDict:
    """What the parser was told, for a renderer of its tokens."""
    return _parser().options


def walk(tokens: list[Token]) -> Iterator[Token]:
    """All tokens, each before its children; those inside an image are its description and not among them."""
    for token in tokens:
        yield token
        if token.type != "image":
            yield from walk(token.children or [])


def media_source(image: Token) -> str | None:
    """The SHA-256 of a token `image` whose source is `media:…`; None for any other source."""
    match = _MEDIA.fullmatch(str(image.attrGet("src") or ""))
    return match[1] if match else None


def language(fence: Token) -> str:
    """The first word after the opening of a code block, in small letters; empty if there is none."""
    return (unescapeAll(fence.info).lower().split() or [""])[0]


def words(tokens: list[Token]) -> str:
    """The text of inline tokens without markup: a formula as its LaTeX, an image as its description."""
    return "".join(_word(token) for token in tokens)


def _word(token: Token) -> str:
    if token.type == "image":
        return words(token.children or [])
    return {"softbreak": " ", "hardbreak": "\n"}.get(token.type, token.content)


def _tidy_block(token: Token) -> None:
    if token.type.startswith("heading"):
        token.tag = f"h{min(int(token.tag[1]) + _HIGHEST_HEADING - 1, 6)}"
    style = token.attrs.pop("style", None)  # only table cells have one
    if style is not None:
        token.attrSet("class", str(style).replace("text-align:", "align-"))


def _hide(tokens: list[Token]) -> None:
    hidden: list[bool] = []
    for token in tokens:
        if token.nesting == 1:
            hidden.append(len(hidden) >= _DEEPEST or _is_refused(token))
            token.hidden = hidden[-1]
        elif token.nesting == -1:
            token.hidden = hidden.pop()


def _is_refused(token: Token) -> bool:
    return token.type == "link_open" and not _LINK.match(str(token.attrGet("href") or ""))


def refused_link(token: Token) -> str | None:
    """The target of a link that was hidden since it goes elsewhere than to http, https or mailto; else None."""
    return str(token.attrGet("href") or "") if _is_refused(token) else None
