"""How likely chance alone is to give what a bank shows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

_MOST_COMPOSITIONS = 200_000
_MOST_EXACT = 2_000


def chi_square_tail(statistic: float, freedom: int) -> float:
    """The probability of a chi-square value of at least `statistic` with that many degrees of freedom (1 or more)."""
    return _upper_gamma(freedom / 2, statistic / 2)


def _upper_gamma(a: float, x: float) -> float:
    """The regularised upper incomplete gamma function, by series or continued fraction (Abramowitz and Stegun 6.5)."""
    if x <= 0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        n = 0
        while term > total * 1e-15:
            n += 1
            term *= x / (a + n)
            total += term
        return max(0.0, 1 - front * total)
    return front * _continued_fraction(a, x)


def _continued_fraction(a: float, x: float) -> float:
    """By Lentz's method."""
    tiny = 1e-300
    b = x + 1 - a
    c, d = 1 / tiny, 1 / b
    found = d
    for n in range(1, 10_000):
        an = -n * (n - a)
        b += 2
        d = an * d + b
        c = b + an / c
        d, c = 1 / (d or tiny), c or tiny
        found *= d * c
        if abs(d * c - 1) < 1e-14:
            break
    return found


def uniform_odds(counts: Sequence[int]) -> float | None:
    """The probability that equally likely places give counts at least as uneven; None if it cannot be said.

    By the exact multinomial where a place expects fewer than 5, else by chi-square (Cochran 1954).
    """
    total, places = sum(counts), len(counts)
    if total >= 5 * places:
        expected = total / places
        return chi_square_tail(sum((count - expected) ** 2 for count in counts) / expected, places - 1)
    if math.comb(total + places - 1, places - 1) > _MOST_COMPOSITIONS:
        return None
    least = sum(count * count for count in counts)
    ways = sum(_ways(total, each) for each in _compositions(total, places) if sum(n * n for n in each) >= least)
    share: float = ways / places**total
    return share


def _ways(total: int, counts: Sequence[int]) -> int:
    ways = math.factorial(total)
    for count in counts:
        ways //= math.factorial(count)
    return ways


def _compositions(total: int, places: int) -> Iterator[tuple[int, ...]]:
    if places == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _compositions(total - first, places - 1):
            yield (first, *rest)


def many_hits_odds(chances: Sequence[float], hits: int) -> float:
    """The probability of at least `hits` successes where each trial has its own chance.

    Exact (Poisson binomial) up to 2,000 trials; a normal approximation with correction for continuity beyond.
    """
    if hits <= 0:
        return 1.0
    if len(chances) > _MOST_EXACT:
        mean = sum(chances)
        spread = math.sqrt(sum(chance * (1 - chance) for chance in chances))
        return 0.5 * math.erfc((hits - 0.5 - mean) / (spread * math.sqrt(2)))
    below = [1.0] + [0.0] * (hits - 1)  # by the number of hits; what reaches `hits` is not followed further
    for chance in chances:
        for number in range(hits - 1, 0, -1):
            below[number] += chance * (below[number - 1] - below[number])
        below[0] *= 1 - chance
    return max(0.0, 1 - sum(below))
