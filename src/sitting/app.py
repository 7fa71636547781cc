"""Puts the parts together: one ASGI application, and its life from start to stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from fastapi import FastAPI

from sitting.api import create_api
from sitting.delivery.access_watch import AccessWatch
from sitting.delivery.draining import Drain
from sitting.delivery.endpoint import PATH, AssessmentEndpoint
from sitting.delivery.socket import Message, Receive, Send, Socket
from sitting.domain.spending import Limits
from sitting.identity.signer import Signer
from sitting.identity.tokens import TokenKeys
from sitting.kit.clock import Clock, SystemClock
from sitting.protocol.close_codes import CloseCode
from sitting.questions.embedding import Embedder
from sitting.questions.gates.settings import DEFAULTS, GateSettings
from sitting.questions.provider import Provider
from sitting.questions.provider_config import ProviderConfig
from sitting.questions.solving import SOLVE_DEFAULTS, SolveSettings
from sitting.storage.durability import require_durable
from sitting.storage.opening import open_storage
from sitting.storage.url import DatabaseUrl
from sitting.usecases.admission import AT_ONCE, MAX_LINE, Admission
from sitting.usecases.services import Capacity, MeaningAccess, ModelAccess, NodeState, Services
from sitting.web import add_pages
from sitting.workers.bank_vectors import run_bank_vectors
from sitting.workers.clock_watch import compare_clocks, run_clock_watch
from sitting.workers.head_poll import run_head_poll
from sitting.workers.heartbeat import DEFAULT_CAP, HeartbeatWorker
from sitting.workers.notice_listener import run_notice_listener
from sitting.workers.run_worker import RunWorker
from sitting.workers.sweeper import run_sweeper

ASGIApplication = Callable[[Message, Receive, Send], Awaitable[None]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MeaningConfig:
    """The model that makes vectors of questions, and the cosine from which on two mean the same."""

    provider: ProviderConfig
    least: float

    def open(self, clock: Clock) -> MeaningAccess:
        """The way to it, to be closed by whoever opened it."""
        return MeaningAccess(Embedder(self.provider, clock), self.least)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The model that questions are written by. Runs need what the extra `llm` installs.

    Attributes:
        run_limits, test_limits, runs_at_once, runs_code, solve: as in `usecases.services.ModelAccess`.
        meaning: None: near-duplicates are looked for by words alone.
    """

    provider: ProviderConfig
    run_limits: Limits
    test_limits: Limits
    runs_at_once: int
    runs_code: bool = False
    solve: SolveSettings = SOLVE_DEFAULTS
    meaning: MeaningConfig | None = None

    def open(self, clock: Clock) -> ModelAccess:
        """The way to it, to be closed by whoever opened it."""
        provider = Provider(self.provider, clock)
        return ModelAccess(
            provider,
            self.run_limits,
            self.test_limits,
            self.runs_at_once,
            runs_code=self.runs_code,
            solve=self.solve,
            meaning=None if self.meaning is None else self.meaning.open(clock),
        )


@dataclass(frozen=True, slots=True)
class AppConfig:
    """What an application is made of.

    Attributes:
        setup_secret: opens the page that makes the first administrator, while there is no user; None: no such page.
        allow_weak_durability: start although the database may lose what it committed.
        metrics_token: who shows it may read the metrics; None: whoever asks from this machine.
        max_time_credit: what one assessment gets back at most for outages; nothing: nobody gets anything.
        starts_at_once, starts_waiting: of more starts, the rest is turned away for a while.
        drain: empties the node before it ends, when whoever runs the application says so.
        model: None: nothing is written by a model, and the bank serves.
        gates: the thresholds of the gates.
    """

    database_url: DatabaseUrl
    keys: TokenKeys
    signer: Signer
    public_url: str | None = None
    allowed_origins: frozenset[str] = field(default_factory=frozenset)
    allow_weak_durability: bool = False
    setup_secret: str | None = None
    metrics_token: str | None = None
    capacity: Capacity = field(default_factory=Capacity)
    starts_at_once: int = AT_ONCE
    starts_waiting: int = MAX_LINE
    drain: Drain = field(default_factory=Drain)
    max_time_credit: timedelta = DEFAULT_CAP
    model: ModelConfig | None = None
    gates: GateSettings = DEFAULTS
    clock: Clock = field(default_factory=SystemClock)


def create_app(config: AppConfig) -> ASGIApplication:
    """The application: REST, pages and the socket, over one database.

    Starting it (its lifespan) raises RuntimeError if the database would not keep what it is told to keep.
    """
    storage = open_storage(config.database_url)
    services = Services(
        storage,
        config.keys,
        config.signer,
        config.clock,
        config.public_url,
        config.allowed_origins,
        config.metrics_token,
        node=NodeState(node_id=storage.hub.node_id),
        capacity=config.capacity,
        admission=Admission(at_once=config.starts_at_once, max_line=config.starts_waiting),
        model=None if config.model is None else config.model.open(config.clock),
        gates=config.gates,
    )
    api = create_api(services)
    add_pages(api, services, setup_secret=config.setup_secret)
    endpoint = AssessmentEndpoint(services)
    config.drain.of(services.node, endpoint.manager)
    watch = AccessWatch(services, endpoint.manager)
    heart = HeartbeatWorker(services, config.max_time_credit)
    weak = config.allow_weak_durability
    runs = None if services.model is None else RunWorker(services, services.model)
    api.router.lifespan_context = lambda _: _life(services, watch, heart, runs, allow_weak_durability=weak)
    return _with_socket(api, endpoint)


@contextlib.asynccontextmanager
async def _life(
    services: Services,
    access_watch: AccessWatch,
    heart: HeartbeatWorker,
    runs: RunWorker | None = None,
    *,
    allow_weak_durability: bool,
) -> AsyncIterator[None]:
    storage = services.storage
    await require_durable(storage.database, allow_weak=allow_weak_durability)
    if runs is not None:
        await runs.start()  # before the first heartbeat: it holds everything up for longer than one may be late
    await storage.journal.start()
    await compare_clocks(services)
    await heart.start()  # before anybody is let in, and before the first sweep: who is owed time must not be closed
    workers = [
        asyncio.create_task(run_sweeper(services), name="sweeper"),
        asyncio.create_task(access_watch.run(), name="access watch"),
        asyncio.create_task(run_clock_watch(services), name="clock watch"),
        asyncio.create_task(run_notice_listener(services), name="notice listener"),
        asyncio.create_task(run_head_poll(services), name="head poll"),
        asyncio.create_task(run_bank_vectors(services), name="vectors of the bank"),
        *([] if runs is None else [asyncio.create_task(runs.run(), name="runs")]),
    ]
    try:
        yield
    finally:
        services.node.is_draining = True
        try:
            await _end(workers)
            if runs is not None:
                await runs.stop()
            await heart.stop()
            await storage.journal.stop()
        finally:
            if services.model is not None:
                await services.model.close()
            await storage.database.close()


async def _end(workers: Sequence[asyncio.Task[None]]) -> None:
    """Cancel them and wait; one that had died is in the way of nothing."""
    for worker in workers:
        worker.cancel()
    for fault in await asyncio.gather(*workers, return_exceptions=True):
        if isinstance(fault, Exception):
            log.error("worker_died", exc_info=fault)


def _with_socket(api: FastAPI, endpoint: AssessmentEndpoint) -> ASGIApplication:
    """The socket stands beside FastAPI, not in it: a connection costs half the memory so."""

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await api(scope, receive, send)
        elif scope["path"] == PATH:
            await endpoint(scope, receive, send)
        else:
            socket = Socket(receive, send)
            await socket.accept(None)
            await socket.close(CloseCode.NOT_FOUND, "no such socket")

    return application
