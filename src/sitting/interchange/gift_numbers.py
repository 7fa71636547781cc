"""Decimals of GIFT: plain ones, with tolerances, ranges and weights. All arithmetic is exact."""

from __future__ import annotations

import re
from decimal import Decimal, localcontext

from sitting.domain.question_check import MAX_DIGITS

_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?\Z")
_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,3}))?\Z")
_WEIGHT = re.compile(r"%(-?[0-9]{1,3}(?:\.[0-9]{0,15})?)%")
MAX_LENGTH = 4 * MAX_DIGITS
_ENOUGH = 400  # digits, for sums of numbers that have MAX_DIGITS each


def plain_decimal(text: str) -> str:
    """The number without sign of plus or power of ten; one that is plain already stays as it is.

    Raises:
        ValueError: it is no number, or has too many digits.
    """
    if _PLAIN.match(text) and len(text) <= MAX_LENGTH:
        return text
    found = _NUMBER.match(text)
    if found is None or not (found[2] or found[3]) or len(text) > MAX_LENGTH:
        raise ValueError(f"{text[:40]!r} is not a number")
    if abs(int(found[4] or 0)) > MAX_DIGITS:
        raise ValueError(f"{text[:40]!r} is too large or too small")
    return format(Decimal(text), "f")


def middle_and_tolerance(low: str, high: str) -> tuple[str, str]:
    """A range as a number and how far off an answer may be.

    Raises:
        ValueError: one is no number, or the range is empty.
    """
    first, last = Decimal(plain_decimal(low)), Decimal(plain_decimal(high))
    if last < first:
        raise ValueError(f"nothing is between {low[:40]} and {high[:40]}")
    with localcontext() as context:
        context.prec = _ENOUGH
        middle, half = (first + last) / 2, (last - first) / 2
        return format(middle, "f"), format(half, "f")


def weight_of(raw: str) -> tuple[Decimal | None, str]:
    """The weight at the beginning of an answer, in percent, and what follows; None if there is no weight."""
    found = _WEIGHT.match(raw)
    return (Decimal(found[1]), raw[found.end() :]) if found else (None, raw)
