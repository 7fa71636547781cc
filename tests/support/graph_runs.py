"""What the graphs of questions run on in tests: a provider over HTTP; bank, reviewers and candidate in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.memory import InMemorySaver

from sitting.domain.question import Difficulty, QuestionContent
from sitting.domain.skill_graph import Skill, SkillGraph
from sitting.domain.spending import Account, Limits
from sitting.kit.clock import SystemClock
from sitting.questions.code_check import check_code
from sitting.questions.gates import Others, QuestionIndex, Verdict, judge_item
from sitting.questions.gates.meaning import SAME_MEANING
from sitting.questions.gates.verdict import passed, verdict
from sitting.questions.graph.authoring import build_authoring_graph
from sitting.questions.graph.driving import GraphRun
from sitting.questions.graph.live import initialize_assessment_graph
from sitting.questions.graph.state import saved
from sitting.questions.graph.tools import AuthoringTools, Candidate, LiveTools, Proposal, Told
from sitting.questions.provider import Answer, Listener, Provider, Question
from sitting.questions.provider_breaker import Breaker
from sitting.questions.provider_budget import Ledger
from sitting.questions.provider_calls import Call
from sitting.questions.provider_config import ProviderConfig, Timeouts
from sitting.questions.provider_retry import Retries
from sitting.questions.wishes import AuthoringWish, slots_of
from sitting.rehearsal.scripted_answers import FILE
from tests.support.scripted_model import ScriptedServer

PATIENT = Timeouts(connect=5, first_byte=10, between_bytes=10, whole=20)
IMPATIENT = Timeouts(connect=5, first_byte=0.25, between_bytes=0.25, whole=0.6)
Stock = dict[tuple[str, Difficulty], int]


class Killed(Exception):
    """The process is gone."""


@cache
def known() -> Mapping[str, str]:
    """The key of every sound question that the scripted model can write, by its stem."""
    items = [item for skill in json.loads(FILE.read_text("utf-8")) for item in skill["items"]]
    return {item["stem"]: item["options"][item["key"]] for item in items}


def key_of(content: QuestionContent) -> str:
    """The text of the right option."""
    return next(option.text for option in content.options if option.id == content.key)


class DyingSaver(InMemorySaver):
    """Keeps what tasks bring; the process dies before the checkpoint of that number, counted from 1, is kept.

    Attributes:
        seen: how many there were.
    """

    def __init__(self, die_before: int) -> None:
        super().__init__()
        self.die_before = die_before
        self.seen = 0

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        self.seen += 1
        if self.seen == self.die_before:
            raise Killed
        return await super().aput(config, checkpoint, metadata, new_versions)


@dataclass
class World:
    """All that a run touches.

    Attributes:
        die_at: the end of a node, counted from 1, at which the process dies; die_asking: the same for calls.
        answered: the calls that the model has answered, by prompt and seed.
        compares: items are compared by meaning, each time found to be new; compared: their stems, for each time.
    """

    server: ScriptedServer
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = PATIENT
    stock: Stock = field(default_factory=dict)
    candidate: Candidate = field(default_factory=lambda: Candidate(1))
    resume: str = ""
    presented: int = 0
    die_at: int = 0
    die_asking: int = 0
    saver: InMemorySaver = field(default_factory=InMemorySaver)
    index: QuestionIndex = field(default_factory=QuestionIndex)
    handed_in: dict[str, Proposal] = field(default_factory=dict)
    prepared: dict[int, Proposal] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    asked: list[tuple[str, int]] = field(default_factory=list)
    answered: list[tuple[str, int]] = field(default_factory=list)
    compares: bool = False
    compared: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        config = ProviderConfig(
            self.server.base_url, self.server.name, timeouts=self.timeouts, retries=Retries(2, 0.001, 0.002)
        )
        self.breaker = Breaker(failures=6, seconds=60)
        self.provider = Provider(config, SystemClock(), self.breaker)
        self.ledger = Ledger({"run": Account(self.limits)})

    async def __aenter__(self) -> World:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.provider.close()

    async def ask(self, question: Question[Any]) -> Answer[Any]:
        name = (question.prompt.name, question.seed or 0)
        self.asked.append(name)
        if len(self.asked) == self.die_asking:
            raise Killed
        answer = await self.provider.ask(question, self.ledger.purse(), Listener(self.calls.append))
        self.answered.append(name)
        return answer

    async def stems(self, skill: str, difficulty: Difficulty) -> Sequence[str]:
        proposals = [*self.handed_in.values(), *self.prepared.values()]
        return [each.content.text for each in proposals if each.content.skill == skill]

    async def judge(self, content: QuestionContent) -> Sequence[Verdict]:
        return judge_item(content, others=[Others("the bank", self.index)])

    async def compare(self, contents: Sequence[QuestionContent]) -> Sequence[Verdict]:
        self.compared.append([content.text for content in contents])
        return [verdict(SAME_MEANING, passed("stem")) for _ in contents]

    async def check_code(self, content: QuestionContent) -> Verdict:
        return await check_code(content, None)

    async def tell(self, told: Told) -> None:
        self.told.append(told)
        if len(self.told) == self.die_at:
            raise Killed

    async def hand_in(self, proposal: Proposal) -> None:
        before = self.handed_in.setdefault(proposal.key, proposal)
        assert before.content == proposal.content
        self.index.add(proposal.key, proposal.content)

    async def prepare(self, position: int, proposal: Proposal) -> bool:
        if position <= self.presented:
            return False
        before = self.prepared.setdefault(position, proposal)
        assert before.content == proposal.content
        self.index.add(str(position), proposal.content)
        return True

    async def read_resume(self) -> str:
        return self.resume

    async def read_candidate(self) -> Candidate:
        return self.candidate

    async def read_stock(self) -> Stock:
        return self.stock

    def authoring(self, graph: SkillGraph, about: dict[str, str] | None = None, *, accept: bool = False) -> GraphRun:
        """The authoring run of this world, in a graph of its own, where the saver has left it."""
        tools = AuthoringTools(
            ask=self.ask, stems=self.stems, judge=self.judge, check_code=self.check_code, tell=self.tell,
            stock=self.read_stock, hand_in=self.hand_in, same_meaning=self.compare if self.compares else None,
        )  # fmt: skip
        wish = AuthoringWish(graph, about or {}, accept)
        return GraphRun(build_authoring_graph(tools).compile(checkpointer=self.saver), "r_authoring", saved(wish))

    def live(self, graph: SkillGraph, wanted: Sequence[tuple[int, str, Difficulty]], **more: Any) -> GraphRun:
        """The live run of this world."""
        tools = LiveTools(
            ask=self.ask, stems=self.stems, judge=self.judge, check_code=self.check_code, tell=self.tell,
            candidate=self.read_candidate, resume=self.read_resume, prepare=self.prepare,
        )  # fmt: skip
        slots = slots_of(graph, wanted)
        return initialize_assessment_graph(1, slots, tools, self.saver, run_id="r_live", **more)

    def kept(self) -> str:
        """All that the saver holds, as text."""
        return repr((dict(self.saver.storage), dict(self.saver.blobs), dict(self.saver.writes)))


def one_skill(name: str = "Containers", depth: int = 1, questions: int = 2, *parts: str) -> SkillGraph:
    """A skill graph of one skill that the scripted model knows."""
    return SkillGraph(
        (Skill(name, depth=depth, questions=questions, skills=tuple(Skill(p, questions=0) for p in parts)),)
    )
