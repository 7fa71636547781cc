"""Chance that can be had again: numbers that follow from a seed alone, on every machine and in every version of Python.

A stream is SHA-256 over (seed, purpose, counter), in words of 32 bits; numbers below a bound come by rejection, so that
all are equally likely.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Generic, TypeVar

T = TypeVar("T")
SEED_BYTES = 16
_WORD = 1 << 32
_WORDS = struct.Struct(">8I")


class Chance:
    """A stream of numbers for one purpose; other purposes of the same seed have streams of their own."""

    def __init__(self, seed: str, purpose: str) -> None:
        self._words = _words(f"{seed}/{purpose}".encode())

    def below(self, bound: int) -> int:
        """A number from 0 to `bound` - 1; `bound` is 1 to 2^32."""
        fair = _WORD - _WORD % bound
        word = next(self._words)
        while word >= fair:
            word = next(self._words)
        return word % bound

    def shuffled(self, items: Iterable[T]) -> list[T]:
        """The items in an order of chance: that of `Shuffled`, which costs more where all of it is wanted."""
        order = list(items)
        for place in range(len(order)):
            other = place + self.below(len(order) - place)
            order[place], order[other] = order[other], order[place]
        return order


class Shuffled(Generic[T]):
    """Items in an order of chance (Fisher and Yates, as by Durstenfeld 1964), found out as far as it is asked for.

    So the first few of thousands cost as much as the first few of ten.
    """

    def __init__(self, items: Sequence[T], chance: Chance) -> None:
        self._items = items
        self._chance = chance
        self._order: list[T] = []
        self._moved: dict[int, T] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, place: int) -> T:
        while len(self._order) <= place:
            self._settle(len(self._order))
        return self._order[place]

    def _settle(self, place: int) -> None:
        """Exchange the item at `place` with one that is not behind it."""
        other = place + self._chance.below(len(self._items) - place)
        here = self._moved.pop(place, self._items[place])
        if other == place:
            self._order.append(here)
        else:
            self._order.append(self._moved.get(other, self._items[other]))
            self._moved[other] = here


def _words(key: bytes) -> Iterator[int]:
    counter = 0
    while True:
        yield from _WORDS.unpack(sha256(key + counter.to_bytes(8, "big")).digest())
        counter += 1
