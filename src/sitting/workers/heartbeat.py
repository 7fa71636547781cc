"""Says every second that this node is alive, and gives back the time in which no node was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import timedelta

import structlog

from sitting.domain.errors import SittingError
from sitting.storage.repositories.heartbeats import OwedOutage
from sitting.usecases.credit_outage import credit_outage
from sitting.usecases.note_heartbeat import note_heartbeat
from sitting.usecases.services import Services

INTERVAL_SECONDS = 1.0
RETRY_SECONDS = 0.2
"""After a failure: the first heartbeat behind an outage must come soon, since answers come as soon."""
SLOW_SECONDS = 1.0
DEFAULT_CAP = timedelta(minutes=30)

log = structlog.get_logger(__name__)


class HeartbeatWorker:
    """One for each process. Nothing beats once the node is about to stop: from then on its candidates lose time."""

    def __init__(self, services: Services, cap: timedelta) -> None:
        self._services = services
        self._cap = cap
        self._is_serving = False
        self._taken_at: float | None = None
        self._owed: tuple[OwedOutage, ...] = ()
        self._settled: set[int] = set()
        self._crediting: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Beat from now on, and return when everybody has their time back.

        Raises:
            Unavailable: the database failed; nothing beats.
        """
        await self._beat()
        self._crediting = asyncio.create_task(self._credit(), name="time credits")
        # Already now: where many get time back, that takes longer than what counts as an outage.
        self._beating = asyncio.create_task(self._beat_for_ever(), name="heartbeat")
        try:
            await self._crediting
            self._is_serving = True
            await self._beat()  # a node that dies in its first second was there for whoever came by then
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Beat no more."""
        for task in (self._beating, self._crediting):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])

    async def _beat_for_ever(self) -> None:
        """A failure is logged, and tried again."""
        due = time.monotonic() + INTERVAL_SECONDS
        while not self._services.node.is_draining:
            await asyncio.sleep(due - time.monotonic())
            try:
                await self._beat()
                due = max(due + INTERVAL_SECONDS, time.monotonic())
            except SittingError as error:
                log.warning("heartbeat_failed", code=error.code)
                due = time.monotonic() + RETRY_SECONDS
            except Exception as fault:
                log.error("heartbeat_failed", exc_info=fault)
                due = time.monotonic() + INTERVAL_SECONDS
            if self._owed and (self._crediting is None or self._crediting.done()):
                self._crediting = asyncio.create_task(self._credit_quietly(), name="time credits")

    async def _beat(self) -> None:
        services, began = self._services, time.monotonic()
        beat = await note_heartbeat(
            services.storage,
            services.node.node_id,
            clock=services.clock,
            stopwatch=_stopwatch,
            last_taken_at=self._taken_at,
            is_serving=self._is_serving,
        )
        took = time.monotonic() - began
        self._taken_at, services.node.beat_taken_at = beat.taken_at, time.monotonic()
        self._owe(beat.owed)
        services.metrics.heartbeat_seconds.observe(took)
        if took > SLOW_SECONDS:
            log.warning("heartbeat_slow", seconds=round(took, 3))
        if beat.outage is not None:
            lasted = (beat.outage.ended_at - beat.outage.began_at).total_seconds()
            services.metrics.outages.inc()
            services.metrics.outage_seconds.inc(lasted)
            log.warning("outage_seen", began_at=beat.outage.began_at.isoformat(), seconds=round(lasted, 3))

    async def _credit(self) -> None:
        services = self._services
        for each in self._owed:
            given = await credit_outage(services.storage, each, cap=self._cap, now=services.clock.now())
            self._settled.add(each.outage_id)
            services.metrics.time_credits.inc(given.credits)
            services.metrics.credited_seconds.inc(given.seconds)
            log.info("time_credited", outage_id=each.outage_id, assessments=given.credits, seconds=given.seconds)
        self._owe(self._owed)

    def _owe(self, owed: Iterable[OwedOutage]) -> None:
        """Those of them that we have not settled since we were told."""
        self._owed = tuple(each for each in owed if each.outage_id not in self._settled)
        self._services.node.owes_time = bool(self._owed)

    async def _credit_quietly(self) -> None:
        try:
            await self._credit()
        except SittingError as error:
            log.warning("crediting_failed", code=error.code)
        except Exception as fault:
            log.error("crediting_failed", exc_info=fault)


def _stopwatch() -> float:
    """Seconds by a clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
