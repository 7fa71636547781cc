"""One socket: frames out, replies by their number, and what comes unasked."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

SUBPROTOCOL = "sitting.v1"
BROKEN = "no close frame"
CUT = "cut by the rehearsal"


class Lost(Exception):
    """The connection is gone, or as good as gone; `code` is the close code, or a word for what was instead of it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Denied(Exception):
    """The server answered with an error."""

    def __init__(self, data: dict[str, Any]) -> None:
        super().__init__(data["code"])
        self.code: str = data["code"]
        self.retryable: bool = data["retryable"]
        self.retry_after: float | None = data["details"].get("retry_after_seconds")


class Line:
    """An open socket. `closed` is called once, with the close code, or None if we closed it ourselves."""

    def __init__(
        self, socket: ClientConnection, pushed: Callable[[str, Any], None], closed: Callable[[str | None], None]
    ) -> None:
        self._socket = socket
        self._pushed = pushed
        self._closed = closed
        self._ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._is_ours = False
        self.code: str | None = None  # as soon as it is closed
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(
        cls,
        address: str,
        pushed: Callable[[str, Any], None],
        closed: Callable[[str | None], None],
        *,
        within: float,
    ) -> Line:
        """Connect within so many seconds.

        Raises:
            Lost: there is no connection.
        """
        try:
            socket = await connect(
                address,
                subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
                open_timeout=within,
                close_timeout=1,
                compression=None,
                proxy=None,
                max_size=None,
            )
        except (OSError, WebSocketException) as fault:
            raise Lost("no connection") from fault
        return cls(socket, pushed, closed)

    async def ask(self, type_: str, data: dict[str, Any], *, within: float) -> dict[str, Any]:
        """Say something and get the data of the direct reply, within so many seconds.

        Raises:
            Denied: the reply is an error.
            Lost: there is no reply.
        """
        if self.code is not None:
            raise Lost(self.code)
        number = str(next(self._ids))
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        try:
            await self.send(type_, data, number)
            message = await asyncio.wait_for(reply, within)
        except TimeoutError:
            raise Lost("no reply") from None
        finally:
            self._waiting.pop(number, None)
        if message["type"] == "error":
            raise Denied(message["data"])
        answer: dict[str, Any] = message["data"]
        return answer

    async def send(self, type_: str, data: dict[str, Any], number: str) -> None:
        """Say something.

        Raises:
            Lost: the socket is closed.
        """
        try:
            await self._socket.send(json.dumps({"type": type_, "data": data, "id": number}))
        except ConnectionClosed:
            raise Lost(self.code or BROKEN) from None

    async def closed(self) -> str:
        """Wait until it is closed, whoever does that; returns the code."""
        await asyncio.shield(self._reader)
        return self.code or BROKEN

    def cut(self) -> None:
        """Break the connection without a word, as a network does."""
        self._is_ours = True
        self._socket.transport.abort()

    async def close(self) -> None:
        """End it in order."""
        self._is_ours = True
        with suppress(WebSocketException, OSError):
            await self._socket.close()
        await self._reader

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for text in self._socket:
                self._take(json.loads(text))
        code = self._socket.close_code
        self.code = CUT if self._is_ours else BROKEN if code in (None, 1006) else str(code)
        for reply in self._waiting.values():
            if not reply.done():
                reply.set_exception(Lost(self.code))
        self._closed(None if self._is_ours else self.code)

    def _take(self, message: dict[str, Any]) -> None:
        reply = self._waiting.get(message.get("reply_to") or "")
        if reply is not None and not reply.done():
            reply.set_result(message)
        else:
            self._pushed(message["type"], message["data"])
