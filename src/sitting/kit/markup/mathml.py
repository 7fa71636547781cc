"""MathML written from a tree that nobody vouches for: known elements, known attributes with known values, text escaped.

Widths are bounded, so that no formula lies over other parts of the page. Letters of other alphabets (bold, script,
double-struck) become the characters that Unicode has for them, as browsers no longer read `mathvariant`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_DEEPEST = 60  # elements in elements
_TOKENS = frozenset({"mi", "mn", "mo", "mtext"})
_ROWS = frozenset(
    {"math", "mrow", "mspace", "msqrt", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "menclose"}
)
_CHILDREN = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}

_NAMED_WIDTHS = {
    "negativethinmathspace": "-0.167em",
    "negativemediummathspace": "-0.222em",
    "negativethickmathspace": "-0.278em",
    "thinmathspace": "0.167em",
    "thickmathspace": "0.278em",
}
_LENGTH = r"[+-]?(?:0|\d?(?:\.\d{1,4})?(?:em|ex|cm|in|pc)|\d{1,2}(?:\.\d{1,4})?(?:px|pt|mm))"
_VALUES = {
    name: re.compile(pattern)
    for names, pattern in (
        ("stretchy fence movablelimits accent accentunder separator largeop displaystyle", "true|false"),
        ("lspace rspace width height depth voffset minsize maxsize linethickness mathsize", _LENGTH),
        ("columnspacing rowspacing", rf"{_LENGTH}(?: {_LENGTH}){{0,40}}"),
        ("columnlines rowlines", "(?:none|solid|dashed)(?: (?:none|solid|dashed)){0,40}"),
        ("columnalign", "left|center|right"),
        ("display", "inline|block"),
        ("form", "prefix|infix|postfix"),
        ("linebreak", "newline"),
        ("notation", "box"),
        ("scriptlevel", "[0-3]"),
    )
    for name in names.split()
}
_ENTITY = re.compile("&#x([0-9A-Fa-f]{1,6});")
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_MEANINGLESS = frozenset("{}&#$")  # unless a command holds them
_COMMAND = re.compile(r"\\[a-zA-Z]+")


class Inconvertible(ValueError):
    """The formula cannot be shown; the message is a clause that says why."""


def to_mathml(tree: Element) -> str:
    """Write the tree as HTML would have it, without namespaces.

    Raises:
        Inconvertible: it holds an element that is not known, one with too few or too many children, text where none
            belongs, a command that nobody has converted, or it is too deep.
    """
    return _write(tree, 1)


def _write(element: Element, depth: int) -> str:
    tag = element.tag
    if depth > _DEEPEST:
        raise Inconvertible("it is nested too deeply")
    if tag in _TOKENS:
        content = escape(_text(element), quote=False)
    elif (element.text or "").strip() or not (tag in _ROWS or _CHILDREN.get(tag) == len(element)):
        raise Inconvertible("a part of it is missing, or is not known")
    else:
        content = "".join(_write(child, depth + 1) for child in element)
    return f"<{tag}{_attributes(element)}>{content}</{tag}>"


def _attributes(element: Element) -> str:
    written = ""
    for name, value in element.attrib.items():
        value = _NAMED_WIDTHS.get(value, value)
        if name in _VALUES and _VALUES[name].fullmatch(value):
            written += f' {name}="{value}"'
    if element.tag == "mi" and element.get("mathvariant") == "normal":
        written += ' mathvariant="normal"'
    return written


def _text(element: Element) -> str:
    """The characters of an element and of all within it; the library writes symbols as entities, which are read."""
    text = "".join(element.itertext())
    unknown = None if element.tag == "mtext" else _COMMAND.match(text)
    if unknown:
        raise Inconvertible(f"{unknown[0]} is not known")
    if element.tag == "mi" and text in _MEANINGLESS:
        raise Inconvertible(f"{text} has no meaning where it stands")
    text = _UNSAFE.sub("\ufffd", _ENTITY.sub(_character, text))
    alphabet = element.get("mathvariant", "normal")
    return text if alphabet == "normal" else "".join(in_alphabet(character, alphabet) for character in text)


def _character(entity: re.Match[str]) -> str:
    code = int(entity[1], 16)
    return chr(code) if code < 0x110000 else "\ufffd"


@lru_cache(maxsize=1024)
def in_alphabet(character: str, alphabet: str) -> str:
    """The character as MathML's `mathvariant` shows it, such as a double-struck R; else itself."""
    if not (character.isascii() and character.isalnum()):
        return character
    name = unicodedata.name(character).removeprefix("LATIN ").replace(" LETTER", "")
    style = alphabet.replace("sans-serif-italic", "sans-serif italic").replace("bold-italic", "bold italic").upper()
    older = {"FRAKTUR": "BLACK-LETTER"}.get(
        style, style
    )  # the few that were there before the others, under other names
    for candidate in (f"MATHEMATICAL {style} {name}", f"{older} {name}"):
        try:
            return unicodedata.lookup(candidate)
        except KeyError:
            continue
    return "\u210e" if f"{style} {name}" == "ITALIC SMALL H" else character
