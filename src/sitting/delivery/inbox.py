"""What happens to one connection, in the order in which it happened."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime

import msgspec

from sitting.domain.errors import SittingError


class FrameArrived(msgspec.Struct, frozen=True):
    """A text frame, stamped by the server's clock on arrival; with the error that is its answer if it came too fast."""

    text: str
    arrived_at: datetime
    refusal: SittingError | None = None


@dataclass(frozen=True, slots=True)
class ClientGone:
    """The socket is closed from the other side."""


@dataclass(frozen=True, slots=True)
class ReadingStopped:
    """The client broke a rule of the transport; close with that code."""

    code: int


@dataclass(frozen=True, slots=True)
class ReadingFailed:
    """No more frames can be read, for a reason that nobody foresaw."""

    fault: Exception


@dataclass(frozen=True, slots=True)
class LogChanged:
    """Somebody wrote into the log of the attached assessment."""


@dataclass(frozen=True, slots=True)
class WarningDue:
    """It is time to tell how much time is left."""


@dataclass(frozen=True, slots=True)
class AccessLost:
    """What let the client in does so no longer, and this is what they are told; frames that still wait are void."""

    refusal: SittingError


@dataclass(frozen=True, slots=True)
class NodeEnds:
    """This node is about to stop; the client is to come back elsewhere, once the frames before this are answered."""


Happening = FrameArrived | ClientGone | ReadingStopped | ReadingFailed | LogChanged | WarningDue | AccessLost | NodeEnds


class Inbox:
    """A queue with one reader. Frames are bounded by the connection's rules, the rest by their nature."""

    def __init__(self) -> None:
        self._waiting: deque[Happening] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._change_waits = False

    def put(self, happening: Happening) -> None:
        """Add; of several changes of the log that wait, one is enough."""
        if isinstance(happening, LogChanged):
            if self._change_waits:
                return
            self._change_waits = True
        self._waiting.append(happening)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def get(self) -> Happening:
        """The next happening."""
        while not self._waiting:
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        happening = self._waiting.popleft()
        if isinstance(happening, LogChanged):
            self._change_waits = False
        return happening
