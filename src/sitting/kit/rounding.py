"""Exact rounding over integers, so that every database and every machine agrees."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(1024)  # the points of thousands of papers are then the same few numbers in memory
def divide_half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` to the nearest integer, halves upwards.

    Raises:
        ValueError: the numerator is negative or the denominator is not positive.
    """
    if numerator < 0 or denominator <= 0:
        raise ValueError("half-up division takes a non-negative numerator and a positive denominator")
    return (2 * numerator + denominator) // (2 * denominator)


def round_half_away(numerator: int, denominator: int) -> int:
    """`numerator / denominator` to the nearest integer, halves away from nothing.

    Raises:
        ValueError: the denominator is not positive.
    """
    rounded = divide_half_up(abs(numerator), denominator)
    return rounded if numerator >= 0 else -rounded
