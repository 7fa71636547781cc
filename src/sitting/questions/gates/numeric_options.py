"""The gate `numeric_options`: numbers in order, ranges that do not overlap (Haladyna 2002, 21 and 22)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, pairwise

from sitting.questions.gates.calendar import DATE, in_one_year
from sitting.questions.gates.item import Choice, Item
from sitting.questions.gates.numbers import Quantity, quantity
from sitting.questions.gates.settings import GateSettings
from sitting.questions.gates.text import Text
from sitting.questions.gates.verdict import OPTIONS, Finding, failed, not_applicable, passed

_FEWEST = 3


def numeric_options(item: Item, settings: GateSettings) -> Finding:
    """Options that are numbers ascend or descend, and no value belongs to two of them."""
    read = [(choice, quantity(_said(choice.text))) for choice in item.choices]
    numbers = [(choice, number) for choice, number in read if number is not None]
    if len(numbers) < _FEWEST or len(numbers) < len(read) - 1:
        return not_applicable("Its options are no numbers.", OPTIONS)
    if len({number.unit.replace("share", "") for _, number in numbers}) > 1:  # 1/2 and 50 % are the same
        return not_applicable("Its options are numbers of different things.", OPTIONS)
    for (first, one), (second, other) in combinations(numbers, 2):
        if one.overlaps(other):
            sentence = f"“{first.text.shown}” and “{second.text.shown}” overlap: a value can belong to both."
            return failed(second.id, sentence, overlap=[first.id, second.id])
    if _is_ordered([number for _, number in numbers]):
        return passed(OPTIONS, numbers=len(numbers))
    return failed(OPTIONS, _unordered(numbers), order=[choice.text.shown for choice, _ in numbers])


def _said(text: Text) -> str:
    return "".join(piece.text for piece in text.pieces)


def _is_ordered(numbers: Sequence[Quantity]) -> bool:
    lows = [(number.low, number.high) for number in numbers]
    if numbers[0].unit == DATE:
        days = [Fraction(number.low) for number in numbers]
        lows = [(in_one_year(day, days), number.high) for day, number in zip(days, numbers, strict=True)]
    return all(a < b for a, b in pairwise(lows)) or all(a > b for a, b in pairwise(lows))


def _unordered(numbers: Sequence[tuple[Choice, Quantity]]) -> str:
    in_order = sorted(numbers, key=lambda each: (each[1].low, each[1].high))
    return f"The numbers stand in no order; put them so: {', '.join(choice.text.shown for choice, _ in in_order)}."
