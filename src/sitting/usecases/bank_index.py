"""The bank as near-duplicates are looked for in it, kept in memory by whoever checks new questions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from sitting.domain.question import QuestionContent
from sitting.questions.gates.near_duplicate import Others, QuestionIndex
from sitting.questions.gates.registry import judge_item
from sitting.questions.gates.settings import DEFAULTS, GateSettings
from sitting.questions.gates.verdict import Verdict
from sitting.storage.unit_of_work import Storage

T = TypeVar("T")
FRESH_SECONDS = 30.0
"""Between two looks at what the bank holds: a question that was added meanwhile is not compared with."""
CHUNK = 500
THE_BANK = "the bank"


class BankIndex:
    """One for each process. Brought up to date when it is asked and old, by the questions that have changed."""

    def __init__(self, storage: Storage, gates: GateSettings = DEFAULTS) -> None:
        self._storage = storage
        self._gates = gates
        self._index = QuestionIndex()
        self._known: dict[str, str] = {}
        self._looked_at: float | None = None
        self._turn = asyncio.Lock()  # a search and a change at the same time would spoil each other

    async def judge(
        self, content: QuestionContent, others: Sequence[Others] = (), *, oldest: float | None = None
    ) -> list[Verdict]:
        """What all gates of one item say; near-duplicates are looked for in the bank, and among the others.

        Args:
            oldest: how many seconds ago the bank may have been as it is compared with; None: FRESH_SECONDS.

        Raises:
            Unavailable: the database failed.
        """
        async with self._turn:
            began = time.monotonic()
            if self._looked_at is None or began - self._looked_at > (FRESH_SECONDS if oldest is None else oldest):
                await self._look()
                self._looked_at = began
            among = [Others(THE_BANK, self._index), *others]
            return await to_the_end(
                lambda: judge_item(content, settings=self._gates, others=among)
            )  # in a large bank it takes its time

    async def _look(self) -> None:
        async with self._storage.reading() as unit:
            current = await unit.questions.digests()
        for question_id in self._known.keys() - current.keys():
            self._index.remove(question_id)
            del self._known[question_id]
        changed = [each for each in current.items() if self._known.get(each[0]) != each[1]]
        for first in range(0, len(changed), CHUNK):
            await self._take(dict(changed[first : first + CHUNK]))

    async def _take(self, changed: Mapping[str, str]) -> None:
        """Take these questions in; `changed` has their digests."""
        async with self._storage.reading() as unit:
            contents = await unit.questions.contents(set(changed.values()))
        await to_the_end(lambda: self._add({id_: contents[digest] for id_, digest in changed.items()}))
        self._known |= changed

    def _add(self, contents: Mapping[str, QuestionContent]) -> None:
        for question_id, content in contents.items():
            self._index.add(question_id, content)


async def to_the_end(work: Callable[[], T]) -> T:
    """Do it in a thread, and come back behind it even if cancelled: the next one in turn must not meet it there."""
    doing = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(doing)
    finally:
        await asyncio.wait([doing])
