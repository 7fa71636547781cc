"""One WebSocket as ASGI gives it, with time limits on what we send."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Generator, MutableMapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sitting.protocol.close_codes import CloseCode

SEND_TIMEOUT_SECONDS = 10
TEXTS = "sitting.texts"  # an extension of ASGI by our own servers: one message with several texts, for one system call

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def texts_of(message: Message) -> Sequence[str]:
    """What text the application gives in one message: none, one, or by the extension TEXTS several."""
    text = message.get("text")
    return message.get("texts", ()) if text is None else (text,)


class SocketClosed(Exception):
    """Nothing can be sent any more."""


class ClientTooSlow(SocketClosed):
    """The client took nothing for so long that it was cut off."""


class Socket:
    """Text frames out and in."""

    __slots__ = ("_arrived_at", "_code", "_open", "_receive", "_send", "_takes_texts")

    def __init__(self, receive: Receive, send: Send, *, takes_texts: bool = False) -> None:
        """Over the two callables of a scope; `takes_texts`: its extensions name TEXTS."""
        self._receive = receive
        self._send = send
        self._takes_texts = takes_texts
        self._open = True
        self._code: int | None = None
        self._arrived_at: datetime | None = None

    @property
    def arrived_at(self) -> datetime | None:
        """When the last frame that was received had come, by a server that looks at the clock then."""
        return self._arrived_at

    @property
    def close_code(self) -> int | None:
        """The code with which it was closed, from here or from there; None: the connection broke."""
        return self._code

    @property
    def is_open(self) -> bool:
        """Whether, as far as is known, the client is still there."""
        return self._open

    async def accept(self, subprotocol: str | None) -> None:
        """Finish the handshake. Refusals come after it, as close codes: browsers cannot read a refused handshake."""
        await self._receive()
        await self._deliver({"type": "websocket.accept", "subprotocol": subprotocol})

    async def receive_text(self) -> str | None:
        """The next text frame; None once the client is gone.

        Raises:
            ValueError: the frame is binary.
        """
        message = await self._receive()
        self._arrived_at = message.get("arrived_at")
        if message["type"] == "websocket.disconnect":
            if self._open:
                self._open, self._code = False, message.get("code")
            return None
        text = message.get("text")
        if not isinstance(text, str):
            raise ValueError("binary frame")
        return text

    async def send_text(self, *texts: str) -> None:
        """Send a frame for each text, together if the server can.

        Raises:
            SocketClosed: the client is gone. ClientTooSlow: it took nothing any more.
        """
        if self._takes_texts and len(texts) > 1:
            await self._deliver({"type": "websocket.send", "texts": texts})
            return
        for text in texts:
            await self._deliver({"type": "websocket.send", "text": text})

    async def close(self, code: CloseCode, reason: str = "") -> None:
        """Close, if it is still open."""
        if self._open:
            try:
                await self._deliver({"type": "websocket.close", "code": int(code), "reason": reason})
            except SocketClosed:
                return
            self._open, self._code = False, int(code)

    async def _deliver(self, message: Message) -> None:
        if not self._open:
            raise SocketClosed()
        try:
            await _within(SEND_TIMEOUT_SECONDS, self._send(message))
        except TimeoutError:
            await self._give_up()
            raise ClientTooSlow() from None
        except (OSError, RuntimeError) as fault:  # what servers raise once the peer is gone
            self._open = False
            raise SocketClosed() from fault

    async def _give_up(self) -> None:
        """A client that reads nothing for so long is cut off; it may come back."""
        self._open, self._code = False, int(CloseCode.TOO_SLOW)
        try:
            async with asyncio.timeout(1):
                await self._send({"type": "websocket.close", "code": int(CloseCode.TOO_SLOW), "reason": "too slow"})
        except (TimeoutError, OSError, RuntimeError):
            return


async def _within(seconds: float, sending: Awaitable[None]) -> None:
    """Await `sending`, for so long at most; the clock is set only if it has to wait at all, which it rarely has.

    Raises:
        TimeoutError: it took longer, and was cancelled.
    """
    steps = sending.__await__()
    try:
        waits_for = next(steps)
    except StopIteration:
        return
    async with asyncio.timeout(seconds):
        await _rest(steps, waits_for)


@types.coroutine
def _rest(steps: Generator[Any, None, None], waits_for: Any) -> Generator[Any, None, None]:
    """What is left of something that has been begun, and waits for a future."""
    while True:
        try:
            yield waits_for
        except BaseException as fault:
            step = partial(steps.throw, fault)
        else:
            step = partial(next, steps)
        try:
            waits_for = step()
        except StopIteration:
            return
