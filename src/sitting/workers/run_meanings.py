"""What a run does to find out whether its items say in other words what there is already."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from sitting.domain.question import QuestionContent
from sitting.domain.run import Lease
from sitting.questions.embedding import MOST_AT_ONCE
from sitting.questions.gates.meaning import MeaningIndex, Meanings, OtherLength, meaning_text
from sitting.questions.gates.verdict import Verdict
from sitting.questions.provider import Listener
from sitting.questions.provider_budget import Purse
from sitting.questions.provider_calls import ModelFailed, Outcome
from sitting.storage.turns import Urgency
from sitting.workers.bank_meanings import BankMeanings

BESIDE = "the items beside it"

Group = Mapping[str, QuestionContent]
"""Questions by question_id, all of them stored."""


class RunMeanings:
    """One for each time that a run is taken up; the run pays for the vectors of its items, and of what has none."""

    def __init__(self, bank: BankMeanings, lease: Lease, purse: Purse, listener: Listener) -> None:
        self._bank, self._lease, self._purse, self._listener = bank, lease, purse, listener
        self._vectors: dict[str, bytes] = {}

    async def judge(self, contents: Sequence[QuestionContent], groups: Mapping[str, Group]) -> list[Verdict]:
        """What the gate says of each of these items, in their order: an item must differ from those before it, too.

        Args:
            groups: by what they are, the questions to differ from, besides the bank.

        Raises:
            ModelFailed: there is no vector of one of them, so nothing is known.
            LeaseLost: the run is somebody else's. Unavailable: the database failed.
        """
        # In threads, here and below: many papers take their time, and so does a long text of a model's.
        digests = await asyncio.to_thread(_digests, groups)
        stored = {digests[name][id_]: each for name, group in groups.items() for id_, each in group.items()}
        await self._look_up(set(stored))
        await self._make(stored, are_stored=True)
        await self._make({content.digest(): content for content in contents}, are_stored=False)
        among = [await asyncio.to_thread(self._meanings, name, found) for name, found in digests.items()]
        beside, verdicts = MeaningIndex(), []
        for number, content in enumerate(contents, 1):
            vector = self._vectors[content.digest()]
            said = await self._bank.judge(vector, [*among, Meanings(BESIDE, beside)])
            if not said.failed:
                beside.add(f"item {number}", vector)
            verdicts.append(said)
        return verdicts

    async def keep(self, content: QuestionContent) -> None:
        """Store the vector of an item that has been handed in, if there is one.

        Raises:
            LeaseLost: the run is somebody else's. Unavailable: the database failed.
        """
        digest = content.digest()
        if digest in self._vectors:
            await self._store({digest: self._vectors[digest]})

    async def _look_up(self, digests: set[str]) -> None:
        wanted = digests - self._vectors.keys()
        if wanted:
            async with self._bank.storage.reading() as unit:
                self._vectors |= await unit.vectors.of(self._bank.meaning.embedder.model, wanted)

    async def _make(self, contents: Mapping[str, QuestionContent], *, are_stored: bool) -> None:
        """Have vectors made of those that have none; they are stored where the contents are."""
        missing = [digest for digest in contents if digest not in self._vectors]
        for first in range(0, len(missing), MOST_AT_ONCE):
            chosen = missing[first : first + MOST_AT_ONCE]
            texts = await asyncio.to_thread(_texts, [contents[digest] for digest in chosen])
            made = await self._bank.meaning.embedder.embed(texts, self._purse, self._listener)
            found = dict(zip(chosen, made, strict=True))
            self._vectors |= found
            if are_stored:
                await self._store(found)

    async def _store(self, vectors: Mapping[str, bytes]) -> None:
        """Under the lease: once a person is erased, no run of theirs writes anything about what was theirs."""
        async with self._bank.storage.unit_of_work(Urgency.LATER) as unit:
            await unit.runs.hold(self._lease)
            await unit.vectors.put(self._bank.meaning.embedder.model, vectors)

    def _meanings(self, name: str, digests: Mapping[str, str]) -> Meanings:
        index = MeaningIndex()
        try:
            for question_id, digest in digests.items():
                index.add(question_id, self._vectors[digest])
        except OtherLength as fault:
            raise ModelFailed(Outcome.UNUSABLE, str(fault)) from None
        return Meanings(name, index)


def _digests(groups: Mapping[str, Group]) -> dict[str, dict[str, str]]:
    return {name: {id_: content.digest() for id_, content in group.items()} for name, group in groups.items()}


def _texts(contents: Sequence[QuestionContent]) -> list[str]:
    return [meaning_text(content) for content in contents]
