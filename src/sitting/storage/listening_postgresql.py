"""One connection to PostgreSQL that hears what other nodes say, straight from asyncpg."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from sitting.domain.errors import Unavailable
from sitting.storage.notices import CHANNEL
from sitting.storage.url import DatabaseUrl

TIMEOUT_SECONDS = 10
PROBE_SECONDS = 10.0
APPLICATION_NAME = "sitting notices"  # as pg_stat_activity shows it


class Listening:
    """An open connection on which payloads are heard."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection
        self._ended = asyncio.Event()
        connection.add_termination_listener(self._end)

    async def until_lost(self) -> None:
        """Return once the connection is gone; it is asked every PROBE_SECONDS, since a silent one may be long dead."""
        while not self._ended.is_set():
            try:
                async with asyncio.timeout(PROBE_SECONDS):
                    await self._ended.wait()
            except TimeoutError:
                if not await self._answers():
                    return

    async def _answers(self) -> bool:
        try:
            await self._connection.execute("SELECT 1", timeout=TIMEOUT_SECONDS)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            return False
        return True

    def _end(self, _connection: object) -> None:
        self._ended.set()


@asynccontextmanager
async def listening(url: DatabaseUrl, hear: Callable[[str], None]) -> AsyncIterator[Listening]:
    """Call `hear` with every payload until the end of the block. It must not block and must not raise.

    Raises:
        Unavailable: PostgreSQL cannot be reached, or takes no listener.
    """
    settings = {"application_name": APPLICATION_NAME}
    connection: asyncpg.Connection[Any] | None = None
    try:
        try:
            connection = await asyncpg.connect(url.for_asyncpg, timeout=TIMEOUT_SECONDS, server_settings=settings)
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await connection.add_listener(CHANNEL, lambda *heard: hear(str(heard[-1])))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as fault:
            raise Unavailable() from fault
        yield Listening(connection)
    finally:
        if connection is not None:
            connection.terminate()  # nothing is under way that would have to be ended in order
