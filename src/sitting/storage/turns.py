"""Who writes next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum


class Urgency(IntEnum):
    """Who goes before whom.

    Attributes:
        NOW: a candidate waits for it, answer by answer. SOON: somebody waits. LATER: nobody does.
    """

    NOW = 0
    SOON = 1
    LATER = 2


class Turns:
    """A lock for which the more urgent do not wait behind the less urgent; those alike follow in the order they came.

    It is handed on, so that whoever comes again, and was the only one of their kind, has let another one go before.
    """

    def __init__(self) -> None:
        self._is_taken = False
        self._waiting: dict[Urgency, deque[asyncio.Future[None]]] = {each: deque() for each in Urgency}

    @asynccontextmanager
    async def turn(self, urgency: Urgency) -> AsyncIterator[None]:
        """Have the turn within the block."""
        await self._take(self._waiting[urgency])
        try:
            yield
        finally:
            self._hand_on()

    async def _take(self, waiting: deque[asyncio.Future[None]]) -> None:
        if not self._is_taken:
            self._is_taken = True
            return
        called = asyncio.get_running_loop().create_future()
        waiting.append(called)
        try:
            await called
        except asyncio.CancelledError:
            if not called.cancelled():  # its turn came in the same moment
                self._hand_on()
            raise

    def _hand_on(self) -> None:
        for waiting in self._waiting.values():
            while waiting:
                called = waiting.popleft()
                if not called.done():  # else whoever it was has given up
                    called.set_result(None)
                    return
        self._is_taken = False
