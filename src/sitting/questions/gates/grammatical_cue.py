"""The gate `grammatical_cue`: the stem's grammar fits only some options (Haladyna 2002, 28 c)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from sitting.questions.gates.item import Item
from sitting.questions.gates.lead_in import AUXILIARIES, IMPERATIVES
from sitting.questions.gates.settings import GateSettings
from sitting.questions.gates.text import Kind, Text, Token
from sitting.questions.gates.verdict import STEM, Finding, failed, not_applicable, passed
from sitting.questions.gates.word_list import listed

_VOWEL = re.compile(r"[aeiou]")
_SOUNDS_CONSONANT = re.compile(r"(?:uni(?!n|m)|us[eua]|ut[ei]|eu|ew|one(?!ir)|once|ubiq|ur[ai]n|euro)")
_SOUNDS_VOWEL = re.compile(
    r"(?:hour|honest|honou?r|heir|html|http|mvp|md5|ssh|sql|xml|x-|f1|rna|nfa|lru|lfu|ssd|mri|fbi|nfs|ftp)"
)
_SPELLED = re.compile(r"[A-Z]{2,}[0-9s]*")
_SPOKEN = re.compile(r"^(?=.{5})(?=.*[AEIOU].*[AEIOU])(?!.*[^AEIOUY]{4})[A-Z]+$")
"""Capitals that are a word all the same, such as UPDATE."""
_SPELLED_VOWELS = frozenset("AEFHILMNORSX")
_AMBIGUOUS_SPELLED = frozenset("FHLMNRS")
_VOWEL_NUMBER = re.compile(r"(?:8|11(?!\d)|18(?!\d)|11,|18,)")
_DETERMINERS = listed("a an the this that these those its their his her one two three some any no each every")
_SINGULAR_S = ("ss", "us", "is", "ics", "as", "os")
_SINGULAR_WITH_S = listed("dns tls https css ios news series species lens bus gas alias process access class")
_PLURALS = listed(
    """
    children people men women mice feet teeth geese oxen bacteria criteria phenomena data media indices vertices
    matrices nuclei fungi cacti radii alumni larvae
    """
)
_PREPOSITIONS = listed(
    """
    of in on at by for with from to into onto over under that which who whose where when than as between within
    without about through after before during because if while
    """
)
_NUMERALS = listed("two three four five")
_COUNTED = listed("two three four five both these those several many few")
_PLURAL_VERBS = listed("are were have do")
_SINGULAR_VERBS = listed("is was has does")
_BE = listed("is are was were")
_BETWEEN = listed("the its their his her often always usually both all also mainly mostly most thus then together")
_TIMES = listed("for in on at by during under")
_VERBAL = AUXILIARIES | listed("it they he she we you there not")
_MOST_WORDS = 6


def grammatical_cue(item: Item, settings: GateSettings) -> Finding:
    """“A” or “an” before the options, and singular or plural in the stem, fit all of them."""
    if item.key is None or not item.distractors:
        return not_applicable("There is no single key to compare with distractors.", STEM)
    article = _article_before(item.stem)
    if article is not None:
        return _compared(item, lambda text: _article_of(text, article), f"“{article}”")
    number = _number_asked(item.stem)
    if number is not None:
        # What asks for one thing may well be answered in the plural: “lower costs”; so all distractors must be odd.
        is_question = number == "singular" and item.stem.sentences[-1].end == "?"
        least = len(item.distractors) if is_question else 1
        return _compared(item, lambda text: _number_of(text, number), f"the {number}", least)
    return passed(STEM)


def _compared(item: Item, fits: Callable[[Text], bool | None], cue: str, least: int = 1) -> Finding:
    """Fails if the key fits the cue and at least so many distractors do not; None is for what cannot be told."""
    key = item.key
    odd = [choice for choice in item.distractors if fits(choice.text) is False]
    if key is None or not fits(key.text) or len(odd) < least:
        return passed(STEM, cue=cue)
    listed = ", ".join(f"“{choice.text.shown}”" for choice in odd[:3])
    sentence = f"After {cue} in the stem the key can stand, but {listed} cannot: grammar rules it out."
    return failed(STEM, sentence, cue=cue, options=[each.id for each in odd])


def _article_before(stem: Text) -> str | None:
    """The article right before the options or a blank; None if there is none, or it is a(n)."""
    tokens = list(stem.tokens)
    for place, token in enumerate(tokens):
        if token.kind is Kind.BLANK:
            return _article(tokens[:place])
    while tokens and tokens[-1].kind is Kind.MARK and tokens[-1].text in ":…-–—.":
        tokens.pop()
    return _article(tokens)


def _article(tokens: Sequence[Token]) -> str | None:
    if not tokens or tokens[-1].kind is not Kind.WORD or tokens[-1].folded not in ("a", "an"):
        return None
    offers_both = (len(tokens) > 1 and tokens[-2].text in ("/", "(")) or (
        len(tokens) > 2 and tokens[-2].folded == "or" and tokens[-3].folded in ("a", "an")
    )
    return None if offers_both else tokens[-1].folded


def _article_of(text: Text, article: str) -> bool | None:
    first = next((token for token in text.tokens if token.kind is not Kind.MARK), None)
    if first is None or first.kind in (Kind.FORMULA, Kind.BLANK) or first.folded in _DETERMINERS:
        return None
    if number_of_option(text) == "plural":
        return False
    vowel = sounds_as_vowel(first.text)
    return None if vowel is None else vowel is (article == "an")


def sounds_as_vowel(word: str) -> bool | None:
    """Whether “an” stands before the word; None where both are heard: an SQL query, a SQL query."""
    folded = word.lower()
    if _SPELLED.fullmatch(word) and not _SPOKEN.search(word):
        if word[0] in _AMBIGUOUS_SPELLED and (set(word) & set("AEIOU") or word.startswith("SQL")):
            return None  # a NAT, but an N. A. T.; those without vowels nobody can say as words
        return word[0] in _SPELLED_VOWELS
    if folded[0].isdigit():
        return _VOWEL_NUMBER.match(folded) is not None
    if _SOUNDS_VOWEL.match(folded):
        return True
    if not folded[0].isalpha():
        return None
    return _VOWEL.match(folded) is not None and not _SOUNDS_CONSONANT.match(folded)


def _number_asked(stem: Text) -> str | None:
    """`plural` or `singular`, if the stem's verb or numeral asks for things in that number; else None."""
    spoken = [sentence for sentence in stem.sentences if sentence.words]
    if not spoken:
        return None
    words = spoken[-1].words
    if spoken[-1].end in ("", ":"):
        verb = _last_verb(words)
        if verb in ("are", "were"):
            return "plural"
        return "singular" if verb in ("is", "was") and _is_clear(words) else None
    if words[0] in IMPERATIVES and set(words) & _NUMERALS:
        return "plural"
    asks = words.index("which") if "which" in words else (words.index("what") if "what" in words else None)
    if asks is None or spoken[-1].end != "?":
        return None
    return _number_of_question(words[asks + 1 :])


def _last_verb(words: Sequence[str]) -> str:
    """The verb before the options, and before what may stand between: “are mostly the”, “are for some weeks”."""
    left = list(words)
    while len(left) > 1 and (left[-1] in _BETWEEN or left[-1].endswith("ly")):
        left.pop()
    phrase = next((at for at in range(max(1, len(left) - 4), len(left)) if left[at] in _TIMES), None)
    return left[phrase - 1] if phrase is not None and left[phrase - 1] in _BE else left[-1]


def _is_clear(words: Sequence[str]) -> bool:
    """Whether `is` at the end needs a noun in the singular: “the name … is”, not “what counts is”."""
    return "what" not in words and words[0] in ("the", "a", "an", "this", "one")


def _number_of_question(rest: Sequence[str]) -> str | None:
    """`which two …`, `which of these are …`, `which planets have …`, `what are the …`."""
    if not rest:
        return None
    if rest[0] in _COUNTED - {"both", "these", "those"}:
        return "plural"
    if rest[0] in ("are", "were"):
        return "plural"
    if rest[0] == "of":
        verb = next((word for word in rest[1:5] if word in _PLURAL_VERBS | _SINGULAR_VERBS), None)
        return "plural" if verb in ("are", "were", "have") else None
    return None if rest[0] in AUXILIARIES else _number_of_noun(rest)


def _number_of_noun(rest: Sequence[str]) -> str | None:
    """The number of what `which` stands before: of the noun, not of the verb (“which port do browsers use”)."""
    place = next((at for at, word in enumerate(rest[:5]) if word in AUXILIARIES), None)
    if place is not None:
        return "plural" if _is_plural_noun(rest[place - 1]) else "singular"
    is_plural = _is_plural_noun(rest[0]) and len(rest) > 1 and not rest[1].endswith("s")
    return "plural" if is_plural else None


def _is_plural_noun(word: str) -> bool:
    if word in _PLURALS:
        return True
    return len(word) > 3 and word.endswith("s") and not word.endswith(_SINGULAR_S) and word not in _SINGULAR_WITH_S


def _number_of(text: Text, wanted: str) -> bool | None:
    number = number_of_option(text)
    return None if number is None else number == wanted


def number_of_option(text: Text) -> str | None:
    """`plural` or `singular`, if the option is a short noun phrase; else None."""
    words = [token.folded for token in text.tokens if token.kind is Kind.WORD]
    if any(_is_plural_code(one, other) for one, other in pairwise(text.tokens)):
        return "plural"
    has_other = any(token.kind in (Kind.CODE, Kind.FORMULA) for token in text.tokens)
    if not words or has_other or len(words) > _MOST_WORDS or set(words) & _VERBAL:
        return None
    head = _head(words)
    if "and" in words[1:] or any(token.text == "," for token in text.tokens):
        return "plural"
    if words[0] in _COUNTED or _is_plural_noun(head):
        return "plural"
    return "singular"


def _is_plural_code(code: Token, ending: Token) -> bool:
    return code.kind is Kind.CODE and ending.folded in ("s", "'s") and not ending.spaced


def _head(words: Sequence[str]) -> str:
    """The last word before the first preposition."""
    for place, word in enumerate(words):
        if place and word in _PREPOSITIONS:
            return words[place - 1]
    return words[-1]
