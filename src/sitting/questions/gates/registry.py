"""All gates by name, and the two ways to ask them: for an item, and for a bank."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sitting.domain.question import QuestionContent, QuestionType
from sitting.questions.gates.absolute_terms import absolute_terms
from sitting.questions.gates.all_or_none import all_or_none
from sitting.questions.gates.grammatical_cue import grammatical_cue
from sitting.questions.gates.item import Item
from sitting.questions.gates.language import ENGLISH
from sitting.questions.gates.lengths import longest_key
from sitting.questions.gates.near_duplicate import Others, near_duplicate
from sitting.questions.gates.negative_stem import negative_stem
from sitting.questions.gates.numeric_options import numeric_options
from sitting.questions.gates.option_set import distinct_options, one_key, option_count
from sitting.questions.gates.reading_level import reading_level
from sitting.questions.gates.settings import DEFAULTS, GateSettings
from sitting.questions.gates.stem_form import stem_form
from sitting.questions.gates.verdict import Finding, Verdict, not_applicable, verdict
from sitting.questions.gates.whole_bank import key_length, key_position
from sitting.questions.gates.word_repeat import word_repeat

NEAR_DUPLICATE = "near_duplicate"
_SINGLE = frozenset({QuestionType.SINGLE_CHOICE})
_LISTS = _SINGLE | {QuestionType.MULTIPLE_RESPONSE}
_ANY = frozenset(QuestionType)


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate of one item: for which kinds of questions it is made, and whether it knows English alone."""

    examine: Callable[[Item, GateSettings], Finding]
    kinds: frozenset[QuestionType]
    english: bool = True


ITEM_GATES: dict[str, Gate] = {
    "option_count": Gate(option_count, _SINGLE, english=False),
    "distinct_options": Gate(distinct_options, _LISTS | {QuestionType.TRUE_FALSE}, english=False),
    "one_key": Gate(one_key, _SINGLE | {QuestionType.TRUE_FALSE}, english=False),
    "all_or_none": Gate(all_or_none, _LISTS),
    "negative_stem": Gate(negative_stem, _LISTS),
    "longest_key": Gate(longest_key, _SINGLE, english=False),
    "absolute_terms": Gate(absolute_terms, _SINGLE),
    "word_repeat": Gate(word_repeat, _SINGLE),
    "grammatical_cue": Gate(grammatical_cue, _SINGLE),
    "numeric_options": Gate(numeric_options, _LISTS, english=False),
    "stem_form": Gate(stem_form, _LISTS),
    "reading_level": Gate(reading_level, _ANY),
}
BANK_GATES: dict[str, Callable[[Sequence[Item], GateSettings], Finding]] = {
    "key_position": key_position,
    "key_length": key_length,
}
GATE_NAMES = (*ITEM_GATES, NEAR_DUPLICATE, *BANK_GATES)


def judge_item(
    content: QuestionContent,
    *,
    settings: GateSettings = DEFAULTS,
    language: str | None = None,
    others: Sequence[Others] = (),
    only: Collection[str] = GATE_NAMES,
) -> list[Verdict]:
    """What each gate says of an item, in the order of the registry.

    Args:
        content: need not be one that the bank takes: two keys and no options are for the gates to find.
        language: a code such as `en` or `de-AT`; None to find out from the text.
        others: what the item must differ from; one verdict of `near_duplicate` for each, and none without any.
        only: names of the gates that are wanted.
    """
    item = Item(content, language)
    said = [verdict(name, _examined(gate, item, settings)) for name, gate in ITEM_GATES.items() if name in only]
    if NEAR_DUPLICATE in only:
        said += [verdict(NEAR_DUPLICATE, near_duplicate(content, each, settings)) for each in others]
    return said


def _examined(gate: Gate, item: Item, settings: GateSettings) -> Finding:
    if item.type not in gate.kinds:
        return not_applicable(f"It is not made for {item.type} questions.")
    if gate.english and item.language != ENGLISH:
        return not_applicable("It knows English alone, and this is another language.")
    return gate.examine(item, settings)


def judge_bank(
    contents: Sequence[QuestionContent], *, settings: GateSettings = DEFAULTS, only: Collection[str] = GATE_NAMES
) -> list[Verdict]:
    """What the gates of a whole bank say of these questions together."""
    items = [Item(content) for content in contents]
    return [verdict(name, examine(items, settings)) for name, examine in BANK_GATES.items() if name in only]
