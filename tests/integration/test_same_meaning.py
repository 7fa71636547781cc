"""Runs look for what is there in other words, by vectors that are made once, paid for, and erased with the text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from sitting.domain.proposal import Proposal
from sitting.domain.question import Difficulty, QuestionContent
from sitting.domain.run import Run, RunStatus
from sitting.domain.spending import Limits
from sitting.kit.clock import SystemClock
from sitting.questions.embedding import PATH, Embedder, normalised
from sitting.questions.gates.meaning import SAME_MEANING
from sitting.questions.gates.text import read_text
from sitting.questions.provider_breaker import Breaker
from sitting.questions.provider_calls import ModelFailed
from sitting.questions.provider_config import Prices, ProviderConfig
from sitting.questions.provider_retry import Retries
from sitting.rehearsal.scripted_faults import Fault
from sitting.rehearsal.scripted_model import ScriptedModel
from sitting.storage.graph_tables import content_vectors, model_calls
from sitting.storage.unit_of_work import Storage
from sitting.usecases.erase_user import erase_user
from sitting.usecases.services import MeaningAccess
from sitting.workers import bank_vectors
from sitting.workers.bank_vectors import make_bank_vectors
from tests.support.builders import make_content
from tests.support.clock import NOON
from tests.support.eventually import eventually_async
from tests.support.graph_runs import PATIENT, Killed, World, known, one_skill
from tests.support.run_nodes import (
    SKILL,
    Node,
    at_written,
    comes_to,
    dealt_with,
    handed_in,
    live_run_of,
    progress_of,
    run_node,
    wish_for,
)
from tests.support.scripted_model import ScriptedServer
from tests.support.storage import rows

DONE, FAILED = RunStatus.DONE, RunStatus.FAILED
IMAGE = "What is a container image?"
PARAPHRASE = "From which frozen template does an isolated process start?"
MODEL = "vectors-1"


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(ScriptedModel(retry_after=0)) as running:
        yield running


@pytest.fixture
def scripted(server: ScriptedServer) -> ScriptedModel:
    server.model.behave()
    server.model.seen.clear()
    return server.model


@asynccontextmanager
async def embedder(server: ScriptedServer, model: str = MODEL, **config: Any) -> AsyncIterator[MeaningAccess]:
    made_for: dict[str, Any] = {"streaming": False, "timeouts": PATIENT, "retries": Retries(1), "path": PATH}
    config = made_for | config
    async with Embedder(
        ProviderConfig(server.base_url, model, **config), SystemClock(), Breaker(failures=1000)
    ) as made:
        yield MeaningAccess(made)


@asynccontextmanager
async def comparing_node(storage: Storage, server: ScriptedServer, **access: Any) -> AsyncIterator[Node]:
    """A node that has made the vectors of the bank, and looks for duplicates by meaning."""
    async with embedder(server) as meaning:
        await make_bank_vectors(storage, meaning)
        async with run_node(storage, server, meaning=meaning, **access) as node:
            yield node


async def in_bank(storage: Storage, question_id: str, content: QuestionContent) -> None:
    async with storage.unit_of_work() as unit:
        await unit.questions.create(question_id, content, slug=None, by=None, now=NOON)


def paraphrase(**changes: Any) -> QuestionContent:
    """Asks for what IMAGE does, in words of which hardly any are the same; of a difficulty that no run here wants."""
    return make_content(7, text=PARAPHRASE, skill=SKILL, difficulty=Difficulty.HARD, **changes)


def mean_the_same(scripted: ScriptedModel) -> None:
    scripted.same |= {IMAGE: "an image", PARAPHRASE: "an image"}


def as_shown(stems: Iterable[str]) -> list[str]:
    return [read_text(stem, inline=False).shown for stem in stems]


def verdict_of(proposal: Proposal) -> dict[str, Any]:
    (found,) = [each for each in json.loads(proposal.evidence) if each["gate"] == SAME_MEANING]
    return dict(found)


def texts_seen(scripted: ScriptedModel) -> list[str]:
    return [text for seen in scripted.seen if seen.task == "embed" for text in seen.material.values()]


async def finished(storage: Storage, run: Run) -> Sequence[Proposal]:
    ended = await comes_to(storage, run.run_id, DONE, FAILED)
    assert (ended.status, ended.failure) == (DONE, None)
    return await handed_in(storage, run.run_id)


async def test_p26_question_that_the_bank_has_in_other_words_is_refused_and_others_are_not(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    await in_bank(storage, "q_there", paraphrase())
    mean_the_same(scripted)
    run = await wish_for(storage)
    async with comparing_node(storage, server):
        proposals = await finished(storage, run)
    assert len(proposals) == 4
    assert IMAGE not in {each.content.text for each in proposals}
    for each in proposals:
        said = verdict_of(each)
        assert said["outcome"] == "passed"
        assert said["evidence"]["model"] == MODEL
        assert said["evidence"]["nearest"]["similarity"] < 0.9
        assert (said["evidence"]["compared"]["the bank"], said["evidence"]["without_vector"]) == (1, 0)
    (reason,) = set(progress_of(await comes_to(storage, run.run_id, DONE))["plan"]["reasons"])
    assert SAME_MEANING in reason


async def test_words_alone_do_not_find_it(storage: Storage, server: ScriptedServer, scripted: ScriptedModel) -> None:
    await in_bank(storage, "q_there", paraphrase())
    mean_the_same(scripted)
    run = await wish_for(storage)
    async with run_node(storage, server):
        assert IMAGE in {each.content.text for each in await finished(storage, run)}
    assert texts_seen(scripted) == []


async def test_items_of_one_run_differ_in_meaning(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    scripted.same |= dict.fromkeys(as_shown(known()), "all the same")
    run = await wish_for(storage)
    async with comparing_node(storage, server):
        proposals = await finished(storage, run)
    assert len(proposals) == 1


async def test_p26_candidate_is_not_asked_in_other_words_what_their_paper_holds(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    """The paper holds `What is n + n?` for each place, none of which the scripted model would write."""
    scripted.same |= {"What is 3 + 3?": "same", **dict.fromkeys(as_shown(known()), "same")}
    async with comparing_node(storage, server):
        seat = await at_written(storage)
        run = await live_run_of(storage, seat)
        assert run is not None
        plan = await dealt_with(storage, run, 2, 3)
    assert plan.get("prepared", ()) == []
    assert all(SAME_MEANING in each["reason"] for each in plan["given_up"])
    assert await handed_in(storage, run.run_id) == []


@pytest.mark.parametrize("fault", [Fault.ERROR_500, Fault.NOT_JSON, Fault.DUPLICATES])
async def test_p26_nothing_leaves_a_run_that_could_not_be_compared(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel, fault: Fault
) -> None:
    scripted.misbehave(fault, None, task="embed")
    run = await wish_for(storage, accept=True)
    async with run_node_with(storage, server):
        ended = await comes_to(storage, run.run_id, DONE, FAILED)
    assert await handed_in(storage, run.run_id) == []
    async with storage.reading() as unit:
        assert await unit.questions.digests() == {}
    assert f"unchecked by {SAME_MEANING}" in json.dumps(progress_of(ended))


async def test_p26_bank_serves_a_candidate_where_nothing_can_be_compared(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    scripted.misbehave(Fault.ERROR_503, None, task="embed")
    async with run_node_with(storage, server):
        seat = await at_written(storage)
        run = await live_run_of(storage, seat)
        assert run is not None
        plan = await dealt_with(storage, run, 2, 3)
    assert plan.get("prepared", ()) == []
    assert await handed_in(storage, run.run_id) == []


async def test_bank_without_vectors_holds_nobody_up(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    await in_bank(storage, "q_there", paraphrase())
    mean_the_same(scripted)
    run = await wish_for(storage)
    async with run_node_with(storage, server):
        proposals = await finished(storage, run)
    assert IMAGE in {each.content.text for each in proposals}
    assert {verdict_of(each)["evidence"]["without_vector"] for each in proposals} == {1}


async def test_p26_run_pays_for_its_vectors_and_each_call_is_recorded(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    run = await wish_for(storage)
    async with comparing_node(storage, server):
        await finished(storage, run)
    ended = await comes_to(storage, run.run_id, DONE)
    calls = await rows(storage, model_calls, run_id=run.run_id)
    assert len(calls) == len(scripted.seen)
    vectors = [call for call in calls if call.prompt == "embed.v1"]
    assert len(vectors) == len([seen for seen in scripted.seen if seen.task == "embed"]) == 2, "one for each order"
    assert {(call.model, call.outcome) for call in vectors} == {(MODEL, "ok")}
    assert sum(call.prompt_tokens + call.answer_tokens for call in calls) == ended.spent.tokens


async def test_p26_vectors_are_not_asked_for_beyond_the_budget(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    run = await wish_for(storage, limits=Limits(micros=1000))  # of which the model that writes takes none
    async with (
        embedder(server, prices=Prices(Decimal(1_000_000))) as meaning,
        run_node(storage, server, meaning=meaning),
    ):
        ended = await comes_to(storage, run.run_id, DONE, FAILED)
    assert "budget_exhausted: the run has 1000 micros left" in (ended.failure or "")
    assert (ended.spent.micros, texts_seen(scripted)) == (0, [])
    assert await handed_in(storage, run.run_id) == []


async def test_run_that_is_killed_at_the_end_of_any_node_compares_nothing_again(
    server: ScriptedServer, scripted: ScriptedModel
) -> None:
    scripted.misbehave(Fault.WRONG_KEY, 1, "write_items")
    async with World(server, compares=True) as whole:
        await whole.authoring(one_skill(questions=3)).advance()
    assert [len(stems) for stems in whole.compared] == [2, 3], "those that passed the gates before; all, repaired"
    for at in range(1, len(whole.told) + 1):
        scripted.misbehave(Fault.WRONG_KEY, 1, "write_items")
        async with World(server, compares=True, die_at=at) as world:
            with pytest.raises(Killed):
                await world.authoring(one_skill(questions=3)).advance()
            await world.authoring(one_skill(questions=3)).advance()
        assert world.compared == whole.compared, f"died at the end of {whole.told[at - 1].node}"
        assert len(world.handed_in) == 3


async def test_no_text_is_read_twice(storage: Storage, server: ScriptedServer, scripted: ScriptedModel) -> None:
    await in_bank(storage, "q_there", paraphrase())
    for wish in ("first", "second"):
        run = await wish_for(storage, accept=wish == "first")
        async with comparing_node(storage, server):
            await comes_to(storage, run.run_id, DONE)
    texts = texts_seen(scripted)
    assert len(texts) == 6, "the bank's, and those of five items"
    assert len(set(texts)) == 6
    assert len(await rows(storage, content_vectors)) == 6
    async with embedder(server, "another") as meaning:
        assert await make_bank_vectors(storage, meaning) == 6, "another model means something else"
        assert await make_bank_vectors(storage, meaning) == 0


async def test_vectors_that_were_made_before_a_failure_stay(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    for number in range(1, 21):
        await in_bank(storage, f"q_{number}", make_content(number))
    async with embedder(server) as meaning:
        scripted.misbehave(Fault.NO_USAGE, 1)  # the first request does well
        scripted.misbehave(Fault.ERROR_500, 1)
        with pytest.raises(ModelFailed):
            await make_bank_vectors(storage, meaning)
        assert len(await rows(storage, content_vectors)) == 16
        assert await make_bank_vectors(storage, meaning) == 4


async def test_vectors_of_another_length_let_nothing_through(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    content = paraphrase()
    await in_bank(storage, "q_there", content)
    async with storage.unit_of_work() as unit:
        await unit.vectors.put(MODEL, {content.digest(): normalised([1.0, 2.0])})
    run = await wish_for(storage)
    async with comparing_node(storage, server):
        ended = await comes_to(storage, run.run_id, DONE, FAILED)
    assert await handed_in(storage, run.run_id) == []
    assert f"unchecked by {SAME_MEANING}: unusable" in json.dumps(progress_of(ended))


async def test_node_makes_the_vectors_of_its_bank_and_goes_on_where_the_model_failed(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank_vectors, "LOOK_SECONDS", 0.05)
    await in_bank(storage, "q_first", make_content(1))
    scripted.misbehave(Fault.ERROR_500, 2, task="embed")

    async def are_made(wanted: int) -> None:
        assert len(await rows(storage, content_vectors)) == wanted

    async with run_node_with(storage, server) as node:
        task = asyncio.create_task(bank_vectors.run_bank_vectors(node.services))
        await eventually_async(lambda: are_made(1))
        await in_bank(storage, "q_second", make_content(2))
        await eventually_async(lambda: are_made(2))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert len(texts_seen(scripted)) == 4, "twice in vain, and each once"


async def test_p27_vectors_of_what_was_written_for_an_erased_person_go_with_the_words(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    async with comparing_node(storage, server):
        seat = await at_written(storage)
        run = await live_run_of(storage, seat)
        assert run is not None
        await dealt_with(storage, run, 2, 3)
    written = {each.content.digest() for each in await handed_in(storage, run.run_id)}
    assert len(written) == 2
    before = {row.content_digest for row in await rows(storage, content_vectors)}
    assert before > written
    await seat.finish(at=NOON + timedelta(minutes=9))
    user_id = seat.live.assessment.user_id
    await erase_user(storage, user_id, reason="asked for it", by=None, now=NOON + timedelta(days=400))
    assert {row.content_digest for row in await rows(storage, content_vectors)} == before - written


@asynccontextmanager
async def run_node_with(storage: Storage, server: ScriptedServer, **access: Any) -> AsyncIterator[Node]:
    """A node that looks for duplicates by meaning, over a bank that nobody has made vectors of."""
    async with embedder(server) as meaning, run_node(storage, server, meaning=meaning, **access) as node:
        yield node
