"""Works on runs of the question graph: takes up what waits, keeps its leases, and gives all back before the node ends.

Whatever it holds, another node may take up when the lease runs out: it writes nothing that the lease does not allow.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from sitting.domain.errors import SittingError, Unavailable
from sitting.domain.run import Lease, Run, RunKind
from sitting.questions.sandbox import SandboxRefused
from sitting.storage.errors import LeaseLost
from sitting.storage.hub import Move, Moved
from sitting.storage.unit_of_work import UnitOfWork
from sitting.usecases.services import ModelAccess, Services

if TYPE_CHECKING:
    from sitting.workers.run_desk import Workshop

LEASE = timedelta(seconds=10)
"""How long after the death of a node its runs stand still at most."""
RENEW_SECONDS = 3.0
LOOK_SECONDS = 1.0
"""Between two looks for runs that wait, where no candidate of this node moves on meanwhile."""
CHUNK = 500
FAULT = "Something went wrong on the server; its log says what."
LEFT = "The node that asked for the skill graph stopped before there was an answer."

Drive = Callable[["Workshop", Run], Awaitable[None]]

log = structlog.get_logger(__name__)


class RunWorker:
    """One for each process that asks a model."""

    def __init__(self, services: Services, model: ModelAccess) -> None:
        self._services = services
        self._model = model
        self._held: dict[Lease, asyncio.Task[None]] = {}
        self._authoring: set[Lease] = set()
        self._moved: dict[int, Move] = {}
        self._bell = asyncio.Event()
        self._drive: Drive | None = None
        self._shop: Workshop | None = None

    async def start(self) -> None:
        """Load what drives runs. This takes seconds, in which hardly anything else on the node goes on.

        Raises:
            RuntimeError: code is to be run, and cannot be run safely on this machine.
        """
        self._drive, open_workshop = await asyncio.to_thread(_driving)
        try:
            self._shop = await open_workshop(self._services, self._model)
        except SandboxRefused as fault:
            raise RuntimeError(f"SITTING_CODE_SANDBOX is set, and {fault}") from None

    async def run(self) -> None:
        """Work until the node is about to end, or for ever; a failure is logged, and the next look makes up for it."""
        unsubscribe = self._services.storage.hub.subscribe_to_moves(self._ring)
        keeping = asyncio.create_task(self._keep_for_ever(), name="leases of runs")
        try:
            while not self._services.node.is_draining:
                await self._look_quietly()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._bell.wait()
                self._bell.clear()
        finally:
            unsubscribe()
            keeping.cancel()
        await self.stop()

    async def stop(self) -> None:
        """Put everything down where it stands, for other nodes to take up at once. Doing it again changes nothing."""
        tasks = list(self._held.values())
        for task in tasks:
            if not task.cancelling():  # a second time would keep it from putting its things in order
                task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for lease in list(self._held):
            await self._give_back(lease)
            self._let_go(lease)

    def _ring(self, moved: Moved) -> None:
        self._moved[moved.assessment_id] = moved.move
        self._bell.set()

    async def _look_quietly(self) -> None:
        try:
            await self.look()
        except SittingError as error:
            log.warning("runs_not_taken", code=error.code)
        except Exception as fault:
            log.error("runs_not_taken", exc_info=fault)

    async def look(self) -> None:
        """See to the runs of candidates who have moved, and take up what waits, as far as there is room.

        Raises:
            Unavailable: the database cannot be reached.
        """
        moved, self._moved = self._moved, {}
        now = self._services.clock.now()
        try:
            await self._tell_runs(moved, now)
            async with self._services.storage.unit_of_work() as unit:
                await unit.runs.close_left(now=now, limit=CHUNK, failure=LEFT)
                taken = await self._claim(unit, now)
        except BaseException:
            self._moved = moved | self._moved
            raise
        for run in taken:
            self._take_up(run)

    async def _tell_runs(self, moved: Mapping[int, Move], now: datetime) -> None:
        """Close the runs of those who have ended, many at once, and wake those of others, each by itself.

        A run that has just been stored with the start waits anyhow.
        """
        ended, waking = (
            sorted(each for each, move in moved.items() if move is which) for which in (Move.END, Move.STEP)
        )
        for first in range(0, len(ended), CHUNK):
            async with self._services.storage.unit_of_work() as unit:
                waking += await unit.runs.close_resting(ended[first : first + CHUNK], now=now)
        for assessment_id in waking:
            async with self._services.storage.unit_of_work() as unit:
                await unit.runs.wake(assessment_id, now=now)

    async def _claim(self, unit: UnitOfWork, now: datetime) -> list[Run]:
        """Live runs first, since somebody waits; authoring runs never get more than half of the room."""
        node_id, most = self._services.node.node_id, self._model.runs_at_once
        taken: list[Run] = []
        for kind, room in ((RunKind.LIVE, most), (RunKind.AUTHORING, max(1, most // 2) - len(self._authoring))):
            limit = min(room, most - len(self._held) - len(taken))
            if limit > 0:
                taken += await unit.runs.claim(node_id, now=now, lease=LEASE, limit=limit, kind=kind)
        return taken

    def _take_up(self, run: Run) -> None:
        task = asyncio.create_task(self._work_on(run), name=f"run {run.run_id}")
        self._held[run.lease] = task
        if run.kind is RunKind.AUTHORING:
            self._authoring.add(run.lease)

    def _let_go(self, lease: Lease) -> asyncio.Task[None] | None:
        self._authoring.discard(lease)
        return self._held.pop(lease, None)

    async def _work_on(self, run: Run) -> None:
        """Drive it to where it rests or ends; if this is cancelled, it stays held, for `stop` to give back."""
        assert self._drive is not None
        assert self._shop is not None
        try:
            await self._drive(self._shop, run)
        except LeaseLost:
            log.info("run_lost", run_id=run.run_id)
        except Exception as fault:
            if _is_cancelled():  # whatever else this has led to
                return
            await self._note_fault(run, fault)
        self._let_go(run.lease)
        self._bell.set()  # there is room

    async def _note_fault(self, run: Run, fault: Exception) -> None:
        """Close the run, for it would fail again; not if it was the database: its lease runs out, and that is all."""
        if isinstance(fault, Unavailable):
            log.warning("run_interrupted", run_id=run.run_id)
            return
        log.error("run_failed", run_id=run.run_id, exc_info=fault)
        with contextlib.suppress(LeaseLost, Unavailable):
            async with self._services.storage.unit_of_work() as unit:
                await unit.runs.finish(run.lease, now=self._services.clock.now(), failure=FAULT)

    async def _give_back(self, lease: Lease) -> None:
        with contextlib.suppress(LeaseLost, Unavailable):  # then the lease runs out by itself
            async with self._services.storage.unit_of_work() as unit:
                await unit.runs.give_back(lease, now=self._services.clock.now())
            log.info("run_given_back", run_id=lease.run_id)

    async def _keep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self.keep()
            except SittingError as error:
                log.warning("leases_not_renewed", code=error.code)
            except Exception as fault:
                log.error("leases_not_renewed", exc_info=fault)

    async def keep(self) -> None:
        """Renew all leases, and put down at once what is somebody else's, or over.

        Raises:
            Unavailable: the database cannot be reached.
        """
        if not self._held:
            return
        async with self._services.storage.unit_of_work() as unit:
            lost = await unit.runs.renew(list(self._held), until=self._services.clock.now() + LEASE)
        for lease in lost:
            task = self._let_go(lease)
            if task is not None:  # else it came to its end meanwhile
                task.cancel()
                log.info("run_lost", run_id=lease.run_id)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _driving() -> tuple[Drive, Callable[[Services, ModelAccess], Awaitable[Workshop]]]:
    from sitting.workers.run_driving import drive, open_workshop  # noqa: PLC0415  slow, and an extra

    return drive, open_workshop
