"""Gates of a whole bank: what no single item shows, and a guesser finds out all the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from sitting.domain.question import QuestionType
from sitting.questions.gates.item import Item
from sitting.questions.gates.lengths import length
from sitting.questions.gates.odds import many_hits_odds, uniform_odds
from sitting.questions.gates.settings import GateSettings
from sitting.questions.gates.verdict import BANK, Finding, failed, not_applicable, passed

_FEWEST = 8
"""Items below which hardly any distribution is beyond chance."""


def key_position(items: Sequence[Item], settings: GateSettings) -> Finding:
    """The key stands at each place about equally often, among the items with as many options (Haladyna 2002, 20)."""
    counts: dict[int, Counter[int]] = defaultdict(Counter)
    for item in _single(items):
        places = [choice.is_key for choice in item.choices]
        counts[len(places)][places.index(True)] += 1
    tested: list[tuple[float, int, list[int]]] = []
    for options, found in sorted(counts.items()):
        listed = [found[place] for place in range(options)]
        odds = uniform_odds(listed) if sum(listed) >= _FEWEST else None
        if odds is not None:
            tested.append((odds, options, listed))
    if not tested:
        return not_applicable("There are too few single-choice items.", BANK)
    evidence = {"by_options": [{"options": n, "keys_at": at, "odds": round(p, 6)} for p, n, at in tested]}
    for odds, options, listed in tested:
        tilt = max(listed) / sum(listed) - 1 / options
        if odds * len(tested) < settings.chance_level and tilt > settings.chance_margin:
            return failed(BANK, _tilted(options, listed), **evidence)
    return passed(BANK, **evidence)


def _tilted(options: int, listed: Sequence[int]) -> str:
    most = max(range(options), key=lambda place: listed[place])
    return (
        f"Of {sum(listed)} items with {options} options, {listed[most]} have the key at place {most + 1}: more than "
        "chance would give. Move some, or have the Test shuffle its options."
    )


def key_length(items: Sequence[Item], settings: GateSettings) -> Finding:
    """The key is the longest option no more often than chance (Haladyna 2002, 24; Moore 2023).

    Items with two longest options of the same length give no cue and are left out.
    """
    chances: list[float] = []
    hits = 0
    for item in _single(items):
        lengths = [length(choice.text) for choice in item.choices]
        longest = [place for place, each in enumerate(lengths) if each == max(lengths)]
        if len(longest) == 1:
            chances.append(1 / len(lengths))
            hits += item.choices[longest[0]].is_key
    if len(chances) < _FEWEST:
        return not_applicable("There are too few single-choice items with one longest option.", BANK)
    expected, odds = sum(chances), many_hits_odds(chances, hits)
    evidence = {"items": len(chances), "key_longest": hits, "expected": round(expected, 1), "odds": round(odds, 6)}
    if odds >= settings.chance_level or (hits - expected) / len(chances) <= settings.chance_margin:
        return passed(BANK, **evidence)
    sentence = (
        f"In {hits} of {len(chances)} items the key is the longest option; chance would make it {expected:.0f}. "
        "Lengthen distractors."
    )
    return failed(BANK, sentence, **evidence)


def _single(items: Sequence[Item]) -> list[Item]:
    return [item for item in items if item.type is QuestionType.SINGLE_CHOICE and item.key and item.distractors]
