"""Overload turns away new starts before anything else: they are the only thing that can wait."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sitting.domain.errors import Unavailable

AT_ONCE = 64
MAX_LINE = 6000
MAX_WAIT_SECONDS = 8.0  # less than what clients wait for a reply
MAX_BACKLOG = 1000
LEAST_RETRY_SECONDS = 2.0
MOST_RETRY_SECONDS = 60.0
FULL = "Many people are starting right now. Please try again in a moment; your time has not begun."


class Admission:
    """Lets starts in, some at once and the others in a line of bounded length and time.

    Whoever goes on with an open assessment does not come by here.
    """

    def __init__(
        self,
        *,
        at_once: int = AT_ONCE,
        max_line: int = MAX_LINE,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._free = at_once
        self._at_once = at_once
        self._max_line = max_line
        self._max_wait = max_wait_seconds
        self._jitter = jitter
        self._line: list[asyncio.Future[None]] = []
        self._seconds_each = 0.05  # a start's own time, as of late
        self._away = 0  # were told to come back, less those who started since

    def is_crowded(self, backlog: int) -> bool:
        """Whether a start that comes now would have to wait or go.

        Args:
            backlog: entries that wait to be written: answers, mostly.
        """
        return self._free == 0 or backlog > MAX_BACKLOG

    @asynccontextmanager
    async def start(self, backlog: int) -> AsyncIterator[None]:
        """Do one start inside of this.

        Args:
            backlog: entries that wait to be written; beyond `MAX_BACKLOG` nothing new begins.

        Raises:
            Unavailable: too many wait already, or it took too long; `details.retry_after_seconds` says when to return.
        """
        if backlog > MAX_BACKLOG:
            raise self._refusal()
        await self._come_in()
        began = time.monotonic()
        try:
            yield
        finally:
            self._seconds_each += 0.1 * (time.monotonic() - began - self._seconds_each)
            self._leave()

    async def _come_in(self) -> None:
        if self._free and not self._line:
            self._free -= 1
            self._away = 0
            return
        if len(self._line) >= self._max_line:
            raise self._refusal()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            async with asyncio.timeout(self._max_wait):
                await turn
        except TimeoutError:
            self._give_up(turn)
            raise self._refusal() from None
        except BaseException:
            self._give_up(turn)
            raise

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        """Out of the line; who was called in that very moment passes the call on."""
        if turn in self._line:
            self._line.remove(turn)
        elif turn.done() and not turn.cancelled():
            self._leave()

    def _leave(self) -> None:
        self._away = max(0, self._away - 1)
        while self._line:
            turn = self._line.pop(0)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _refusal(self) -> Unavailable:
        """How long those before take, between half and one and a half of it, so that they do not come back at once."""
        self._away += 1
        ahead = (len(self._line) + self._away) * self._seconds_each / self._at_once
        spread = LEAST_RETRY_SECONDS + min(ahead, MOST_RETRY_SECONDS / 1.5 - LEAST_RETRY_SECONDS)
        return Unavailable(FULL, retry_after_seconds=round(spread * (0.5 + self._jitter()), 1))
