"""The gate `all_or_none`: options that speak of other options instead of the subject (Haladyna 2002, 25 and 26)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

from sitting.questions.gates.english import FUNCTION_WORDS
from sitting.questions.gates.english import stem as root
from sitting.questions.gates.item import Choice, Item
from sitting.questions.gates.labels import names_labels
from sitting.questions.gates.lead_in import AUXILIARIES
from sitting.questions.gates.references import ABOVE, JUDGED, KIND, META, NTH, THEM, THESE
from sitting.questions.gates.settings import GateSettings
from sitting.questions.gates.text import Kind, Text, Token
from sitting.questions.gates.verdict import OPTIONS, Finding, failed, passed

_ALWAYS = (ABOVE, JUDGED)
_ORDINAL = re.compile(r"\b(?:the|a|its|both|two) (?:first|second|third|fourth|fifth|last|former|latter)\b")
_META_NOUN = re.compile(r"\b(?:options?|answers?|choices?|alternatives?|others?)\b")
_SCALE = re.compile(
    r"(?:only |just |exactly |at (?:most|least) )?(?:one|two|three|four|half|some|most|a few|many|several|each|"
    r"every one|all|none)(?: (?:of .*|alone|only))?|only one\b.*"
)
_PLURAL = re.compile(r"\b(?!this|is\b|was\b|does\b|has\b|its\b)\w{2,}[^\Wsiu]s\b|\b(?:two|both|people|children|data) ")
_AMONG = re.compile(r"\b(?:of (?:these|those|the following|the|its|his|her)|these|the following) \w+\b")
_TOGETHER = re.compile(
    r" (?:together|combined|at once|alone|only|alike|in turn|at the same time|or both(?: of them)?)$"
)
_JOINT = re.compile(r" (?:and|or|nor|&|plus|as well as|together with) ")
_SEPARATOR = re.compile(r",? (?:and|or|nor|&|plus|as well as|together with) |, ")
_BOTH = re.compile(r"^(?:both|either|neither) ")
_PAIR = re.compile(r"(?:both|either|neither) ([^,]+?) (?:and|or|nor|&) (.+)")
_ASKED_FOR = re.compile(r"\b(?:which|what|whose|of these|of the following|of those) ((?:[\w-]+ ?){1,4})")
_OF_OPTIONS = re.compile(r"\b(?:of (?:these|the following|those)|the following)\b")
_MOST_WORDS = 14
_MOST_IN_PAIR = 8
_MOST_IN_NAME = 3
_BARE = ("none", "all", "any", "each", "every one", "none at all", "not one", "no one")
_CLAUSES = ("both that ", "both to ", "both because ", "both by ")


def all_or_none(item: Item, settings: GateSettings) -> Finding:
    """No option such as “all of the above”, “none of these” or “both A and B”."""
    said = {choice.id: _plain(choice.text) for choice in item.choices}
    stem = _plain(item.stem).lower()
    for choice in item.choices:
        if all(piece.kind is not Kind.WORD for piece in choice.text.pieces):
            continue  # in code and formulas “and” joins other things than options
        own, others = said[choice.id], [said[other.id] for other in item.choices if other is not choice]
        folded, others_folded = own.lower(), [other.lower() for other in others]
        if (
            _refers(folded, others_folded, stem)
            or _joins(folded, others_folded)
            or names_labels(own, others, item.stem)
        ):
            return failed(choice.id, _sentence(choice), text=choice.text.shown)
    return passed(OPTIONS)


def _sentence(choice: Choice) -> str:
    return (
        f"“{choice.text.shown}” speaks of the other options: who knows one of them for right or wrong need not know "
        "the rest, and shuffling may make it wrong."
    )


def _plain(text: Text) -> str:
    """The words with commas, slashes, ampersands and brackets as the only marks; code is one word without a meaning."""
    kept = [_said(token) for token in text.tokens if token.kind is not Kind.MARK or token.text in ",&()/"]
    return " ".join(kept).replace(" ,", ",").replace("( ", "(").replace(" )", ")").strip(", ")


def _said(token: Token) -> str:
    if token.kind in (Kind.CODE, Kind.FORMULA) and len(token.text) > 1:
        return f"x{token.text.encode('utf-8', 'replace').hex()}x"
    return token.text.replace("’", "'")


def _refers(said: str, others: Sequence[str], stem: str) -> bool:
    """Whether a word of it can only mean the other options."""
    if len(said.split()) > _MOST_WORDS:
        return False
    if any(pattern.search(said) for pattern in _ALWAYS):
        return True
    if META.search(said) and not any(_META_NOUN.search(text) for text in (stem, *others)):
        return True
    if NTH.search(said) and not _ORDINAL.search(stem):
        return True
    if any(_SCALE.fullmatch(other) for other in others):
        return False
    if said in _BARE and _OF_OPTIONS.search(stem):
        return True
    if THESE.search(said) or _counts_what_is_asked(said, stem):
        return True
    is_of_options = _OF_OPTIONS.search(stem) or not _PLURAL.search(stem)
    return bool(is_of_options and THEM.search(said))


def _counts_what_is_asked(said: str, stem: str) -> bool:
    """Whether it says “no river” where the stem asks “which river”, or “two of the ranges” for “in which range”."""
    found = KIND.search(said)
    if found is None or found[1] in FUNCTION_WORDS:
        return False
    asked = {root(word) for group in _ASKED_FOR.findall(stem) for word in _up_to_verb(group)}
    return root(found[1]) in asked


def _up_to_verb(words: str) -> list[str]:
    said = words.split()
    end = next((place for place, word in enumerate(said) if word in AUXILIARIES), len(said))
    return [word for word in said[:end] if word not in FUNCTION_WORDS]


def _joins(said: str, others: Sequence[str]) -> bool:
    """Whether it is two or more of the others, with “and” between, or “both” of what no other option is."""
    if not _JOINT.search(said) or "between " in said:
        return False
    pair, bare = _PAIR.fullmatch(said), _TOGETHER.sub("", said)
    single = [other for other in others if not _JOINT.search(other) and "," not in other]
    names = set(map(_bare, single))
    equal = [_bare(part) in names for part in _SEPARATOR.split(_BOTH.sub("", bare)) if part]
    if all(equal) or ((pair or bare != said) and any(equal)) or _is_sum(bare, single):
        return True
    if pair is None or any(_PAIR.match(other) for other in others):
        return False
    if said.startswith(_CLAUSES):
        return len(said.split()) <= _MOST_WORDS
    is_short = max(len(text.split()) for text in (said, *others)) <= _MOST_IN_PAIR
    return is_short and (any(_bare(part) in names for part in pair.groups()) or _is_of_two(said, pair[1], others))


def _is_sum(said: str, others: Sequence[str]) -> bool:
    """Whether its words are those of two others: “It waits and retries”, beside “It waits” and “It retries”."""
    own, sets = _content(said), [_content(other) for other in others]
    pairs = ((one, other) for one, other in combinations(sets, 2) if not one <= other and not other <= one)
    return any(own == one | other for one, other in pairs)


def _content(text: str) -> frozenset[str]:
    return frozenset(root(word) for word in re.findall(r"[\w'-]+", text) if word not in FUNCTION_WORDS)


def _is_of_two(said: str, first: str, others: Sequence[str]) -> bool:
    """Whether “both” joins two things among single ones: “both wind and currents”, not “both threads wait and stop”."""
    is_thing = " " not in first or first.startswith(("a ", "an ", "the ", "its "))
    return said.startswith("both ") and is_thing and all(len(other.split()) <= _MOST_IN_NAME for other in others)


def _bare(text: str) -> str:
    return re.sub(r"^(?:a|an|the|to|by|only|in|on|at|for) ", "", text)
