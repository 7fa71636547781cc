"""Asks a model: as often as makes sense, for as much as there is to spend, and never an endpoint that is not well."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import structlog

from sitting.domain.spending import NOTHING
from sitting.kit.clock import Clock
from sitting.questions.prompting import Prompt
from sitting.questions.provider_attempt import Attempt, Plan
from sitting.questions.provider_breaker import Breaker, Permit
from sitting.questions.provider_budget import Purse
from sitting.questions.provider_calls import PASSING, SICK, Call, ModelFailed, Outcome
from sitting.questions.provider_config import AnswerForm, ProviderConfig
from sitting.questions.provider_http import Progress, Requests
from sitting.questions.provider_json import in_words, schema_of
from sitting.questions.provider_retry import delay_before
from sitting.questions.provider_wire import Completion, request_body

T = TypeVar("T")
_SCHEMA_REFUSED = frozenset({400, 404, 415, 422})
_SCHEMA_WORDS = ("response_format", "schema", "structured", "grammar")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """What a model is asked once.

    Attributes:
        form: the msgspec struct that the answer has to fit.
        max_tokens: of the answer.
        temperature, seed: None: as the endpoint does by itself. Not every endpoint heeds them.
    """

    prompt: Prompt
    form: type[T]
    max_tokens: int = 2000
    temperature: float | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What the model answered, and the call that gave it."""

    value: T
    call: Call


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears of a question while it is asked. Neither may fail.

    Attributes:
        call: gets each attempt once it is over, those that failed or were cancelled too.
        progress: gets each piece of an answer as it comes, where the endpoint streams.
    """

    call: Callable[[Call], None]
    progress: Callable[[Progress], None] | None = None


class Provider:
    """One endpoint and one model, for all runs of a node, in one event loop. Used by `async with`, or closed."""

    def __init__(self, config: ProviderConfig, clock: Clock, breaker: Breaker | None = None) -> None:
        self.config = config
        self.breaker = breaker or Breaker()
        self._clock = clock
        self._requests = Requests(config)
        self._turns = asyncio.Semaphore(config.calls_at_once)
        self._only_words = config.answer_form is AnswerForm.WORDS

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up; what is being asked fails."""
        await self._requests.close()

    async def ask(
        self, question: Question[T], purse: Purse, listener: Listener, *, within: float | None = None
    ) -> Answer[T]:
        """The answer of the model, in the form that was asked for.

        Args:
            purse: pays for each attempt: an upper estimate is reserved before it, and what it took settled after it.
            within: seconds for everything, waits and repetitions included; None: as the configuration bounds it.

        Raises:
            ModelFailed: there is none, and `outcome` says why; BudgetExhausted and BreakerOpen are kinds of it.
        """
        end = None if within is None else asyncio.get_running_loop().time() + within
        number, by_schema, refused = 0, not self._only_words, False
        while True:
            number += 1
            try:
                async with self._turn(end):
                    plan = self._plan(question, number, by_schema, end)
                    answer = await self._attempt(plan, question.form, purse, listener)
            except ModelFailed as fault:
                if not (by_schema and self._blames_schema(fault, number)):
                    await self._wait_after(number, fault, end)
                    continue
                by_schema, refused = False, fault.outcome is Outcome.REJECTED
            else:
                self._only_words = self._only_words or refused
                return answer

    async def post(
        self,
        body: bytes,
        prompt: Prompt,
        form: type[T],
        reply: Callable[[int], Completion],
        purse: Purse,
        listener: Listener,
    ) -> Answer[T]:
        """What the endpoint answers to that body, for which it writes nothing; paid and repeated as in `ask`.

        Args:
            prompt: what the calls are recorded under. reply: takes each answer in, of at most so many bytes.

        Raises:
            ModelFailed: as in `ask`.
        """
        number = 0
        while True:
            number += 1
            plan = Plan(prompt, body, 0, self.config.timeouts.whole, number, by_schema=False, reply=reply)
            try:
                async with self._turn(None):
                    return await self._attempt(plan, form, purse, listener)
            except ModelFailed as fault:
                await self._wait_after(number, fault, None)

    def _blames_schema(self, fault: ModelFailed, number: int) -> bool:
        """Whether it may be that the endpoint does not take the schema, or does not heed it."""
        if self.config.answer_form is not AnswerForm.AUTO or number >= self.config.retries.attempts:
            return False
        if fault.outcome is Outcome.REJECTED and fault.status in _SCHEMA_REFUSED:
            return any(word in fault.detail.lower() for word in _SCHEMA_WORDS)
        return fault.outcome is Outcome.UNUSABLE

    async def _wait_after(self, number: int, fault: ModelFailed, end: float | None) -> None:
        """Wait for the next attempt, or raise `fault` if there is to be none."""
        retries, now = self.config.retries, asyncio.get_running_loop().time()
        if fault.outcome not in PASSING:
            raise fault
        if fault.retry_after is not None and fault.retry_after > retries.longest_retry_after:
            self.breaker.hold_off(fault.retry_after, now)
            raise fault
        chance = random.random()  # noqa: S311  it spreads, and hides nothing
        wait = delay_before(retries, number + 1, fault.retry_after, chance)
        if number >= retries.attempts or (end is not None and now + wait >= end):
            raise fault
        await asyncio.sleep(wait)

    @contextlib.asynccontextmanager
    async def _turn(self, end: float | None) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout_at(end):
                await self._turns.acquire()
        except TimeoutError:
            raise ModelFailed(Outcome.TIMEOUT, "too many others were asking at the same time") from None
        try:
            yield
        finally:
            self._turns.release()

    def _plan(self, question: Question[Any], number: int, by_schema: bool, end: float | None) -> Plan:
        """What this attempt sends, and how long it may take."""
        prompt, form, whole = question.prompt, question.form, self.config.timeouts.whole
        left = whole if end is None else min(whole, end - asyncio.get_running_loop().time())
        if left <= 0:
            raise ModelFailed(Outcome.TIMEOUT, "there was no time left")
        body = request_body(
            self.config,
            prompt.system if by_schema else f"{prompt.system}\n\n{in_words(form)}",
            prompt.user,
            max_tokens=question.max_tokens,
            schema=(form.__name__, schema_of(form)) if by_schema else None,
            temperature=question.temperature,
            seed=question.seed,
        )
        return Plan(prompt, body, question.max_tokens, left, number, by_schema)

    async def _attempt(self, plan: Plan, form: type[T], purse: Purse, listener: Listener) -> Answer[T]:
        attempt, loop = Attempt(self.config, plan), asyncio.get_running_loop()
        hold, spent = await purse.reserve(attempt.estimate()), NOTHING
        try:
            permit = self.breaker.admit(loop.time())
            try:
                value = await attempt.run(self._requests, form, self._clock.now(), listener.progress)
            finally:
                call = attempt.call()
                spent = call.cost
                self._tell_breaker(permit, call, was_hurried=plan.within < self.config.timeouts.whole)
                listener.call(call)
            return Answer(value, call)
        finally:
            await purse.settle(hold, spent)

    def _tell_breaker(self, permit: Permit, call: Call, *, was_hurried: bool) -> None:
        if call.outcome is not Outcome.OK:
            # Without its detail: models quote what they were given, and that may be about a person.
            log.warning("model_call_failed", prompt=call.prompt, outcome=call.outcome.value, status=call.status)
        if call.outcome is Outcome.CANCELLED or (call.outcome is Outcome.TIMEOUT and was_hurried):
            self.breaker.abandoned(permit)
        elif call.outcome in SICK:
            self.breaker.failed(permit, asyncio.get_running_loop().time())
        else:
            self.breaker.succeeded(permit)
