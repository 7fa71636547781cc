"""The gate `reading_level`: harder to read than the subject asks for (Haladyna 2002, 8, 13 and 16)."""

from __future__ import annotations

from sitting.questions.gates.english import stem, syllables
from sitting.questions.gates.item import Item
from sitting.questions.gates.settings import GateSettings
from sitting.questions.gates.text import Sentence, Text, read_text
from sitting.questions.gates.verdict import STEM, Finding, failed, not_applicable, passed

_TERM_SYLLABLES = 2
_MOST_SYLLABLES = 4
"""One long name makes no text hard to read; a row of long words does."""
_MOST_CHARACTERS = 3000


def reading_level(item: Item, settings: GateSettings) -> Finding:
    """The stem's Flesch-Kincaid grade and its longest sentence are within reach.

    Words of the subject (of its skill and tags, and those that the explanation uses as well) count as short ones:
    they are what is tested.
    """
    sentences = [sentence for sentence in item.stem.sentences if sentence.words]
    words = [word for sentence in sentences for word in sentence.words]
    if len(words) < settings.reading_words:
        return not_applicable(f"{len(words)} words are too few for a grade.", STEM)
    known: frozenset[str] = frozenset()
    grade = round(_grade(sentences, known), 1)
    if grade > settings.reading_grade:
        known = _terms(item)
        grade = round(_grade(sentences, known), 1)
    longest = max(sentences, key=lambda sentence: len(sentence.words))
    evidence = {"grade": grade, "words": len(words), "sentences": len(sentences), "longest": len(longest.words)}
    if len(longest.words) > settings.reading_sentence:
        sentence = f"A sentence has {len(longest.words)} words: “{_beginning(longest)}…” Cut it in two."
        return failed(STEM, sentence, **evidence)
    if grade <= settings.reading_grade:
        return passed(STEM, **evidence)
    hard = sorted(
        {word for word in words if _weight(word, known) > _TERM_SYLLABLES + 1}, key=lambda w: (-syllables(w), w)
    )
    sentence = (
        f"It reads like grade {grade} of school; say it in shorter sentences and simpler words ({', '.join(hard[:5])})."
    )
    return failed(STEM, sentence, **evidence, hard_words=hard[:10])


def _terms(item: Item) -> frozenset[str]:
    said = [item.content.skill, *item.content.tags, item.content.explanation[:_MOST_CHARACTERS]]
    texts: list[Text] = [read_text(text, inline=False) for text in said]
    return frozenset(stem(word) for text in texts for word in text.words)


def _grade(sentences: list[Sentence], known: frozenset[str]) -> float:
    """Kincaid, Fishburne, Rogers and Chissom (1975)."""
    words = [word for sentence in sentences for word in sentence.words]
    per_word = sum(_weight(word, known) for word in words) / len(words)
    return 0.39 * len(words) / len(sentences) + 11.8 * per_word - 15.59


def _weight(word: str, known: frozenset[str]) -> int:
    number = min(syllables(word), _MOST_SYLLABLES)
    return min(number, _TERM_SYLLABLES) if stem(word) in known else number


def _beginning(sentence: Sentence) -> str:
    return " ".join(str(sentence).split()[:8])
