"""One candidate before a server, as lean as can be, since the load runs on the machine that it measures.

Every reply is looked at: an error, a close or a message that nobody waits for ends the candidate's work with `Failed`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Self

import msgspec
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

SILENCE_SECONDS = 30.0
_DECODER = msgspec.json.Decoder()
_ENCODE = msgspec.json.Encoder().encode
# What comes by itself, and answers nothing.
_UNASKED = frozenset({"progress_update", "time_warning", "system_message"})


class Failed(Exception):
    """The server did not do what it promises; the text says what it did."""


class Shed(Exception):
    """The server has no room for a start now; `seconds` until the candidate is to come back."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Seat(WSListener):
    """One socket.

    Attributes:
        messages: how many have come. closed: the code with which it was closed, None while it is open.
    """

    def __init__(self) -> None:
        self.messages = 0
        self.closed: int | None = None
        self._transport: WSTransport | None = None
        self._came: deque[dict[str, Any]] = deque()
        self._waiting: asyncio.Future[None] | None = None

    @classmethod
    async def taken(cls, port: int, path: str) -> Self:
        """A seat whose socket is open; the handshake is all that has happened."""
        address = f"ws://127.0.0.1:{port}{path}"
        _, seat = await ws_connect(
            cls,
            address,
            extra_headers={"Sec-WebSocket-Protocol": "sitting.v1"},
            websocket_handshake_timeout=SILENCE_SECONDS,
            read_buffer_init_size=2048,
            use_aiofastnet=False,
        )
        assert isinstance(seat, cls)
        return seat

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            message = _DECODER.decode(frame.get_payload_as_bytes())
            self.messages += 1
            if message["type"] not in _UNASKED:
                self._came.append(message)
                self._wake()
        elif frame.msg_type == WSMsgType.CLOSE:
            self.closed = frame.get_close_code().value
            transport.disconnect()
            self._wake()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self.closed is None:
            self.closed = 1006
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def say(self, type_: str, data: dict[str, Any]) -> None:
        """Send one frame."""
        if self._transport is None or self.closed is not None:
            raise Failed(f"closed with {self.closed}")
        self._transport.send(WSMsgType.TEXT, _ENCODE({"type": type_, "data": data}))

    async def hear(self, type_: str) -> dict[str, Any]:
        """The data of the next message, which has to be of that type.

        Raises:
            Shed: the server has no room now. Failed: it said something else, closed, or nothing at all.
        """
        while not self._came:
            if self.closed is not None:
                raise Failed(f"closed with {self.closed} instead of {type_}")
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()
            timer = loop.call_later(SILENCE_SECONDS, _silent, self._waiting, type_)
            try:
                await self._waiting
            finally:
                timer.cancel()
        message = self._came.popleft()
        data: dict[str, Any] = message["data"]
        if message["type"] != type_:
            if data.get("code") == "unavailable" and "retry_after_seconds" in data.get("details", {}):
                raise Shed(data["details"]["retry_after_seconds"])
            raise Failed(f"{message['type']} instead of {type_}: {data}")
        return data

    async def ask(self, type_: str, data: dict[str, Any], answer: str) -> dict[str, Any]:
        """Say something and hear its answer."""
        self.say(type_, data)
        return await self.hear(answer)

    def leave(self) -> None:
        """Close, and wait for nothing."""
        if self._transport is not None and self.closed is None:
            self._transport.send_close()
            self._transport.disconnect()


def _silent(waiting: asyncio.Future[None], type_: str) -> None:
    if not waiting.done():
        waiting.set_exception(Failed(f"no {type_} within {SILENCE_SECONDS} s"))
