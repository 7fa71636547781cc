"""Letters that stand for options, such as “A and C”."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sitting.questions.gates.text import Kind, Text

_LABEL = r"(?:options? |answers? |choices? |statements? )?\(?([a-h]|[1-9]|i{1,3}|iv|vi{0,3})\)?"
_COMBINED = re.compile(
    rf"(?:only |both |either |neither )?{_LABEL}(?:,? {_LABEL})*,? (?:and|or|nor|&|plus|as well as) {_LABEL}"
    r"(?: (?:only|alone|together|(?:are|is) (?:both |all )?(?:correct|right|true)|but not .*))?"
)
_JOINT = r"(?:,? (?:and|or|nor|&|plus|with|/|as well as|together with|but not) |, | / )"
_WITHIN = re.compile(
    rf"(?:^|, |\b(?i:both|either|neither|only|of|is|so|by|in|all|but|except|not|for|like|options?|answers?|choices?) )"
    rf"\(?([A-H])\)?(?:{_JOINT}\(?([A-H])\)?)+(?![\w'-])"
)
_SINGLE = re.compile(
    r"\b(?:[Aa]ll|[Aa]ny|[Ee]verything|[Aa]nything)(?: of them)? (?:but|except|save|besides) "
    r"(?:[A-H]|the (?:first|second|third|last))$"
)
_LETTERS = re.compile(r"\b([a-h]|i{1,3}|iv|vi{0,3})\b")
_OF_OPTIONS = re.compile(r"(?:only |both |either |neither )?(?:options?|answers?|choices?) ")
_MOST_LABELLED = 2


def names_labels(said: str, others: Sequence[str], stem: Text) -> bool:
    """Whether the option (with its capitals) combines letters that neither the stem nor the others give a meaning."""
    named = _named(said)
    if named is None:
        return False
    if not named:
        return _OF_OPTIONS.match(said.lower()) is not None
    if len([other for other in others if _named(other) is None]) < min(_MOST_LABELLED, len(others)):
        return False
    return not any(_is_name(token.text, token.kind, place, named) for place, token in enumerate(stem.tokens))


def _named(said: str) -> set[str] | None:
    """The letters that it combines; None if it combines nothing, empty if it is numbers."""
    folded = said.lower()
    if _COMBINED.fullmatch(folded):
        return None if folded[0].isdigit() else set(_LETTERS.findall(folded))
    within = _WITHIN.search(said) or _SINGLE.search(said)
    return {letter.lower() for letter in re.findall(r"\b[A-H]\b", within[0])} or {"a"} if within else None


def _is_name(text: str, kind: Kind, place: int, named: set[str]) -> bool:
    """Whether the stem uses the letter as a name; `A` at its beginning and a small `a` are articles, `I` a pronoun."""
    if kind in (Kind.CODE, Kind.FORMULA):
        return text.strip("()").lower() in named
    if kind is not Kind.WORD or text.lower() not in named:
        return False
    return text not in ("a", "I") and not (text == "A" and place == 0)
