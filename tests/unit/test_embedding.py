"""An embedder against a server that misbehaves: never late, never lavish, and no vectors but those of the texts."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from sitting.domain.spending import Account, Cost, Limits
from sitting.kit.clock import SystemClock
from sitting.questions.embedding import MOST_AT_ONCE, PATH, Embedder
from sitting.questions.provider import Listener
from sitting.questions.provider_budget import BudgetExhausted, Ledger
from sitting.questions.provider_calls import Call, ModelFailed, Outcome
from sitting.questions.provider_config import Prices, ProviderConfig, Timeouts
from sitting.questions.provider_retry import Retries
from sitting.rehearsal.scripted_faults import Fault
from sitting.rehearsal.scripted_model import ScriptedModel
from sitting.rehearsal.scripted_vectors import LENGTH
from tests.support.scripted_model import ScriptedServer

KEY = "sk-very-secret-0123456789"
PATIENT = Timeouts(connect=5, first_byte=5, between_bytes=5, whole=10)
TEXTS = ["What is an image?", "What are images?", "Who mends the roof?"]


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
    def __init__(self, server: ScriptedServer, limits: Limits | None = None, **config: Any) -> None:
        given: dict[str, Any] = {"timeouts": PATIENT, "retries": Retries(attempts=1)} | config
        self.embedder = Embedder(
            ProviderConfig(server.base_url, "vectors-1", KEY, streaming=False, path=PATH, **given), SystemClock()
        )
        self.ledger = Ledger({"run": Account(limits or Limits())})
        self.calls: list[Call] = []

    async def __aenter__(self) -> Asker:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.embedder.close()

    async def embed(self, texts: list[str]) -> list[list[float]]:
        made = await self.embedder.embed(texts, self.ledger.purse(), Listener(self.calls.append))
        return [list(struct.unpack(f"<{len(vector) // 4}f", vector)) for vector in made]

    async def refused(self) -> ModelFailed:
        with pytest.raises(ModelFailed) as failed:
            await self.embed(TEXTS)
        assert self.ledger["run"].held == Cost(), "something is still reserved"
        return failed.value


async def test_vectors_come_in_the_order_of_the_texts_with_the_record_of_the_call(
    server: ScriptedServer, scripted: ScriptedModel
) -> None:
    async with Asker(server, prices=Prices(Decimal("0.5"))) as asker:
        image, images, roof = await asker.embed(TEXTS)
        alone = await asker.embed(TEXTS[2:])
    assert [sum(number * number for number in each) for each in (image, images, roof)] == pytest.approx([1, 1, 1])
    assert len(roof) == LENGTH
    assert image == images
    assert roof == alone[0] != image
    call = asker.calls[0]
    assert (call.outcome, call.prompt, call.model, call.answered_by) == (Outcome.OK, "embed.v1", *["vectors-1"] * 2)
    tokens = sum(map(len, TEXTS)) // 4
    assert call.usage is not None
    assert (call.usage.prompt_tokens, call.usage.answer_tokens, call.usage.reported) == (tokens, 0, True)
    assert (call.cost.tokens, call.cost.micros) == (tokens, -(-tokens // 2))
    assert asker.ledger["run"].spent == asker.calls[0].cost + asker.calls[1].cost
    assert list(scripted.seen[0].material.values()) == TEXTS


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault.HANG, Outcome.TIMEOUT),
        (Fault.STALL, Outcome.STALLED),
        (Fault.DRIP, Outcome.TIMEOUT),
        (Fault.CUT, Outcome.CUT_OFF),
        (Fault.TOO_MANY, Outcome.RATE_LIMITED),
        (Fault.ERROR_500, Outcome.SERVER_ERROR),
        (Fault.ERROR_503, Outcome.SERVER_ERROR),
        (Fault.UNAUTHORIZED, Outcome.REJECTED),
        (Fault.TEN_MEGABYTES, Outcome.TOO_LARGE),
        (Fault.PACKED, Outcome.MALFORMED),
        (Fault.NOT_JSON, Outcome.MALFORMED),
        (Fault.CUT_JSON, Outcome.MALFORMED),
        (Fault.BROKEN_SCHEMA, Outcome.UNUSABLE),
        (Fault.DUPLICATES, Outcome.UNUSABLE),
    ],
)
async def test_p26_every_fault_is_told_by_its_name_and_paid_for(
    server: ScriptedServer, scripted: ScriptedModel, fault: Fault, outcome: Outcome
) -> None:
    impatient = {
        Fault.HANG: replace(PATIENT, whole=0.3),
        Fault.STALL: replace(PATIENT, between_bytes=0.2),
        Fault.DRIP: replace(PATIENT, whole=0.3),
    }
    scripted.misbehave(fault, task="embed")
    async with Asker(server, timeouts=impatient.get(fault, PATIENT)) as asker:
        failed = await asker.refused()
    assert failed.outcome is outcome
    assert KEY not in str(failed)
    (call,) = asker.calls
    assert call.outcome is outcome
    assert asker.ledger["run"].spent == call.cost


@pytest.mark.parametrize("fault", [Fault.NO_USAGE, Fault.ABSURD_USAGE])
async def test_p26_usage_that_is_not_reported_is_charged_as_estimated(
    server: ScriptedServer, scripted: ScriptedModel, fault: Fault
) -> None:
    scripted.misbehave(fault)
    async with Asker(server) as asker:
        await asker.embed(TEXTS)
    assert asker.ledger["run"].spent.tokens > sum(map(len, TEXTS))


async def test_p26_call_without_budget_is_never_sent(server: ScriptedServer, scripted: ScriptedModel) -> None:
    async with Asker(server, Limits(tokens=50)) as asker:
        assert isinstance(await asker.refused(), BudgetExhausted)
    assert scripted.seen == []


async def test_what_may_pass_is_tried_again(server: ScriptedServer, scripted: ScriptedModel) -> None:
    scripted.misbehave(Fault.ERROR_503, 2)
    async with Asker(server, retries=Retries(3, 0.001, 0.002)) as asker:
        assert len(await asker.embed(TEXTS)) == 3
    assert [call.attempt for call in asker.calls] == [1, 2, 3]


@pytest.mark.parametrize("texts", [[], ["a"] * (MOST_AT_ONCE + 1)])
async def test_no_more_texts_than_are_read_in_one_go(server: ScriptedServer, texts: list[str]) -> None:
    async with Asker(server) as asker:
        with pytest.raises(ValueError, match=f"1 to {MOST_AT_ONCE}"):
            await asker.embed(texts)
