"""Closes the sockets of those who would not be let in any more."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import structlog

from sitting.delivery.manager import ConnectionManager
from sitting.domain.errors import SittingError
from sitting.identity.access import Action
from sitting.identity.standing import lost_access
from sitting.storage.hub import AccessChange
from sitting.usecases.services import Services

INTERVAL_SECONDS = 2.0

log = structlog.get_logger(__name__)


class AccessWatch:
    """Looks at everybody every INTERVAL_SECONDS, since other nodes change people too; at whom the hub names, at once.

    While the database does not answer nobody is closed: nothing is known, and nobody can write anything either.
    """

    def __init__(self, services: Services, manager: ConnectionManager) -> None:
        self._services = services
        self._manager = manager
        self._changed: set[int] = set()
        self._bell = asyncio.Event()

    async def run(self) -> None:
        """Watch, for ever; a failure is logged, and the next look makes up for it."""
        unsubscribe = self._services.storage.hub.subscribe_to_access(self._ring)
        loop = asyncio.get_running_loop()
        try:
            while True:
                next_round = loop.time() + INTERVAL_SECONDS
                await self._look()
                while await self._rung(until=next_round):
                    changed, self._changed = self._changed, set()
                    await self._look(changed)
        finally:
            unsubscribe()

    def _ring(self, change: AccessChange) -> None:
        self._changed.add(change.user_id)
        self._bell.set()

    async def _rung(self, *, until: float) -> bool:
        """Whether anybody was named before that time of the loop."""
        if asyncio.get_running_loop().time() >= until:  # bells that never stop must not keep the others waiting
            return False
        try:
            async with asyncio.timeout_at(until):
                await self._bell.wait()
        except TimeoutError:
            return False
        self._bell.clear()
        return True

    async def _look(self, user_ids: Collection[int] | None = None) -> None:
        try:
            await self.look(user_ids)
        except SittingError as error:
            log.warning("access_not_looked_at", code=error.code)
        except Exception as fault:
            log.error("access_not_looked_at", exc_info=fault)

    async def look(self, user_ids: Collection[int] | None = None) -> None:
        """Shut out those who lost their access, of these users or of all who are connected.

        Raises:
            Unavailable: the database cannot be reached.
        """
        connected = self._manager.identified(user_ids)
        if not connected:
            return
        lost = await lost_access(self._services.storage, connected, Action.TAKE_TESTS)
        for identity, refusal in lost.items():
            for connection in connected[identity]:
                log.info("access_lost", connection_id=connection.state.connection_id, code=refusal.code)
                connection.shut_out(refusal)
