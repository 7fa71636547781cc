"""The gate `word_repeat`: a telling word of the stem that leads to the key (clang association; Haladyna 2002, 28 b)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from sitting.questions.gates.english import FUNCTION_WORDS, GRAMMAR_WORDS, is_plain, stem
from sitting.questions.gates.item import Item
from sitting.questions.gates.lead_in import lead_in
from sitting.questions.gates.settings import GateSettings
from sitting.questions.gates.text import Kind, Text, Token
from sitting.questions.gates.verdict import KEY, Finding, failed, not_applicable, passed
from sitting.questions.gates.word_list import listed

Words = dict[str, str]
"""Words by their stems."""

_POINTING = listed("that this these those same")
_JOINTS = frozenset("./\\_@=:")
_MOST_SENTENCES = 2
_CODE_WORD = re.compile(r"[A-Za-z]{3,}")
# What questions of any subject ask with.
_ASKED_WITH = listed(
    """
    answer answers apply applies asked asks called choose correct correctly described describes false following follows
    happen happened happens mean meaning means meant option options question said say says statement statements termed
    true typically use used uses using first wrong
    """
)


def word_repeat(item: Item, settings: GateSettings) -> Finding:
    """No telling word of the stem stands in the key and in no distractor."""
    if item.key is None or not item.distractors:
        return not_applicable("There is no single key to compare with distractors.", KEY)
    asked, told = _asked(item.stem, settings), _told(item.stem, settings)
    key = _offered(item.key.text, settings, pointing=False)
    others = [_offered(choice.text, settings) for choice in item.distractors]
    elsewhere = {root for other in others for root in other}
    cues = {root for root in key if root in asked and root not in elsewhere}
    if not _most_repeat([set(told) & set(other) - set(key) for other in others]):
        cues |= {root for root in key if root in told and root not in elsewhere} - _resumed(item.key.text)
    if not cues:
        return passed(KEY)
    listed = ", ".join(f"“{key[root]}”" for root in sorted(cues))
    sentence = f"Of all options only the key repeats {listed} from the question: the word gives it away."
    return failed(KEY, sentence, cues={(told | asked)[root]: key[root] for root in cues})


def _resumed(text: Text) -> set[str]:
    """Common words behind “the”, such as “the user”: they take up who is in the story, and say no more than “he”."""
    pairs = pairwise(token.folded for token in text.tokens)
    return {stem(part) for the, word in pairs if the == "the" for part in _parts(word) if is_plain(part)}


def _most_repeat(repeated: Sequence[set[str]]) -> bool:
    """Whether the key does not stand out, since most distractors repeat words of the story as well, but other ones."""
    return 2 * sum(map(bool, repeated)) > len(repeated)


def _asked(text: Text, settings: GateSettings) -> Words:
    """The words of the sentences that ask: other than in a story, any word but those of grammar tells something."""
    tokens = [token for sentence in lead_in(text) for token in sentence.tokens]
    return _of_code(tokens) | _words(tokens, settings, GRAMMAR_WORDS.__contains__)


def _told(text: Text, settings: GateSettings) -> Words:
    """The words of the subject in all that is told; in a short stem, and no story, also such as any text has."""
    if sum(bool(sentence.words) for sentence in text.sentences) > _MOST_SENTENCES:
        return _words(text.tokens, settings, is_plain)
    named = {word for piece in text.pieces if piece.kind is Kind.BLOCK for word in _code_words(piece.text)}
    return _words(text.tokens, settings, lambda word: word in FUNCTION_WORDS or word in named)


def _offered(text: Text, settings: GateSettings, *, pointing: bool = True) -> Words:
    """The words of an option; those of code, if it is nothing else."""
    if text.tokens and all(token.kind is Kind.CODE for token in text.tokens):
        return _of_code(text.tokens)
    return _words(text.tokens, settings, GRAMMAR_WORDS.__contains__, pointing=pointing)


def _of_code(tokens: Sequence[Token]) -> Words:
    code = (token.text for token in tokens if token.kind is Kind.CODE)
    return {stem(word): word for text in code for word in _code_words(text)}


def _code_words(code: str) -> list[str]:
    return [word.lower() for word in _CODE_WORD.findall(code)]


def _words(
    tokens: Sequence[Token], settings: GateSettings, is_idle: Callable[[str], bool], *, pointing: bool = True
) -> Words:
    """Words that are not idle, without those of names such as www.example.org.

    Without `pointing`, a word behind “that” or “the same” is left out: it only says which one.
    """
    found: Words = {}
    for place, token in enumerate(tokens):
        if token.kind is not Kind.WORD or _is_in_name(tokens, place):
            continue
        if not pointing and _is_pointed_at(tokens, place):
            continue
        is_abbreviation = len(token.text) > 1 and token.text.isupper() and token.text.isalpha()
        for word in _parts(token.folded):
            if is_abbreviation or (_counts(word, settings) and not is_idle(word)):
                found.setdefault(stem(word), word)
    return found


def _is_pointed_at(tokens: Sequence[Token], place: int) -> bool:
    """Whether “that” or the like stands before a noun; in “a cupboard that locks” it begins a clause."""
    before = tokens[place - 1].folded if place else ""
    if before == "that" and place > 1 and tokens[place - 2].kind is Kind.WORD:
        return tokens[place - 2].folded in FUNCTION_WORDS
    return before in _POINTING


def _counts(word: str, settings: GateSettings) -> bool:
    return len(word) >= settings.telling_letters and not word.isdigit() and word not in _ASKED_WITH


def _parts(word: str) -> Iterator[str]:
    yield from (part for part in word.removesuffix("'s").removesuffix("s'").split("-") if part)


def _is_in_name(tokens: Sequence[Token], place: int) -> bool:
    """Whether the word is joined to another one by a full stop, a slash or the like."""
    after, before = tokens[place + 1 : place + 3], tokens[max(0, place - 2) : place]
    joined_after = len(after) > 1 and _is_joint(after[0]) and after[1].kind is Kind.WORD and not after[1].spaced
    return joined_after or (bool(before) and _is_joint(before[-1]) and not tokens[place].spaced)


def _is_joint(token: Token) -> bool:
    return token.kind is Kind.MARK and token.text in _JOINTS and not token.spaced
