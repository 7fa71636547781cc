"""What happens to one connection, in the order in which it happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from sitting.delivery.waiting import Mailbox
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

    __slots__ = ("_change_waits", "_mailbox")

    def __init__(self) -> None:
        self._mailbox: Mailbox[Happening] = Mailbox()
        self._change_waits = False

    def put(self, happening: Happening) -> None:
        """Add; of several changes of the log that wait, one is enough."""
        if isinstance(happening, LogChanged):
            if self._change_waits:
                return
            self._change_waits = True
        self._mailbox.put_nowait(happening)

    @property
    def first(self) -> Happening | None:
        """What comes next; None if nothing waits."""
        return self._mailbox.first

    async def get(self) -> Happening:
        """The next happening."""
        happening = await self._mailbox.get()
        if isinstance(happening, LogChanged):
            self._change_waits = False
        return happening
