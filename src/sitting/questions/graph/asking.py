"""Calls of the model as tasks of their own: what one has brought is kept, and a resumed run does not pay for it again.

A task is known by its place among the tasks that its node asks for. So a node asks for them in an order that follows
from the checkpoint alone, all at once, and each reply says what it is about, so that none is taken for another's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from langgraph.func import task

from sitting.domain.question import QuestionContent
from sitting.questions.gates.verdict import Verdict
from sitting.questions.graph.state import End, Lineage, Status, saved
from sitting.questions.graph.tools import Tools
from sitting.questions.provider import Question
from sitting.questions.provider_calls import ModelFailed, Outcome

T = TypeVar("T")
MOST_IN_VAIN = 3
"""Orders in a row that bring nothing that can be used: then the model is not asked again."""
_FATAL = frozenset({Outcome.BUDGET_EXHAUSTED, Outcome.BREAKER_OPEN})


class Reply(msgspec.Struct, frozen=True):
    """What came of a call.

    Attributes:
        value: the answer's form as JSON can hold it; None if there is no answer.
        failed: the outcome of a call without an answer; empty if there is one.
        detail: a line about it, unless it may quote the model, and so what that was told of somebody.
    """

    about: str
    value: dict[str, Any] | None = None
    model: str = ""
    prompt: str = ""
    prompt_digest: str = ""
    failed: str = ""
    detail: str = ""

    @property
    def trouble(self) -> str:
        """Why there is no answer, in a line; empty if there is one."""
        return f"{self.failed}: {self.detail}" if self.detail else self.failed

    def read(self, form: type[T]) -> T:
        """The answer."""
        return msgspec.convert(self.value, form)

    def lineage(self, repairs: int = 0) -> Lineage:
        """Where an item comes from that stands in this answer."""
        return Lineage(self.model, self.prompt, self.prompt_digest, repairs)


class Verdicts(msgspec.Struct, frozen=True):
    """What a gate says of several items, in their order."""

    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Items to be compared by meaning. The reply reads as Verdicts."""

    contents: Sequence[QuestionContent]


@dataclass(frozen=True, slots=True)
class Call:
    """A call to make.

    Attributes:
        about: unique among the calls of its node. question: made when it is asked, so that what stands in the prompt is
            kept nowhere.
    """

    about: str
    question: Callable[[], Awaitable[Question[Any] | Comparison]]


Ask = Callable[[Sequence[Call]], Awaitable[list[Reply]]]


def asker(tools: Tools) -> Ask:
    """How the nodes of one graph ask: all calls side by side, the replies in their order."""

    @task
    async def ask_model(call: Call) -> dict[str, Any]:
        return saved(await _asked(tools, call))

    async def ask(calls: Sequence[Call]) -> list[Reply]:
        coming = []
        for call in calls:
            coming.append(ask_model(call))
            await asyncio.sleep(0)  # one after the other: to begin fifty calls takes longer than others may be held up
        found = [msgspec.convert(reply, Reply) for reply in await asyncio.gather(*coming)]
        if [reply.about for reply in found] != [call.about for call in calls]:
            raise RuntimeError("a reply belongs to another call: the checkpoint is not of this graph")
        return found

    return ask


async def _asked(tools: Tools, call: Call) -> Reply:
    question = await call.question()
    if isinstance(question, Comparison):
        return await _compared(tools, call.about, question)
    prompt = question.prompt
    try:
        answer = await tools.ask(question)
    except ModelFailed as fault:
        return _failed(call.about, fault, prompt.name, prompt.digest)
    model = answer.call.answered_by or answer.call.model
    return Reply(call.about, saved(answer.value), model, prompt.name, prompt.digest)


async def _compared(tools: Tools, about: str, comparison: Comparison) -> Reply:
    assert tools.same_meaning is not None
    try:
        found = await tools.same_meaning(comparison.contents)
    except ModelFailed as fault:
        return _failed(about, fault)
    return Reply(about, saved(Verdicts(tuple(found))))


def _failed(about: str, fault: ModelFailed, prompt: str = "", prompt_digest: str = "") -> Reply:
    detail = fault.detail if fault.outcome in _FATAL else ""
    return Reply(about, prompt=prompt, prompt_digest=prompt_digest, failed=fault.outcome.value, detail=detail)


def end_after(replies: Sequence[Reply]) -> End | None:
    """The end of the run, if one of these says that there is no sense in asking on."""
    for reply in replies:
        if reply.failed in _FATAL:
            return End(Status.BANK_SERVES, reply.trouble, may_pass=reply.failed == Outcome.BREAKER_OPEN)
    return None
