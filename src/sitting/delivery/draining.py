"""Before a node ends: it takes nobody new, and sends those who are here elsewhere, a few at a time."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterator

import structlog

from sitting.delivery.connection import Connection
from sitting.delivery.manager import ConnectionManager
from sitting.usecases.services import NodeState

DRAIN_SECONDS = 5.0
MOST_APART_SECONDS = 0.1  # the next socket closes so much later at most: few people need no spreading
LINGER_SECONDS = 2.0  # for frames that are still being dealt with when the last socket was told
_TICK_SECONDS = 0.05

log = structlog.get_logger(__name__)


class Drain:
    """Empties one node. Made before the application, which tells it whom there is to let go.

    Attributes:
        seconds: over how long all sockets are closed, at most; 0 closes all at once.
    """

    def __init__(self, seconds: float = DRAIN_SECONDS) -> None:
        self.seconds = seconds
        self._hurried = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._node: NodeState | None = None
        self._manager: ConnectionManager | None = None

    def of(self, node: NodeState, manager: ConnectionManager) -> None:
        """This is the node, and those are its sockets."""
        self._node, self._manager = node, manager

    def hurry(self) -> None:
        """Tell all that are left at once. May be called by a signal's handler, and before `run`."""
        if self._loop is None:
            self._hurried.set()
        else:
            self._loop.call_soon_threadsafe(self._hurried.set)

    async def run(self) -> None:
        """Take no more starts and sockets, and close the open ones with 1012, each behind the frames that it has sent.

        Ends when none is left, and LINGER_SECONDS after the last was told in any case.
        """
        if self._node is None or self._manager is None:
            return
        self._node.is_draining = True
        log.info("draining", sockets=len(self._manager))
        self._loop = loop = asyncio.get_running_loop()
        for connection, at in self._turns(loop.time()):
            if connection in self._manager:  # else it has gone by itself
                await self._wait(until=at)
                connection.send_elsewhere()
        give_up_at = loop.time() + LINGER_SECONDS
        while (left := self._manager.everybody()) and loop.time() < give_up_at:
            for connection in left:  # some were being let in when the drain began
                connection.send_elsewhere()
            await asyncio.sleep(_TICK_SECONDS)
        log.info("drained", sockets=len(left))

    async def _wait(self, *, until: float) -> None:
        """Until that time of the loop; not at all once we were told to hurry."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._hurried.wait()

    def _turns(self, begin: float) -> Iterator[tuple[Connection, float]]:
        """Those who are here, in an order of chance, and when each is to go, in the loop's time."""
        assert self._manager is not None
        connections = self._manager.everybody()
        random.shuffle(connections)
        apart = min(self.seconds / max(1, len(connections)), MOST_APART_SECONDS)
        for place, connection in enumerate(connections):
            yield connection, begin + place * apart
