"""The vectors of the bank, kept in memory by whoever looks for duplicates in other words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from sitting.questions.gates.meaning import SAME_MEANING, MeaningIndex, Meanings, OtherLength, same_meaning
from sitting.questions.gates.verdict import Verdict, verdict
from sitting.questions.provider_calls import ModelFailed, Outcome
from sitting.storage.unit_of_work import Storage
from sitting.usecases.bank_index import CHUNK, FRESH_SECONDS, THE_BANK, to_the_end
from sitting.usecases.services import MeaningAccess


class BankMeanings:
    """One for each node. Brought up to date when it is asked and old; what has no vector so far is not compared."""

    def __init__(self, storage: Storage, meaning: MeaningAccess) -> None:
        self.storage, self.meaning = storage, meaning
        self._index = MeaningIndex()
        self._known: dict[str, str] = {}
        self._missing = 0
        self._looked_at: float | None = None
        self._turn = asyncio.Lock()  # a search and a change at the same time would spoil each other

    async def judge(self, vector: bytes, others: Sequence[Meanings]) -> Verdict:
        """What the gate says of an item with that vector, compared with the bank and with the others.

        Raises:
            ModelFailed: vectors of that model are not all of one length. Unavailable: the database failed.
        """
        model, least = self.meaning.embedder.model, self.meaning.least
        async with self._turn:
            try:
                if self._looked_at is None or time.monotonic() - self._looked_at > FRESH_SECONDS:
                    await self._look()
                    self._looked_at = time.monotonic()
                among = [Meanings(THE_BANK, self._index, self._missing), *others]
                finding = await to_the_end(lambda: same_meaning(vector, among, model=model, least=least))
            except OtherLength as fault:
                raise ModelFailed(Outcome.UNUSABLE, str(fault)) from None
        return verdict(SAME_MEANING, finding)

    async def _look(self) -> None:
        async with self.storage.reading() as unit:
            current = await unit.questions.digests()
        for question_id in [each for each, digest in self._known.items() if current.get(each) != digest]:
            self._index.remove(question_id)
            del self._known[question_id]
        new = [each for each in current.items() if each[0] not in self._known]
        for first in range(0, len(new), CHUNK):
            await self._take(dict(new[first : first + CHUNK]))
        self._missing = len(current) - len(self._known)

    async def _take(self, new: dict[str, str]) -> None:
        """Take these questions in, as far as there are vectors; `new` has their digests."""
        async with self.storage.reading() as unit:
            vectors = await unit.vectors.of(self.meaning.embedder.model, set(new.values()))
        found = {question_id: digest for question_id, digest in new.items() if digest in vectors}
        await to_the_end(lambda: self._add({id_: vectors[digest] for id_, digest in found.items()}))
        self._known |= found

    def _add(self, vectors: dict[str, bytes]) -> None:
        for question_id, vector in vectors.items():
            self._index.add(question_id, vector)
