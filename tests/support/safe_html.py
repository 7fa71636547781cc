"""A strict reader of rendered texts: it refuses whatever is not in a list of its own, and whatever does not nest."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"br", "hr", "img"}
HTML = {
    *("p", "br", "strong", "em", "s", "code", "pre", "span", "a", "img", "ul", "ol", "li", "blockquote", "hr"),
    *("h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
MATHML = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "msqrt", "mroot", "mfrac", "msub", "msup", "msubsup"),
    *("munder", "mover", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "menclose"),
}
ATTRIBUTES = {
    "href": r"(https?://|mailto:)[^\s<>]+",
    "title": r"[\s\S]*",
    "rel": "noopener noreferrer nofollow",
    "target": "_blank",
    "src": "/media/[0-9a-f]{64}",
    "alt": r"[\s\S]*",
    "start": "[0-9]+",
    "class": "code|formula|code-[a-z]+|align-(left|center|right)",
}
MATHML_VALUE = r"[-+.0-9a-z ]*"
MATHML_ATTRIBUTES = {
    *("stretchy", "fence", "form", "lspace", "rspace", "width", "height", "depth", "voffset", "minsize", "maxsize"),
    *("movablelimits", "accent", "separator", "largeop", "displaystyle", "linethickness", "mathsize", "mathvariant"),
    *("columnspacing", "rowspacing", "columnlines", "rowlines", "columnalign", "display", "linebreak", "notation"),
    *("scriptlevel",),
}


class UnsafeHtml(AssertionError):
    """The HTML holds something that no rendered text may hold."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.deepest = 0
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        is_math = "math" in [*self.open, tag]
        if tag not in (MATHML if is_math else HTML):
            raise UnsafeHtml(f"<{tag}> inside {self.open}")
        for name, value in attrs:
            pattern = (MATHML_VALUE if name in MATHML_ATTRIBUTES else None) if is_math else ATTRIBUTES.get(name)
            if pattern is None or not re.fullmatch(pattern, value or ""):
                raise UnsafeHtml(f"{name}={value!r} on <{tag}>")
        if tag not in VOID:
            self.open.append(tag)
            self.deepest = max(self.deepest, len(self.open))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise UnsafeHtml(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        raise UnsafeHtml("a comment")

    def handle_decl(self, decl: str) -> None:
        raise UnsafeHtml("a declaration")

    def unknown_decl(self, data: str) -> None:
        raise UnsafeHtml("a declaration")

    def handle_pi(self, data: str) -> None:
        raise UnsafeHtml("an instruction")


def visible_text(html: str) -> str:
    """The text of rendered HTML.

    Raises:
        UnsafeHtml: it holds an element, attribute or value that is not known, or does not nest.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    if reader.open or reader.deepest > 100:
        raise UnsafeHtml(f"{len(reader.open)} elements are not closed, {reader.deepest} are within each other")
    return "".join(reader.text)
