"""Texts of other formats as Markdown that shows the same: plain ones escaped, HTML turned over as far as is safe."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from sitting.kit.markup import plain_text

MAX_CONVERTED = 20_000
"""Characters; a longer text is no part of a question anyway and is left as it is."""

_SPECIAL = re.compile(r"[\\`*_\[\]<$~&|]|^[ \t]*(?:[#>+\-=]|\d+(?=[.)]))", re.MULTILINE)
_FORMULA = re.compile(r"(\$\$[^$]+\$\$)|\\\(((?:[^\\]|\\(?![()]))+)\\\)|\\\[((?:[^\\]|\\(?![\[\]]))+)\\\]", re.DOTALL)
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)([^<>]*)>|<!--[^<>]*-->")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_HREF = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))""", re.IGNORECASE)
_SAFE_LINK = re.compile(r"(?:https?://|mailto:)[^\s<>()]+\Z", re.IGNORECASE)
_MARKS = {"b": "**", "strong": "**", "i": "*", "em": "*", "del": "~~", "s": "~~"}
_BLOCKS = frozenset({"p", "div", "ul", "ol", "table", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote"})
_SILENT = frozenset({"span", "html", "body", "tbody", "thead", "u"})


def looks_like_html(text: str) -> bool:
    """Whether a text of Moodle's automatic format holds tags or entities."""
    return any(found[2] for found in _TAG.finditer(text)) or _ENTITY.search(text) is not None


def from_plain(text: str, *, formulas: bool) -> str:
    """The text so that Markdown shows every character of it; `formulas` keeps what stands between TeX's marks."""
    lines = "\n".join(line.strip(" \t") for line in text.split("\n"))
    if len(lines) > MAX_CONVERTED or _SPECIAL.search(lines) is None:
        return lines
    pieces, end = [], 0
    for found in _FORMULA.finditer(lines) if formulas else ():
        pieces += [_escaped(lines[end : found.start()]), _formula(found)]
        end = found.end()
    return "".join([*pieces, _escaped(lines[end:])])


def _formula(found: re.Match[str]) -> str:
    whole, inside, display = found.groups()
    if whole is not None:
        return whole
    return f"$${display}$$" if display is not None else f"${inside.strip()}$"


def _escaped(text: str) -> str:
    """Escape nothing unless Markdown would show the text otherwise: an underscore in a name does no harm."""
    if _SPECIAL.search(text) is None or plain_text(text).split() == text.split():
        return text
    return _SPECIAL.sub(_with_backslash, text)


def _with_backslash(found: re.Match[str]) -> str:
    text = found[0]
    if text[-1].isdigit():
        return f"{text}\\"
    return f"{text[:-1]}\\{text[-1]}"


@dataclass(slots=True)
class _Page:
    """What has been turned over so far.

    Attributes:
        opened: the marks of elements that are open, by name; lists as their next number, 0 for bullets.
        left_out: names of elements that Markdown has no place for.
    """

    out: list[str] = field(default_factory=list)
    lists: list[int] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    verbatim: str = ""
    skipped: str = ""
    left_out: set[str] = field(default_factory=set)

    def add_text(self, text: str) -> None:
        if self.skipped or not text:
            return
        plain = html.unescape(text)
        if self.verbatim:
            self.out.append(plain)
        else:
            pieces = re.split(r"(\s+)", plain)
            self.out.append(_escaped_inside("".join(" " if piece.isspace() else piece for piece in pieces)))


def _escaped_inside(text: str) -> str:
    return from_plain(f"x{text}x", formulas=True)[1:-1] if text.strip() else text


def from_html(text: str) -> tuple[str, list[str]]:
    """The text as Markdown, and the names of the elements that were left out (what stood in them stays)."""
    if len(text) > MAX_CONVERTED:
        return text, []
    page, end = _Page(), 0
    for found in _TAG.finditer(text):
        page.add_text(text[end : found.start()])
        if found[2]:
            _tag(page, found[2].lower(), found[3], closing=bool(found[1]))
        end = found.end()
    page.add_text(text[end:])
    lines = [line.rstrip() for line in "".join(page.out).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), sorted(page.left_out)


def _tag(page: _Page, name: str, attributes: str, *, closing: bool) -> None:
    if page.skipped or name in ("script", "style"):
        _skip(page, name, closing=closing)
    elif name in _MARKS:
        page.out.append(_MARKS[name])
    elif name in _BLOCKS:
        _block(page, name, closing=closing)
    elif name in _ELEMENTS:
        _ELEMENTS[name](page, attributes, closing)
    elif name not in _SILENT:
        page.left_out.add(name)


def _skip(page: _Page, name: str, *, closing: bool) -> None:
    """Scripts and styles go with all that stands in them."""
    page.left_out |= {name} & {"script", "style"}
    if not page.skipped and not closing:
        page.skipped = name
    elif closing and name == page.skipped:
        page.skipped = ""


def _block(page: _Page, name: str, *, closing: bool) -> None:
    if name in ("ul", "ol"):
        if not closing:
            page.lists.append(1 if name == "ol" else 0)
        elif page.lists:
            page.lists.pop()
    elif name in ("table", "tr", "blockquote") or name[0] == "h":
        page.left_out.add(name)
    page.out.append("\n\n" if not page.lists or name in ("ul", "ol") else "")


def _item(page: _Page, _attributes: str, closing: bool) -> None:
    if closing:
        return
    number = page.lists[-1] if page.lists else 0
    page.out.append(f"\n{number}. " if number else "\n- ")
    if number:
        page.lists[-1] += 1


def _break(page: _Page, _attributes: str, _closing: bool) -> None:
    page.out.append("\n" if page.verbatim else "\\\n")


def _code(page: _Page, _attributes: str, closing: bool) -> None:
    if page.verbatim != "pre":
        page.verbatim = "" if closing else "code"
        page.out.append("`")


def _pre(page: _Page, _attributes: str, closing: bool) -> None:
    page.verbatim = "" if closing else "pre"
    page.out.append("\n```\n\n" if closing else "\n\n```\n")


def _link(page: _Page, attributes: str, closing: bool) -> None:
    if closing:
        target = page.links.pop() if page.links else ""
        page.out.append(f"]({target})" if target else "")
        return
    found = _HREF.search(attributes)
    target = html.unescape(next((part for part in found.groups() if part), "")) if found else ""
    if not _SAFE_LINK.match(target):
        page.left_out.add("a")
        target = ""
    page.links.append(target)
    page.out.append("[" if target else "")


_ELEMENTS: dict[str, Callable[[_Page, str, bool], None]] = {
    "li": _item,
    "br": _break,
    "code": _code,
    "tt": _code,
    "pre": _pre,
    "a": _link,
}
