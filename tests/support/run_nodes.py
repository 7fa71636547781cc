"""Nodes that work on runs, over a storage of the tests, with the scripted model; and what their runs are about."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from sitting.domain.blueprint import Blueprint, Generated, Navigation, PublishedVersion, Section
from sitting.domain.proposal import Proposal
from sitting.domain.question import Difficulty
from sitting.domain.run import Run, RunStatus
from sitting.domain.skill_graph import Skill, SkillGraph
from sitting.domain.spending import Limits
from sitting.kit.clock import SystemClock
from sitting.kit.ids import random_id
from sitting.questions.provider import Provider
from sitting.questions.provider_breaker import Breaker
from sitting.questions.provider_config import ProviderConfig, Timeouts
from sitting.questions.provider_retry import Retries
from sitting.questions.publication import publish
from sitting.questions.wishes import AuthoringWish
from sitting.storage.repositories.proposals import ProposalFilter
from sitting.storage.unit_of_work import Storage
from sitting.usecases.services import ModelAccess, Services
from sitting.workers.run_worker import RunWorker
from tests.support.builders import Seat, begin, invite, make_content
from tests.support.clock import NOON
from tests.support.eventually import eventually_async
from tests.support.graph_runs import PATIENT
from tests.support.rest import make_services
from tests.support.runs import queue_run, stored
from tests.support.scripted_model import ScriptedServer

SKILL = "Containers"
GRAPH = SkillGraph((Skill(SKILL, depth=2, questions=5),))
"""Three easy questions and two medium ones; the scripted model knows three of each."""


class Node:
    """A process of Sitting as far as runs go. `kill` leaves everything as it is."""

    def __init__(self, services: Services, model: ModelAccess) -> None:
        self.services = services
        self.worker = RunWorker(services, model)
        self.is_dead = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.worker.start()
        self._task = asyncio.create_task(self.worker.run())

    async def drain(self) -> None:
        """Told to stop, and left alone until the worker has ended by itself."""
        assert self._task is not None
        self.services.node.is_draining = True
        self.worker._bell.set()
        await asyncio.wait_for(self._task, 20)

    async def kill(self) -> None:
        """Nothing of it goes on; what it wrote and holds stays."""
        assert self._task is not None
        self.is_dead = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        held, self.worker._held = self.worker._held, {}
        for task in held.values():
            task.cancel()
        await asyncio.gather(*held.values(), return_exceptions=True)


@asynccontextmanager
async def run_node(
    storage: Storage, server: ScriptedServer, *, timeouts: Timeouts = PATIENT, **access: Any
) -> AsyncIterator[Node]:
    """A node that works on runs until the end of the block, and then stops in order; `access` as for ModelAccess."""
    config = ProviderConfig(server.base_url, server.name, timeouts=timeouts, retries=Retries(2, 0.001, 0.002))
    async with Provider(config, SystemClock(), Breaker(failures=6, seconds=60)) as provider:
        model = ModelAccess(provider, **access)
        node = Node(make_services(storage, SystemClock(), model=model), model)
        await node.start()
        try:
            yield node
        finally:
            if not node.is_dead:
                await node.drain()


async def wish_for(storage: Storage, graph: SkillGraph = GRAPH, *, accept: bool = False, **what: Any) -> Run:
    """An authoring run that waits for a node."""
    wish = msgspec.json.encode(AuthoringWish(graph, accept=accept)).decode()
    return await queue_run(storage, wish=wish, **what)


async def publish_written(storage: Storage, **rules: Any) -> PublishedVersion:
    """A Test whose five questions are written along GRAPH, over a bank that has just the reserves."""
    difficulties = [Difficulty.EASY] * 3 + [Difficulty.MEDIUM] * 2
    async with storage.unit_of_work() as unit:
        questions = [
            await unit.questions.create(
                random_id("q", 8), make_content(n, skill=SKILL, difficulty=difficulty), slug=None, by=None, now=NOON
            )
            for n, difficulty in enumerate(difficulties, 1)
        ]
    generated = Generated(GRAPH, **rules.pop("generated", {}))
    usual: dict[str, Any] = {"sections": (Section("written", generated=generated),), "time_limit_minutes": 30}
    blueprint = Blueprint("Written", navigation=Navigation.LINEAR, **usual | rules)
    made = publish(blueprint, {question.question_id: question for question in questions})
    async with storage.unit_of_work() as unit:
        test = await unit.blueprints.create(blueprint, by=None, now=NOON)
        return await unit.blueprints.add_version(
            test.test_id, 1, blueprint, made.snapshot, overlap=made.overlap, by=None, now=NOON
        )


async def at_written(storage: Storage, *, live_run: Limits | None = Limits(), **rules: Any) -> Seat:  # noqa: B008
    """Somebody new at work on such a Test."""
    return await begin(storage, await invite(storage, await publish_written(storage, **rules)), live_run=live_run)


async def live_run_of(storage: Storage, seat: Seat) -> Run | None:
    async with storage.reading() as unit:
        return await unit.runs.of_assessment(seat.assessment_id)


async def comes_to(storage: Storage, run_id: str, *wanted: RunStatus, within: float = 30) -> Run:
    """The run, once it stands so."""

    async def look() -> Run:
        run = await stored(storage, run_id)
        assert run.status in wanted, (run.status, run.progress, run.failure)
        return run

    return await eventually_async(look, within=within)


async def ready_at(storage: Storage, seat: Seat, *positions: int, within: float = 30) -> None:
    """Wait until just these places of the paper have had a question ready."""

    async def look() -> None:
        async with storage.reading() as unit:
            assert sorted(await unit.prepared.of_assessment(seat.assessment_id)) == sorted(positions)

    await eventually_async(look, within=within)


async def dealt_with(storage: Storage, run: Run, *positions: int, within: float = 30) -> dict[str, Any]:
    """Wait until the live run has something ready for just these places, or has left them to the bank; its plan."""

    async def look() -> dict[str, Any]:
        plan: dict[str, Any] = progress_of(await stored(storage, run.run_id)).get("plan", {})
        found = [*plan.get("prepared", ()), *(each["position"] for each in plan.get("given_up", ()))]
        assert sorted(found) == sorted(positions)
        return plan

    return await eventually_async(look, within=within)


async def handed_in(storage: Storage, run_id: str) -> list[Proposal]:
    async with storage.reading() as unit:
        return await unit.proposals.list_page(limit=100, wanted=ProposalFilter(state=None, run_id=run_id))


def progress_of(run: Run) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run.progress)
    return told
