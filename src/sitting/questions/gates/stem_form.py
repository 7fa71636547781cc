"""The gate `stem_form`: the stem asks, or is a sentence that the options complete (Haladyna 2002, 14 and 15)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from sitting.questions.gates.item import Item
from sitting.questions.gates.lead_in import AUXILIARIES, is_question, is_request
from sitting.questions.gates.settings import GateSettings
from sitting.questions.gates.text import Kind, Sentence
from sitting.questions.gates.verbs import NOUNS_TOO, PLURAL_VERBS, VERBS
from sitting.questions.gates.verdict import STEM, Finding, failed, passed
from sitting.questions.gates.word_list import listed

_LEADING_ON = listed(
    """
    a an the to of by in on at for with from into as because that when if while since than until unless so and or
    but through during between about be been called named termed known cannot not
    """
)
_CLAUSE_OPENERS = listed("when if while after before because since although in to during once with under by")
_BEFORE_NOUNS = listed("the a an of in and or for with")
_EMBEDDING = listed("what how why where who when which whom whose")
_BARE_OPENERS = listed("regarding concerning about on")


def stem_form(item: Item, settings: GateSettings) -> Finding:
    """There is a question, a request such as “Choose …”, a blank, or a sentence that breaks off."""
    sentences = item.stem.sentences
    if any(is_question(sentence) or is_request(sentence) for sentence in sentences if sentence.words):
        return passed(STEM, form="question")
    if any(token.kind is Kind.BLANK for token in item.stem.tokens):
        return passed(STEM, form="blank")
    spoken = [sentence for sentence in sentences if sentence.words]
    if spoken and _breaks_off(spoken[-1]):
        return passed(STEM, form="completion")
    sentence = "The stem asks nothing and is no sentence that the options complete: say what is to be found."
    return failed(STEM, sentence, ends=str(spoken[-1])[-80:] if spoken else "")


def _breaks_off(sentence: Sentence) -> bool:
    """Whether the sentence has a verb, and no end."""
    words = sentence.words
    tail = [token.text for token in sentence.tokens[-2:]]
    if tail[-1:] == ["…"] or str(sentence).endswith("..."):
        return True
    if sentence.end in (".", "!"):
        return False
    if words[0] in _BARE_OPENERS and not set(words) & AUXILIARIES:
        return False
    if words[0] in _CLAUSE_OPENERS and any(token.text == "," for token in sentence.tokens[:-1]):
        return True
    said = [token.folded if token.kind is Kind.WORD else "" for token in sentence.tokens if token.kind is not Kind.MARK]
    verb = _first_verb(said)
    if _embeds_before(said, verb):
        return False
    return verb < len(said) or said[-1] in _LEADING_ON


def _first_verb(said: Sequence[str]) -> int:
    """The place of the first verb behind a first word; code is an empty word. The length, if there is none."""
    return next((place for place in range(1, len(said)) if _is_verb(said, place)), len(said))


def _is_verb(said: Sequence[str], place: int) -> bool:
    word, before = said[place], said[place - 1]
    after = said[place + 1] if place + 1 < len(said) else ""
    if word in AUXILIARIES:
        return True
    if word in VERBS:
        return not (word in NOUNS_TOO and (after in ("of", "and") or before in _BEFORE_NOUNS))
    before = next((each for each in reversed(said[:place]) if not each.endswith("ly")), "")
    return word in PLURAL_VERBS and len(before) > 3 and before.endswith("s") and not before.endswith("ss")


def _embeds_before(said: Sequence[str], verb: int) -> bool:
    """Whether the verb is only that of a question behind “and”: “copyright and what it is for”."""
    return any(one == "and" and other in _EMBEDDING for one, other in pairwise(said[:verb]))
