"""Latencies and counts over time, in memory that does not grow with their number."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

_BITS = 7  # a bucket is at most 1/64 wide, in proportion: 1.6 %
MAX_SLICES = 600


class Latencies:
    """Durations in buckets that widen with the value, and the exact maximum.

    Buckets as in an HDR histogram: microseconds below 128 one by one, above that 64 buckets for each doubling.
    """

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.number = 0
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        self._counts[_bucket(max(0, round(seconds * 1e6)))] += 1
        self.number += 1
        self.longest = max(self.longest, seconds)

    def merge(self, other: Latencies) -> None:
        """Add all of another one."""
        self._counts.update(other._counts)
        self.number += other.number
        self.longest = max(self.longest, other.longest)

    def percentile(self, percent: float) -> float | None:
        """The duration in seconds that so many percent do not exceed, at most 1.6 % too high; None if there are none.

        By the nearest rank: the smallest value that is at least as large as ceil(percent / 100 · n) of the n values.
        """
        if not self.number:
            return None
        rank = max(1, math.ceil(percent / 100 * self.number))
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= rank:
                return min(_highest(bucket) / 1e6, self.longest)
        return self.longest


def _bucket(value: int) -> int:
    shift = max(0, value.bit_length() - _BITS)
    return (shift << (_BITS - 1)) + (value >> shift)


def _highest(bucket: int) -> int:
    """The highest value of a bucket."""
    if bucket < 1 << _BITS:
        return bucket
    shift = (bucket >> (_BITS - 1)) - 1
    return ((bucket - (shift << (_BITS - 1)) + 1) << shift) - 1


@dataclass(slots=True)
class Slice:
    """What happened in a stretch of time.

    Attributes:
        sockets: how many were open at its end. busy: the largest share of a processor that the rehearsal itself took.
    """

    acks: Latencies = field(default_factory=Latencies)
    errors: int = 0
    sockets: int | None = None
    busy: float | None = None

    def merge(self, later: Slice) -> None:
        self.acks.merge(later.acks)
        self.errors += later.errors
        self.sockets = self.sockets if later.sockets is None else later.sockets
        self.busy = later.busy if self.busy is None else max(self.busy, later.busy or 0.0)


class Timeline:
    """Slices of one second each, which double in width whenever there are more than 600 of them."""

    def __init__(self) -> None:
        self.width = 1.0  # seconds
        self.slices: list[Slice] = []

    def at(self, seconds: float) -> Slice:
        """The slice for that time since the beginning."""
        while seconds / self.width >= MAX_SLICES:
            self._halve()
        index = int(max(0.0, seconds) / self.width)
        while len(self.slices) <= index:
            self.slices.append(Slice())
        return self.slices[index]

    def _halve(self) -> None:
        for left, right in zip(self.slices[::2], self.slices[1::2], strict=False):
            left.merge(right)
        self.slices = self.slices[::2]
        self.width *= 2
