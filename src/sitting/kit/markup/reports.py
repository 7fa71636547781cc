"""What can be said about a text: what its author should change, which images it shows, how it reads without markup."""

from __future__ import annotations

from collections.abc import Iterator

from markdown_it.token import Token

from sitting.kit.markup.dollars import BLOCK, INLINE
from sitting.kit.markup.formulas import formula
from sitting.kit.markup.highlighting import LANGUAGES, MAX_CODE, PLAIN
from sitting.kit.markup.parsing import MAX_LENGTH, language, media_source, read, refused_link, walk, words
from sitting.kit.markup.rendering import MAX_FORMULAS

_SHOWN = 80  # characters of an author's text in a sentence about it
_FORMULAS = frozenset({INLINE, BLOCK})


def problems(text: str, *, inline: bool = False) -> list[str]:
    """What the author should be told before the text is published: sentences, each once, in the order of the text.

    Empty if every image, formula, link and block of code is shown as meant. `inline` is as for `to_html`.
    """
    if len(text) > MAX_LENGTH:
        return [f"The text is longer than {MAX_LENGTH} characters and is shown without any formatting."]
    tokens = list(walk(read(text, inline=inline)))
    found = [problem for token in tokens for problem in _of_token(token)]
    return list(dict.fromkeys([*found, *_of_all(tokens)]))


def media_of(text: str, *, inline: bool = False) -> tuple[str, ...]:
    """The SHA-256 (64 hexadecimal characters) of each image that the text shows, in order, each once.

    `inline` must be as for `to_html`: what is code in a block may be an image in a line.
    """
    if len(text) > MAX_LENGTH:
        return ()
    images = (media_source(token) for token in walk(read(text, inline=inline)) if token.type == "image")
    return tuple(dict.fromkeys(sha256 for sha256 in images if sha256))


def plain_text(text: str, *, inline: bool = False) -> str:
    """The text without markup, for notices, tables and search: a block a line, a formula as its LaTeX, code as it is.

    An image is its description, and cells of a table stand between ` | `.
    """
    if len(text) > MAX_LENGTH:
        return text
    return "".join(_lines(read(text, inline=inline))).strip("\n")


def _lines(tokens: list[Token]) -> Iterator[str]:
    is_row_begun = False
    for token in tokens:
        if token.type in ("th_open", "td_open"):
            yield " | " if is_row_begun else ""
            is_row_begun = True
        elif token.type == "tr_close":
            is_row_begun = False
            yield "\n"
        elif token.type == "inline":
            yield words(token.children or []) + ("" if is_row_begun else "\n")
        elif token.content:
            yield token.content.strip("\n") + "\n"


def _of_token(token: Token) -> Iterator[str]:
    if token.type in _FORMULAS:
        yield from _of_formula(token)
    elif token.type == "image":
        yield from _of_image(token)
    elif token.type == "fence":
        yield from _of_fence(token)
    elif token.type == "text" and "$$" in token.content:
        yield "A formula that begins with $$ does not end with $$, or holds an empty line, a back-tick or nothing."
    elif (target := refused_link(token)) is not None:
        yield f"The link to “{_short(target)}” is shown as text: links begin with http://, https:// or mailto:."


def _of_formula(token: Token) -> Iterator[str]:
    reason = formula(token.content, display=token.markup == "$$").problem
    if reason:
        source = f"{token.markup}{token.content}{token.markup}"
        yield f"The formula {_short(source)} cannot be shown: {reason}."


def _of_image(token: Token) -> Iterator[str]:
    source, description = str(token.attrGet("src") or ""), words(token.children or []).strip()
    if media_source(token) is None:
        yield f"The image “{_short(source)}” is not shown: its source must be media: and a file's SHA-256."
    elif not description:
        yield f"The image “{_short(source)}” has no description for those who cannot see it: ![description](…)."


def _of_fence(token: Token) -> Iterator[str]:
    name = language(token)
    first, end = token.map or [0, 0]
    if name not in LANGUAGES and name not in PLAIN:
        yield f"The language “{_short(name)}” of a code block is not known: it is shown without colours."
    lines = token.content.count("\n") + (token.content[-1:] not in ("", "\n"))
    if lines >= end - first - 1:  # a closed one has two lines more than its content
        yield f"A code block that begins with {_short(token.markup + token.info)} is not closed."


def _of_all(tokens: list[Token]) -> Iterator[str]:
    if sum(token.type in _FORMULAS for token in tokens) > MAX_FORMULAS:
        yield f"The text has more than {MAX_FORMULAS} formulas: those after them are shown as they were typed."
    if sum(len(token.content) for token in tokens if token.type == "fence" and language(token) in LANGUAGES) > MAX_CODE:
        yield f"The text has more than {MAX_CODE} characters of code: what is beyond is shown without colours."


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
