"""One attempt to get an answer: what it may take, what it does, what it took."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sitting.domain.spending import Cost
from sitting.questions.prompting import Prompt
from sitting.questions.provider_calls import Call, ModelFailed, Outcome, Usage, one_line
from sitting.questions.provider_config import ProviderConfig
from sitting.questions.provider_http import Exchange, Progress, Requests
from sitting.questions.provider_wire import Completion, upper_usage

T = TypeVar("T")
_FREE_STATUSES = frozenset({500, 503})
"""Failures before a model worked. Behind 502 and 504, of proxies, it may have."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be sent.

    Attributes:
        within: seconds that the answer may take.
        number: of the attempt, from 1.
        by_schema: whether the form of the answer is told by a JSON schema.
        reply: takes the answer in, of at most so many bytes.
    """

    prompt: Prompt
    body: bytes
    max_tokens: int
    within: float
    number: int
    by_schema: bool
    reply: Callable[[int], Completion] = Completion


class Attempt:
    """A plan on its way through `run`, and what is known of it at any moment."""

    def __init__(self, config: ProviderConfig, plan: Plan) -> None:
        self._config, self._plan = config, plan
        self._upper = upper_usage(plan.body, plan.max_tokens)
        self._outcome, self._detail = Outcome.CANCELLED, ""
        self._started_at: datetime | None = None
        self._began = self._ended = 0.0
        self._exchange: Exchange | None = None

    def estimate(self) -> Cost:
        """More than this it cannot take."""
        return Cost(self._upper.tokens, math.ceil(self._plan.within * 1000), self._config.prices.micros(self._upper))

    async def run(
        self, requests: Requests, form: type[T], now: datetime, progress: Callable[[Progress], None] | None
    ) -> T:
        """Ask, and read the answer.

        Raises:
            ModelFailed: there is none that can be used.
        """
        loop = asyncio.get_running_loop()
        self._exchange = exchange = requests.begin(self._plan.reply)
        self._started_at, self._began = now, loop.time()
        try:
            await requests.send(exchange, self._plan.body, within=self._plan.within, now=now, progress=progress)
            exchange.completion.check_finished()
            value = exchange.completion.read(form)
        except ModelFailed as fault:
            self._outcome, self._detail = fault.outcome, fault.detail
            raise
        else:
            self._outcome = Outcome.OK
            return value
        finally:
            self._ended = loop.time()

    def call(self) -> Call:
        """The record of it, once it has run."""
        assert self._exchange is not None
        assert self._started_at is not None
        first, prompt = self._exchange.first_byte_at, self._plan.prompt
        return Call(
            model=self._config.model,
            answered_by=one_line(self._exchange.completion.model),
            prompt=prompt.name,
            prompt_digest=prompt.digest,
            attempt=self._plan.number,
            schema_sent=self._plan.by_schema,
            started_at=self._started_at,
            milliseconds=_milliseconds(self._ended - self._began),
            first_byte_milliseconds=None if first is None else _milliseconds(first - self._began),
            usage=self._usage(),
            cost=self._cost(),
            outcome=self._outcome,
            status=self._exchange.status,
            detail=self._detail,
        )

    def _usage(self) -> Usage | None:
        """What it used: as reported, or at most; None if no model can have worked for it."""
        assert self._exchange is not None
        if not self._exchange.sent or self._outcome in (Outcome.RATE_LIMITED, Outcome.REJECTED):
            return None
        if self._exchange.status in _FREE_STATUSES:
            return None
        return self._exchange.completion.usage or self._upper

    def _cost(self) -> Cost:
        """What it took. Of its time not more than it might: the rest is this node's own slowness."""
        milliseconds = min(_milliseconds(self._ended - self._began), self.estimate().milliseconds)
        usage = self._usage()
        if usage is None:
            return Cost(milliseconds=milliseconds)
        return Cost(usage.tokens, milliseconds, self._config.prices.micros(usage))


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))
