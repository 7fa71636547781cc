"""Where a server is killed, and in which order: every point that a run passes comes before any comes again."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.support.watched_model import ANSWERED, ASKED

UNDER_WAY = "under way"
CALLS = {f"call {moment}": moment for moment in (ASKED, UNDER_WAY, ANSWERED)}
INSTANT = "any instant"
LONGEST_CALL = 0.04
"""Seconds after the question of a model in which an answer is on its way."""


@dataclass(frozen=True)
class Kill:
    """One SIGKILL.

    Attributes:
        graph: `authoring` or `live`. where: a point of `killed_sitting`, one of CALLS, or INSTANT.
        number: at which time that the point is reached, or at which call.
        seconds: after the beginning of the run (INSTANT), or after the question (a call under way).
    """

    graph: str
    where: str
    number: int = 1
    seconds: float = 0.0

    @property
    def is_point(self) -> bool:
        """Whether the process does it to itself."""
        return self.where not in CALLS and self.where != INSTANT

    def sooner(self) -> Kill:
        """The same, where every run of this kind comes by."""
        return Kill(self.graph, self.where, 1, self.seconds / 2)

    def __str__(self) -> str:
        what = f"after {self.seconds:.2f} s" if self.where == INSTANT else f"number {self.number}"
        return f"{self.graph}: {self.where}, {what}"


@dataclass(frozen=True)
class Whole:
    """A run that nobody disturbs: how often it passes each point, its calls, and its seconds."""

    points: Mapping[str, int]
    calls: int
    seconds: float


def kills(wholes: Mapping[str, Whole], seed: int) -> Iterator[Kill]:
    """Without end; the same for the same seed and runs."""
    chance = random.Random(seed)
    while True:
        deck = [kill for graph, whole in sorted(wholes.items()) for kill in _once(graph, whole, chance)]
        chance.shuffle(deck)
        yield from deck


def _once(graph: str, whole: Whole, chance: random.Random) -> Iterator[Kill]:
    """Each place once, at one of the times that it is passed."""
    for point, times in sorted(whole.points.items()):
        yield Kill(graph, point, chance.randint(1, times))
    for where in CALLS:
        yield Kill(graph, where, chance.randint(1, whole.calls), chance.uniform(0, LONGEST_CALL))
    for _ in range(2):
        yield Kill(graph, INSTANT, seconds=chance.uniform(0, whole.seconds))
