"""Who takes what: every draw its questions, no question twice, and of each not-together group one at most.

The groups are disjoint, so a question belongs to one class: its group, or itself alone. A paper is then a matching of
slots to classes, and there is a full one exactly if no set of slots can reach fewer classes than it has slots (Hall
1935). Augmenting paths (Berge 1957) find a full matching whenever there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Pool(Protocol):
    """The questions that a draw may take, in the order in which they are tried."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> int: ...


@dataclass(slots=True)
class Matching:
    """As far as a matching has come.

    Attributes:
        taken: by class the draw and the question that have it.
        stuck: the draws of a set that reaches too few classes, one set for each slot that got nothing.
        steps: how many exchanges were weighed; a measure of the work.
    """

    taken: dict[int, tuple[int, int]] = field(default_factory=dict)
    stuck: list[frozenset[int]] = field(default_factory=list)
    steps: int = 0

    def by_draw(self, draws: int) -> list[list[int]]:
        """What each of the `draws` draws has taken, ascending."""
        questions: list[list[int]] = [[] for _ in range(draws)]
        for holder, question in self.taken.values():
            questions[holder].append(question)
        return [sorted(each) for each in questions]


def match(counts: Sequence[int], pools: Sequence[Pool], class_of: Sequence[int]) -> Matching:
    """Give every draw its questions, as far as that is possible.

    Args:
        counts: how many questions each draw needs. class_of: the class of each question.
    """
    search = _Search(pools, class_of)
    for draw, count in enumerate(counts):
        for _ in range(count):
            search.augment(draw)
    return search.matching


class _Search:
    def __init__(self, pools: Sequence[Pool], class_of: Sequence[int]) -> None:
        self.matching = Matching()
        self._pools = pools
        self._class_of = class_of
        self._behind = [0] * len(pools)  # by draw: all before this place are taken, and a taken class stays so

    def augment(self, draw: int) -> None:
        """Find a class for one more slot of `draw`, moving others along the shortest path of exchanges."""
        wish: dict[int, tuple[int, int]] = {}  # by class: the draw that would take it, and the question
        reached_by: dict[int, int] = {}  # by draw: the class that it would give away
        queue = [draw]
        for asking in queue:
            question = self._first_free(asking)
            if question is not None:
                class_ = self._class_of[question]
                wish[class_] = (asking, question)
                self._exchange(class_, draw, wish, reached_by)
                return
            for class_ in self._wishes(asking, wish):
                holder = self.matching.taken[class_][0]
                if holder != draw and holder not in reached_by:
                    reached_by[holder] = class_
                    queue.append(holder)
        self.matching.stuck.append(frozenset(queue))

    def _first_free(self, draw: int) -> int | None:
        """The first question of the draw's pool whose class nobody has."""
        pool, taken = self._pools[draw], self.matching.taken
        for place in range(self._behind[draw], len(pool)):
            question = pool[place]
            if self._class_of[question] not in taken:
                self._behind[draw] = place
                return question
        self._behind[draw] = len(pool)
        return None

    def _wishes(self, draw: int, wish: dict[int, tuple[int, int]]) -> list[int]:
        """The classes that `draw` would take from others, and that nobody before it on the way asked for."""
        pool = self._pools[draw]
        found = []
        for place in range(len(pool)):
            class_ = self._class_of[pool[place]]
            if class_ not in wish:
                wish[class_] = (draw, pool[place])
                found.append(class_)
        self.matching.steps += len(pool)
        return found

    def _exchange(self, class_: int, draw: int, wish: dict[int, tuple[int, int]], reached_by: dict[int, int]) -> None:
        """Walk the path back: each draw on it takes what it wished for, and gives away what it was reached by."""
        while True:
            taker, _ = self.matching.taken[class_] = wish[class_]
            if taker == draw:
                return
            class_ = reached_by[taker]
