"""Gates that look at the set of options: how many, whether they differ, and how many are right."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from sitting.questions.gates.item import Item
from sitting.questions.gates.settings import GateSettings
from sitting.questions.gates.text import Kind, Piece, Text
from sitting.questions.gates.verdict import KEY, OPTIONS, Finding, failed, passed
from sitting.questions.gates.word_list import listed

_HYPHEN = re.compile(r"(?<=[^\W\d_])[-\u2010\u2011\u2013](?=[^\W\d_])")
_THOUSANDS = re.compile(r"(?<=\d)[,\u2009\u202f\u00a0'](?=\d{3}(?!\d))")
# A full stop, a comma and their like say nothing at the end of a word; before a digit or within a word they do.
_PUNCTUATION = re.compile(
    r"(?<=[\w)\]\"”’%])[.,:;!?…]+(?=[\s\"”’»)\]]|$)|(?<!\w)[¿¡]|[\"“”„«»]"
    r"|(?<![^\s(\[])[([]|[)\]](?=[\s.,;:!?]|$)"
)
# An apostrophe within or behind a word may be all that two options differ in: its and it's, dogs and dogs'.
_QUOTED = re.compile(r"(?<!\w)['\u2018]([^'\u2018\u2019]+)['\u2019](?!\w)")
_DASH = re.compile(r"\s[-–—]\s")
_SMALL_WORDS = listed("is in to a an no it of on by at as or if we he be do so up us me my go am i")
_GENOTYPE = re.compile(r"(?:(\w)\1)+", re.IGNORECASE)


def option_count(item: Item, settings: GateSettings) -> Finding:
    """Three to five options."""
    number = len(item.choices)
    if settings.fewest_options <= number <= settings.most_options:
        return passed(OPTIONS, options=number)
    needed = f"{settings.fewest_options} to {settings.most_options}"
    remedy = "add a plausible one" if number < settings.fewest_options else "drop those that nobody would choose"
    return failed(OPTIONS, f"It has {number} options; {needed} are wanted: {remedy}.", options=number)


def distinct_options(item: Item, settings: GateSettings) -> Finding:
    """No two options that read the same."""
    seen: dict[str, str] = {}
    for choice in item.choices:
        for spelling in spellings(choice.text):
            other = seen.setdefault(spelling, choice.id)
            if other != choice.id:
                sentence = f"Two options read the same: “{choice.text.shown}”."
                return failed(choice.id, sentence, options=[other, choice.id], text=choice.text.shown)
    return passed(OPTIONS)


def spellings(text: Text) -> set[str]:
    """The text as it is shown, and without what makes no difference to a reader.

    Code in back-ticks and the same without them are shown alike; compound words with a hyphen may be one word or two.
    """
    folded = " ".join("".join(_spelling(piece) for piece in text.pieces).split())
    if not folded:
        return {text.shown}
    return {text.shown, _bare(_HYPHEN.sub(" ", folded)), _bare(_HYPHEN.sub("", folded))}


def _spelling(piece: Piece) -> str:
    """Code and formulas stay as they are, since every character of theirs counts."""
    if piece.kind is not Kind.WORD:
        return piece.text if piece.kind is Kind.CODE else "".join(piece.text.split())
    return " ".join(
        map(_folded_word, re.split(r"(\s+)", _THOUSANDS.sub("", unicodedata.normalize("NFKC", piece.text))))
    )


def _folded_word(word: str) -> str:
    """Small letters, but for symbols whose case is their meaning: mW and MW, Aa and aa."""
    letters = re.sub(r"\W", "", word)
    if not letters:
        return word
    is_symbol = len(letters) < 3 and letters.lower() not in _SMALL_WORDS
    return word if is_symbol or (len(letters) <= 6 and _GENOTYPE.fullmatch(letters)) else word.lower()


def _bare(text: str) -> str:
    said = _QUOTED.sub(r"\1", _DASH.sub(" ", text)).replace("\u2019", "'")
    return " ".join(_PUNCTUATION.sub("", said).split()) or text


def one_key(item: Item, settings: GateSettings) -> Finding:
    """Exactly one option is the key, and it is one of the options."""
    ids = Counter(choice.id for choice in item.choices)
    right = [choice.id for choice in item.choices if choice.is_key]
    named = {key for key in (item.content.key, *item.content.keys) if key}
    unknown = sorted(named - set(ids))
    twice = sorted(id_ for id_, times in ids.items() if times > 1)
    if len(right) == 1 and not unknown:
        return passed(KEY, keys=right)
    if unknown:
        sentence = f"The key names {', '.join(unknown)}, which is no option."
    elif twice:
        sentence = f"Several options have the same id: {', '.join(twice)}."
    else:
        sentence = f"{len(right) or 'No'} options are marked as right; it must be one." if right else _NO_KEY
    return failed(KEY, sentence, keys=right, unknown=unknown)


_NO_KEY = "No option is marked as right."
