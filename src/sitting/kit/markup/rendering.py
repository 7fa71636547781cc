"""Tokens to safe HTML: rendered, sanitised, and only then filled with formulas and images' addresses.

What is filled in stands in the sanitised HTML as a mark: a hash of the text under a key that this process drew, so no
text can hold its own marks. The rest of the house sees the outcome as parts, since the addresses of images may differ
from reader to reader while all else is kept.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from hashlib import blake2b
from html import escape
from typing import Any, NamedTuple

import nh3
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from sitting.kit.markup.formulas import formula
from sitting.kit.markup.highlighting import CLASS_PREFIX, KINDS, MAX_CODE, highlight
from sitting.kit.markup.parsing import MAX_LENGTH, language, media_source, options, read, words

MAX_FORMULAS = 200
"""Formulas of one text that are converted; those after them are shown as they were typed."""

_KEY = secrets.token_bytes(32)
_CACHED = 2048  # texts: those of some Tests, with their options

TAGS = frozenset(
    {"p", "br", "strong", "em", "s", "code", "pre", "span", "a", "img", "ul", "ol", "li", "blockquote", "hr"}
    | {"h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}
)
ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt"}, "ol": {"start"}}
_ALIGNED = {"align-left", "align-center", "align-right"}
CLASSES = {
    "pre": {"code"},
    "span": {CLASS_PREFIX + kind for kind in KINDS},
    "th": _ALIGNED,
    "td": _ALIGNED,
}


class Picture(NamedTuple):
    """A place for the address of an image."""

    sha256: str


Part = str | Picture


def to_html(text: str, *, inline: bool = False, image_url: Callable[[str], str] | None) -> str:
    """A text of an author as HTML that may stand in any page as it is.

    Args:
        text: Markdown; beyond `MAX_LENGTH` characters it is shown as it was typed.
        inline: without blocks, for an option; the outcome then fits into a `<span>`.
        image_url: gives the address of an image, from its SHA-256 in hexadecimal; without it, images are shown as
            their descriptions.
    """
    parts = _parts(text, inline, image_url is not None)
    return "".join(_with_address(part, image_url) for part in parts)


def _with_address(part: Part, image_url: Callable[[str], str] | None) -> str:
    if isinstance(part, str):
        return part
    return escape(image_url(part.sha256)) if image_url else ""


@lru_cache(maxsize=_CACHED)
def _parts(text: str, inline: bool, with_images: bool) -> tuple[Part, ...]:
    if len(text) > MAX_LENGTH:
        plain = escape(text.encode(errors="replace").decode(), quote=False)
        return (plain if inline else f"<p>{plain}</p>",)
    filling = _Filling(text, with_images)
    html = _renderer().render(read(text, inline=inline), options(), {"filling": filling})
    return filling.fill(_cleaner().clean(html).strip())


class _Filling:
    """What is put into the HTML after it was sanitised; `code` counts the characters that may still be coloured."""

    def __init__(self, text: str, with_images: bool) -> None:
        self.with_images = with_images
        self.code = MAX_CODE
        self.formulas = 0
        self._parts: list[Part] = []
        self._mark = blake2b(text.encode(errors="replace"), key=_KEY, digest_size=16).hexdigest()

    def put(self, part: Part) -> str:
        """Keep the part, and return the mark that stands for it."""
        self._parts.append(part)
        return f"{self._mark}-{len(self._parts) - 1}-"

    def fill(self, html: str) -> tuple[Part, ...]:
        """The HTML with each mark replaced by its part."""
        pieces: list[Part] = [*re.split(f"{self._mark}-([0-9]+)-", html)]
        pieces[1::2] = [self._parts[int(str(index))] for index in pieces[1::2]]
        return _joined(pieces)


def _joined(pieces: list[Part]) -> tuple[Part, ...]:
    joined: list[Part] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return tuple(joined)


class _Renderer(RendererHTML):
    """Our tokens, and those where we differ; the names of the methods are the types of tokens."""

    def image(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        sha256, filling = media_source(tokens[idx]), env["filling"]
        description = escape(words(tokens[idx].children or []))
        if sha256 is None or not filling.with_images:
            return description
        return f'<img src="{filling.put(Picture(sha256))}" alt="{description}">'

    def formula(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        filling: _Filling = env["filling"]
        return filling.put(_formula(tokens[idx], filling))

    def formula_block(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return f"<p>{self.formula(tokens, idx, options, env)}</p>\n"

    def code_block(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return _code(tokens[idx].content, "", env["filling"])

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return _code(tokens[idx].content, language(tokens[idx]), env["filling"])


def _formula(token: Token, filling: _Filling) -> str:
    filling.formulas += 1
    source = f"{token.markup}{token.content}{token.markup}"
    mathml = None
    if filling.formulas <= MAX_FORMULAS:
        mathml = formula(token.content, display=token.markup == "$$").mathml
    return mathml or f'<code class="formula">{escape(source, quote=False)}</code>'


def _code(code: str, name: str, filling: _Filling) -> str:
    filling.code -= len(code)
    coloured = highlight(code, name if filling.code >= 0 else "")
    return f'<pre class="code"><code>{coloured}</code></pre>\n'


@cache
def _renderer() -> _Renderer:
    return _Renderer()


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=TAGS,
        attributes=ATTRIBUTES,
        allowed_classes=CLASSES,
        url_schemes={"http", "https", "mailto"},
        url_relative="pass_through",  # a mark is one
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
