"""What the nodes of every run do in the world: with the model, the bank and the tables, while its lease is good."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from sitting.domain.proposal import NewProposal
from sitting.domain.question import Difficulty, QuestionContent
from sitting.domain.run import Run
from sitting.questions.code_check import check_code
from sitting.questions.gates.near_duplicate import Others, QuestionIndex
from sitting.questions.gates.verdict import Verdict
from sitting.questions.graph.tools import Proposal
from sitting.questions.provider import Answer, Listener, Question
from sitting.questions.provider_calls import Call
from sitting.questions.sandbox import Sandbox
from sitting.storage.repositories.proposals import ProposalFilter
from sitting.storage.repositories.questions import QuestionFilter
from sitting.storage.turns import Urgency
from sitting.usecases.bank_index import BankIndex
from sitting.usecases.hand_in_question import hand_in_question, question_id_of
from sitting.usecases.services import ModelAccess, Services
from sitting.usecases.spend import model_call, purse_of
from sitting.workers.bank_meanings import BankMeanings
from sitting.workers.run_meanings import Group, RunMeanings
from sitting.workers.run_progress import RunProgress

MOST_STEMS = 40
"""Of existing questions that a model is told not to write again."""
THIS_RUN = "this run"
PAGE = 500
EMPTY: Mapping[str, Group] = {}

Compare = Callable[[Sequence[QuestionContent]], Awaitable[Sequence[Verdict]]]


@dataclass(frozen=True, slots=True)
class Workshop:
    """What all runs of a node share.

    Attributes:
        meanings: the bank by meaning; None where duplicates are looked for by words alone.
        sandbox: runs the code of questions; None: nobody does.
        authoring_turns: for calls of authoring runs, so that candidates, who wait, have turns that are theirs.
    """

    services: Services
    model: ModelAccess
    bank: BankIndex
    meanings: BankMeanings | None
    sandbox: Sandbox | None
    authoring_turns: asyncio.Semaphore


class Desk:
    """One for each time that a run is taken up.

    Attributes:
        calls: of the model, those that nobody has stored so far.
        written: what the run has handed in, by question_id.
    """

    def __init__(self, shop: Workshop, run: Run) -> None:
        self.shop, self.run, self.lease = shop, run, run.lease
        self.storage, self.clock = shop.services.storage, shop.services.clock
        self.progress = RunProgress(self.storage, self.clock, run)
        self.calls: deque[Call] = deque()
        self.written: dict[str, QuestionContent] = {}
        self._index = QuestionIndex()
        self._purse = purse_of(self.storage, self.lease, shop.model.test_limits, calls=self.calls)
        self.meanings: RunMeanings | None = None
        if shop.meanings is not None:
            self.meanings = RunMeanings(shop.meanings, self.lease, self._purse, Listener(self.calls.append))

    async def recall(self) -> None:
        """Look up what the run has handed in before.

        Raises:
            Unavailable: the database failed.
        """
        wanted, after = ProposalFilter(state=None, run_id=self.run.run_id), None
        async with self.storage.reading() as unit:
            while page := await unit.proposals.list_page(limit=PAGE, after=after, wanted=wanted):
                await asyncio.to_thread(self._remember, {each.question_id: each.content for each in page})
                after = page[-1].created_at, page[-1].question_id

    async def ask(self, question: Question[Any]) -> Answer[Any]:
        """What the model says, paid for by the run and its Test.

        Raises:
            ModelFailed: nothing that can be used. LeaseLost, Unavailable: it cannot be paid for.
        """
        return await self.shop.model.provider.ask(question, self._purse, Listener(self.calls.append))

    async def judge(self, content: QuestionContent, others: Sequence[Others] = ()) -> Sequence[Verdict]:
        """What all deterministic gates say; the bank and what this run has written belong to the others always."""
        return await self.shop.bank.judge(content, [Others(THIS_RUN, self._index), *others])

    async def check_code(self, content: QuestionContent) -> Verdict:
        """What running its code says, where a sandbox is set up."""
        return await check_code(content, self.shop.sandbox)

    async def stems(self, skill: str, difficulty: Difficulty) -> list[str]:
        """Those of the run about the skill, the newest first, and then the bank's of that difficulty."""
        own = [content.text for content in reversed(self.written.values()) if content.skill == skill]
        wanted = QuestionFilter(skill=skill, difficulty=difficulty)
        async with self.storage.reading() as unit:
            found = await unit.questions.list_page(after="", limit=MOST_STEMS, wanted=wanted)
        return [*own, *(each.content.text for each in found)][:MOST_STEMS]

    async def hand_in(self, proposal: Proposal) -> str:
        """Store it, with its evidence; returns its question_id.

        Raises:
            LeaseLost: the run is somebody else's. Unavailable: the database failed.
        """
        question_id = question_id_of(self.run.run_id, proposal.key)
        new = NewProposal(
            question_id,
            self.run.run_id,
            proposal.content,
            lineage=msgspec.json.encode(proposal.lineage).decode(),
            evidence=msgspec.json.encode([verdict.as_data() for verdict in proposal.verdicts]).decode(),
        )
        await hand_in_question(self.storage, self.lease, new, accept=proposal.accept, now=self.clock.now())
        if self.meanings is not None:
            await self.meanings.keep(proposal.content)
        await asyncio.to_thread(self._remember, {question_id: proposal.content})
        return question_id

    def comparing(self, had: Mapping[str, Group] = EMPTY) -> Compare | None:
        """What finds out whether items say in other words what the bank, this run or `had` has; None: nobody does.

        What it returns raises ModelFailed, LeaseLost, Unavailable.
        """
        meanings = self.meanings
        if meanings is None:
            return None

        async def compare(contents: Sequence[QuestionContent]) -> Sequence[Verdict]:
            return await meanings.judge(contents, {THIS_RUN: self.written, **had})

        return compare

    async def keep_calls(self) -> None:
        """Store what no settlement has.

        Raises:
            Unavailable: the database failed.
        """
        left = [self.calls.popleft() for _ in range(len(self.calls))]
        if left:
            async with self.storage.unit_of_work(Urgency.LATER) as unit:
                await unit.model_calls.insert_many([model_call(self.run.run_id, call) for call in left])

    def _remember(self, written: Mapping[str, QuestionContent]) -> None:
        """Long texts take their time, so this goes to a thread; a run does one thing at a time."""
        for question_id, content in written.items():
            self.written[question_id] = content
            self._index.add(question_id, content)
        self.progress.handed_in = len(self.written)
