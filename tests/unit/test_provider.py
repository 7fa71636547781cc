"""A provider against a server that misbehaves in every way that we know: never late, never lavish, never wrong."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import structlog

from sitting.domain.spending import Account, Cost, Limits
from sitting.kit.clock import SystemClock
from sitting.questions.prompt_answers import BlindSolution, ProposedSkills
from sitting.questions.prompting import load_template, render
from sitting.questions.provider import Answer, Listener, Provider, Question
from sitting.questions.provider_breaker import Breaker, BreakerOpen, BreakerState
from sitting.questions.provider_budget import BudgetExhausted, Ledger
from sitting.questions.provider_calls import Call, ModelFailed, Outcome
from sitting.questions.provider_config import AnswerForm, Prices, ProviderConfig, Timeouts
from sitting.questions.provider_http import Progress
from sitting.questions.provider_retry import Retries
from sitting.rehearsal.scripted_faults import Fault
from sitting.rehearsal.scripted_model import ScriptedModel
from tests.support.eventually import eventually, eventually_async
from tests.support.scripted_model import ScriptedServer

KEY = "sk-very-secret-0123456789"
JOB = "You must know Python. You will design REST APIs. Docker is a plus."
ONCE = Retries(attempts=1)
SOON = Retries(attempts=3, first_delay=0.001, longest_delay=0.002)
PATIENT = Timeouts(connect=5, first_byte=5, between_bytes=5, whole=10)
IMPATIENT = {
    Fault.HANG: replace(PATIENT, connect=0.1, first_byte=0.2),
    Fault.STALL: replace(PATIENT, between_bytes=0.2),
    Fault.DRIP: replace(PATIENT, whole=0.3),
}


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(ScriptedModel(key=KEY, retry_after=0, drip_seconds=0.002)) as running:
        yield running


@pytest.fixture
def scripted(server: ScriptedServer) -> ScriptedModel:
    server.model.behave()
    server.model.seen.clear()
    return server.model


class Asker:
    """A provider, what it is paid from, and what it told."""

    def __init__(self, server: ScriptedServer, limits: Limits | None = None, **config: Any) -> None:
        given: dict[str, Any] = {"timeouts": PATIENT, "retries": ONCE} | config
        self.config = ProviderConfig(server.base_url, server.name, KEY, **given)
        self.ledger = Ledger({"run": Account(limits or Limits())})
        self.calls: list[Call] = []
        self.progress: list[Progress] = []
        self.breaker = Breaker(failures=3, seconds=60)
        self.provider = Provider(self.config, SystemClock(), self.breaker)

    async def __aenter__(self) -> Asker:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.provider.close()

    async def skills(self, **within: float) -> Answer[ProposedSkills]:
        prompt = render(load_template("propose_skill_graph"), {"max_skills": 5}, {"job_description": JOB})
        question = Question(prompt, ProposedSkills, max_tokens=500)
        listener = Listener(self.calls.append, self.progress.append)
        return await self.provider.ask(question, self.ledger.purse(), listener, **within)

    async def refused(self, **within: float) -> ModelFailed:
        with pytest.raises(ModelFailed) as failed:
            await self.skills(**within)
        assert self.ledger["run"].held == Cost(), "something is still reserved"
        return failed.value

    @property
    def outcomes(self) -> list[Outcome]:
        return [call.outcome for call in self.calls]


def names(answer: Answer[ProposedSkills]) -> list[str]:
    return [skill.name for skill in answer.value.skills]


@pytest.mark.parametrize("streaming", [True, False])
async def test_answer_comes_in_its_form_with_the_record_of_its_call(
    server: ScriptedServer, scripted: ScriptedModel, streaming: bool
) -> None:
    prices = Prices(Decimal("0.5"), Decimal(2))
    async with Asker(server, streaming=streaming, prices=prices) as asker:
        answer = await asker.skills()
    assert names(answer) == ["Python", "API design", "Containers"]
    assert asker.calls == [answer.call]
    call, (seen,) = answer.call, scripted.seen
    assert (call.outcome, call.prompt, call.attempt, call.status) == (Outcome.OK, "propose_skill_graph.v1", 1, 200)
    assert (call.model, call.answered_by, call.schema_sent) == ("scripted-1", "scripted-1", True)
    assert (seen.task, seen.streamed, seen.schema) == ("propose_skill_graph", streaming, True)
    assert call.usage is not None
    assert call.usage.reported
    assert call.cost == asker.ledger["run"].spent
    assert call.cost.tokens == call.usage.prompt_tokens + call.usage.answer_tokens > 100
    assert call.cost.micros == prices.micros(call.usage) > 0
    assert asker.ledger["run"].held == Cost()


async def test_progress_is_told_piece_by_piece(server: ScriptedServer, scripted: ScriptedModel) -> None:
    async with Asker(server) as asker:
        await asker.skills()
    assert len(asker.progress) > 10
    assert [piece.answer_bytes for piece in asker.progress] == sorted({p.answer_bytes for p in asker.progress})
    assert "".join(piece.added for piece in asker.progress).startswith('{"skills"')


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault.HANG, Outcome.FIRST_BYTE_TIMEOUT),
        (Fault.STALL, Outcome.STALLED),
        (Fault.DRIP, Outcome.TIMEOUT),
        (Fault.CUT, Outcome.CUT_OFF),
        (Fault.TOO_MANY, Outcome.RATE_LIMITED),
        (Fault.ERROR_500, Outcome.SERVER_ERROR),
        (Fault.ERROR_503, Outcome.SERVER_ERROR),
        (Fault.ERROR_IN_STREAM, Outcome.SERVER_ERROR),
        (Fault.UNAUTHORIZED, Outcome.REJECTED),
        (Fault.TEN_MEGABYTES, Outcome.TOO_LARGE),
        (Fault.LONG_LINE, Outcome.TOO_LARGE),
        (Fault.PACKED, Outcome.MALFORMED),
        (Fault.NOT_JSON, Outcome.MALFORMED),
        (Fault.CUT_JSON, Outcome.UNUSABLE),
        (Fault.TRUNCATED, Outcome.TRUNCATED),
        (Fault.PROSE, Outcome.UNUSABLE),
        (Fault.TWO_ANSWERS, Outcome.UNUSABLE),
        (Fault.BROKEN_SCHEMA, Outcome.UNUSABLE),
        (Fault.REFUSAL, Outcome.REFUSED),
    ],
)
async def test_p26_every_fault_is_told_by_its_name_within_its_time_and_paid_for(
    server: ScriptedServer, scripted: ScriptedModel, fault: Fault, outcome: Outcome
) -> None:
    scripted.misbehave(fault, times=None)
    async with Asker(server, timeouts=IMPATIENT.get(fault, PATIENT)) as asker, asyncio.timeout(4):
        failed = await asker.refused()
        assert failed.outcome is outcome, failed
        assert asker.outcomes == [outcome]
        (call,) = asker.calls
        assert call.cost == asker.ledger["run"].spent
        free = fault in (Fault.TOO_MANY, Fault.ERROR_500, Fault.ERROR_503, Fault.UNAUTHORIZED)
        assert (call.cost.tokens == 0) is free
        scripted.behave()
        again = await eventually_async(asker.skills, also=(ModelFailed,))
        assert names(again) == ["Python", "API design", "Containers"]


@pytest.mark.parametrize(
    ("fault", "bounds", "told"),
    [
        (Fault.TEN_MEGABYTES, {"max_response_bytes": 100_000}, "100000 bytes"),
        (Fault.TEN_MEGABYTES, {"max_answer_bytes": 20_000}, "20000 bytes"),
        (Fault.TEN_MEGABYTES, {"max_response_bytes": 100_000, "streaming": False}, "100000 bytes"),
        (Fault.LONG_LINE, {"max_answer_bytes": 20_000}, "a line of the stream"),
    ],
)
async def test_ten_megabytes_are_not_read(
    server: ScriptedServer, scripted: ScriptedModel, fault: Fault, bounds: dict[str, Any], told: str
) -> None:
    scripted.misbehave(fault)
    async with Asker(server, **{"max_response_bytes": 10**9, "max_answer_bytes": 10**9, **bounds}) as asker:
        failed = await asker.refused()
    assert (failed.outcome, told in failed.detail) == (Outcome.TOO_LARGE, True), failed
    if bounds.get("streaming", True):
        eventually(lambda: _assert_left(scripted.seen[0].sent))


async def _asked_once(scripted: ScriptedModel) -> None:
    assert len(scripted.seen) == 1


def _assert_left(sent: int) -> None:
    assert 0 < sent < 9_000_000


@pytest.mark.parametrize("fault", [Fault.CHATTY, Fault.NO_USAGE, Fault.ABSURD_USAGE])
async def test_answer_is_taken_from_servers_that_are_only_odd(
    server: ScriptedServer, scripted: ScriptedModel, fault: Fault
) -> None:
    scripted.misbehave(fault)
    async with Asker(server) as asker:
        answer = await asker.skills()
    assert names(answer) == ["Python", "API design", "Containers"]
    assert answer.call.usage is not None
    assert answer.call.usage.reported is (fault is Fault.CHATTY)


async def test_p26_usage_that_is_not_reported_is_charged_as_estimated(
    server: ScriptedServer, scripted: ScriptedModel
) -> None:
    async with Asker(server) as asker:
        known = (await asker.skills()).call.cost.tokens
        scripted.misbehave(Fault.NO_USAGE)
        assert (await asker.skills()).call.cost.tokens > 2 * known


@pytest.mark.parametrize(
    "fault", [Fault.HANG, Fault.STALL, Fault.CUT, Fault.TOO_MANY, Fault.ERROR_500, Fault.ERROR_503]
)
async def test_what_may_pass_is_tried_again(server: ScriptedServer, scripted: ScriptedModel, fault: Fault) -> None:
    times = 1 if fault in IMPATIENT else 2
    scripted.misbehave(fault, times=times)
    async with Asker(server, retries=SOON, timeouts=IMPATIENT.get(fault, PATIENT)) as asker:
        answer = await asker.skills()
    assert len(scripted.seen) == answer.call.attempt == times + 1
    assert asker.outcomes[times] is Outcome.OK
    assert sum((call.cost.tokens for call in asker.calls), 0) == asker.ledger["run"].spent.tokens


@pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.TRUNCATED, Fault.REFUSAL, Fault.TEN_MEGABYTES])
async def test_what_would_fail_again_is_not_tried_again(
    server: ScriptedServer, scripted: ScriptedModel, fault: Fault
) -> None:
    scripted.misbehave(fault, times=None)
    async with Asker(server, retries=SOON) as asker:
        await asker.refused()
    assert len(scripted.seen) == 1


async def test_endpoint_that_wants_to_be_left_alone_for_long_is(
    server: ScriptedServer, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripted, "retry_after", 50)
    scripted.misbehave(Fault.TOO_MANY, times=None)
    async with Asker(server, retries=SOON) as asker:
        assert (await asker.refused()).outcome is Outcome.RATE_LIMITED
        with pytest.raises(BreakerOpen) as refused:
            await asker.skills()
    assert 45 < (refused.value.retry_after or 0) <= 50
    assert len(scripted.seen) == 1


async def test_wait_that_the_endpoint_asks_for_is_kept(
    server: ScriptedServer, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripted, "retry_after", 1)
    scripted.misbehave(Fault.TOO_MANY)
    async with Asker(server, retries=SOON) as asker:
        assert (await asker.refused(within=0.9)).outcome is Outcome.RATE_LIMITED
    assert len(scripted.seen) == 1


async def test_schema_that_is_not_taken_is_told_in_words_from_then_on(
    server: ScriptedServer, scripted: ScriptedModel
) -> None:
    scripted.misbehave(Fault.NO_SCHEMA, times=None)
    async with Asker(server, retries=SOON) as asker:
        await asker.skills()
        await asker.skills()
    assert [seen.schema for seen in scripted.seen] == [True, False, False]
    assert [call.schema_sent for call in asker.calls] == [True, False, False]
    assert asker.outcomes == [Outcome.REJECTED, Outcome.OK, Outcome.OK]


async def test_schema_that_is_not_heeded_is_told_in_words_once(server: ScriptedServer, scripted: ScriptedModel) -> None:
    scripted.misbehave(Fault.BROKEN_SCHEMA)
    async with Asker(server, retries=SOON) as asker:
        await asker.skills()
        await asker.skills()
    assert [seen.schema for seen in scripted.seen] == [True, False, True]


async def test_form_of_the_answer_is_told_as_it_is_set(server: ScriptedServer, scripted: ScriptedModel) -> None:
    async with Asker(server, retries=SOON, answer_form=AnswerForm.WORDS) as asker:
        await asker.skills()
    scripted.misbehave(Fault.NO_SCHEMA, times=None)
    async with Asker(server, retries=SOON, answer_form=AnswerForm.SCHEMA) as asker:
        assert (await asker.refused()).outcome is Outcome.REJECTED
    assert [seen.schema for seen in scripted.seen] == [False, True]


async def test_endpoint_that_fails_is_left_alone_and_found_well_again(
    server: ScriptedServer, scripted: ScriptedModel
) -> None:
    scripted.misbehave(Fault.ERROR_500, times=3)
    async with Asker(server, retries=SOON) as asker:
        await asker.refused()
        assert isinstance(await asker.refused(), BreakerOpen)
        assert len(scripted.seen) == 3
        assert asker.breaker.state(asyncio.get_running_loop().time()) is BreakerState.OPEN
        assert asker.breaker.state(asyncio.get_running_loop().time() + 61) is BreakerState.HALF_OPEN


async def test_refusals_and_bad_answers_say_nothing_about_the_endpoint(
    server: ScriptedServer, scripted: ScriptedModel
) -> None:
    async with Asker(server) as asker:
        for fault in (Fault.UNAUTHORIZED, Fault.PROSE, Fault.TOO_MANY, Fault.TRUNCATED) * 2:
            scripted.misbehave(fault)
            await asker.refused()
        assert asker.breaker.state(0) is BreakerState.CLOSED


async def test_p26_calls_side_by_side_stay_within_the_budget(server: ScriptedServer, scripted: ScriptedModel) -> None:
    async with Asker(server) as asker:
        await asker.skills()
        estimate = asker.calls[0].cost.tokens * 8
    async with Asker(server, Limits(tokens=estimate), calls_at_once=8) as asker:
        results = await asyncio.gather(*(asker.skills() for _ in range(12)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, BudgetExhausted)]
    assert refused
    assert len(refused) + sum(isinstance(result, Answer) for result in results) == 12
    assert asker.ledger["run"].spent.tokens <= estimate
    assert asker.ledger["run"].held == Cost()


async def test_p26_call_without_budget_is_never_sent(server: ScriptedServer, scripted: ScriptedModel) -> None:
    for limits in (Limits(tokens=600), Limits(milliseconds=9_999), Limits(micros=999)):
        async with Asker(server, limits, prices=Prices(answer=Decimal(2))) as asker:
            assert isinstance(await asker.refused(), BudgetExhausted)
            assert asker.calls == []
    assert scripted.seen == []


async def test_call_that_is_cancelled_is_recorded_and_charged(server: ScriptedServer, scripted: ScriptedModel) -> None:
    scripted.misbehave(Fault.HANG)
    async with Asker(server) as asker:
        asking = asyncio.create_task(asker.skills())
        await eventually_async(lambda: _asked_once(scripted), every=0.005)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert asker.outcomes == [Outcome.CANCELLED]
    assert asker.ledger["run"].held == Cost()
    assert asker.ledger["run"].spent.tokens == asker.calls[0].cost.tokens > 500


async def test_calls_beyond_those_at_once_wait_for_their_turn_and_no_longer_than_they_may(
    server: ScriptedServer, scripted: ScriptedModel
) -> None:
    scripted.misbehave(Fault.HANG)
    async with Asker(server, calls_at_once=1) as asker:
        hanging = asyncio.create_task(asker.skills())
        await eventually_async(lambda: _asked_once(scripted), every=0.005)
        with pytest.raises(ModelFailed, match="too many others"):
            await asker.skills(within=0.05)
        hanging.cancel()
        await asyncio.wait({hanging})
        assert names(await asker.skills(within=5)) == ["Python", "API design", "Containers"]
    assert len(scripted.seen) == 2


async def test_time_for_everything_bounds_waits_and_repetitions(
    server: ScriptedServer, scripted: ScriptedModel
) -> None:
    scripted.misbehave(Fault.HANG, times=None)
    started = asyncio.get_running_loop().time()
    async with Asker(server, retries=Retries(attempts=50, first_delay=0.01)) as asker:
        for _ in range(3):
            assert (await asker.refused(within=0.05)).outcome is Outcome.TIMEOUT
        assert asyncio.get_running_loop().time() - started < 1
        assert asker.breaker.state(0) is BreakerState.CLOSED, "the hurry was ours"


async def test_endpoint_that_is_not_there_costs_nothing(server: ScriptedServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    config = ProviderConfig(f"http://127.0.0.1:{port}/v1", "m", retries=SOON)
    async with Asker(server) as asker, Provider(config, SystemClock()) as provider:
        asker.provider = provider
        failed = await asker.refused()
    assert (failed.outcome, len(asker.calls)) == (Outcome.UNREACHABLE, 3)
    assert asker.ledger["run"].spent.tokens == 0


async def test_endpoint_that_takes_no_connection_is_given_up_in_time(server: ScriptedServer) -> None:
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):  # the kernel takes one or two, and leaves the next ones waiting
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        times = Timeouts(connect=0.05, first_byte=5, whole=5)
        config = ProviderConfig(f"http://127.0.0.1:{full.getsockname()[1]}/v1", "m", retries=ONCE, timeouts=times)
        async with Asker(server) as asker, Provider(config, SystemClock()) as provider, asyncio.timeout(2):
            asker.provider = provider
            assert (await asker.refused()).outcome is Outcome.CONNECT_TIMEOUT
    assert asker.ledger["run"].spent.tokens == 0


async def test_key_is_in_no_log_no_error_and_no_record(
    server: ScriptedServer, scripted: ScriptedModel, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logged:
        async with Asker(server) as asker:
            await asker.skills()
            for fault in (Fault.UNAUTHORIZED, Fault.HANG, Fault.CUT, Fault.ERROR_500):
                scripted.misbehave(fault)
                failed = await asker.refused(within=0.2 if fault is Fault.HANG else 5)
                told = f"{failed} {failed.detail} {failed!r} {failed.__cause__!r} {vars(failed)}"
                assert KEY not in told
                if fault is Fault.UNAUTHORIZED:
                    assert failed.detail == "status 401: Incorrect API key provided: (key)."
    everything = f"{caplog.text} {logged} {asker.calls} {asker.config} {vars(asker.provider)}"
    assert KEY not in everything
    assert "model_call_failed" in str(logged)


async def test_words_of_models_and_servers_are_in_records_and_not_in_logs(
    server: ScriptedServer, scripted: ScriptedModel
) -> None:
    with structlog.testing.capture_logs() as logged:
        async with Asker(server) as asker:
            for fault in (Fault.REFUSAL, Fault.ERROR_500):
                scripted.misbehave(fault)
                await asker.refused()
    assert [call.detail for call in asker.calls] == [
        "I cannot help with that.",
        "status 500: The server had an error while processing your request.",
    ]
    assert [(entry["event"], entry["outcome"]) for entry in logged] == [
        ("model_call_failed", "refused"),
        ("model_call_failed", "server_error"),
    ]
    assert not any(call.detail in str(logged) for call in asker.calls)


async def test_solver_answers_over_the_wire_as_the_script_says(server: ScriptedServer, scripted: ScriptedModel) -> None:
    stem, options = (
        "Which instruction of a Dockerfile names the image that a build starts from?",
        "A. `COPY`\nB. `FROM`",
    )
    prompt = render(load_template("solve_blind"), {}, {"stem": stem, "options": options})
    async with Asker(server) as asker:
        answer = await asker.provider.ask(
            Question(prompt, BlindSolution, seed=5), asker.ledger.purse(), Listener(asker.calls.append)
        )
    assert answer.value.option == "B"
    assert (scripted.seen[0].seed, scripted.seen[0].material) == (5, {"stem": stem, "options": options})
