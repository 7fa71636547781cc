"""uvicorn's two protocols, with bounds where it has none: on what one peer may make the server hold, and for how long.

Everything here happens below the application: frames that it never sees, bytes that it can no longer take back.
"""

from __future__ import annotations

import asyncio
import struct
from asyncio.transports import BaseTransport
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import State

from sitting.delivery.socket import TEXTS, texts_of
from sitting.delivery.waiting import Gate, Mailbox
from sitting.protocol.close_codes import CloseCode

HEAD_SECONDS = 15
MAX_HEAD_BYTES = 64 * 1024
FLUSH_SECONDS = 15
SLICE_BYTES = 8192
MAX_FRAGMENTS = 1024
MAX_PINGS = 100
PINGS_SECONDS = 10
MAX_AFTER_CLOSE_BYTES = 1024 * 1024
MAX_WAITING = 8
_MEDIUM, _LARGE = struct.Struct("!BBH"), struct.Struct("!BBQ")


def text_frame(data: bytes) -> bytes:
    """A whole text message in one frame, as servers send it."""
    size = len(data)
    if size < 126:
        return bytes((0x81, size)) + data
    return (_MEDIUM.pack(0x81, 126, size) if size < 65_536 else _LARGE.pack(0x81, 127, size)) + data


class BoundedHttp(HttpToolsProtocol):
    """HTTP whose request line and headers have to come within a time and a size; uvicorn waits for ever."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head_timer is not None:
            if self._head_bytes > MAX_HEAD_BYTES:
                self.transport.abort()
                return
            self._head_bytes += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        if self._head_timer is None:  # the next request on a connection that was kept
            self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_came()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket of which a peer that reads nothing, or sends without end, makes neither memory nor time.

    Back-pressure on what the application sends is uvicorn's own: `send` waits while more than 64 KiB wait to be taken.
    """

    def connection_made(self, transport: BaseTransport) -> None:
        self._unread = b""
        self._read_after_close = 0
        self._pings = 0
        self._pings_since = 0.0
        self.queue: Mailbox[Any] = Mailbox()  # type: ignore[assignment]
        self.writable = Gate()  # type: ignore[assignment]
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.read_paused = True  # nothing to pause any more
        while self._unread:
            self._read_slice()
        self.read_paused = False
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on in slices with others between, and nothing more meanwhile: one read may bring 40,000 frames."""
        goes_on = bool(self._unread)
        if self.close_sent:
            self._read_after_close += len(data)
            if self._read_after_close > MAX_AFTER_CLOSE_BYTES:
                self.transport.abort()
                return
        self._unread += data
        if not goes_on:
            self._read_on()

    async def receive(self) -> Any:
        """The application's next message; once it has taken all there are, reading goes on."""
        message = await self.queue.get()
        self._resume()
        return message

    def _read_on(self) -> None:
        self._read_slice()
        if not self._unread:
            self._resume()
            return
        if not self.read_paused and not self.transport.is_closing():
            self.read_paused = True
            self.transport.pause_reading()
        self.loop.call_soon(self._read_on)

    def _resume(self) -> None:
        # Behind our close nobody takes messages any more, but the peer's own close has to be read.
        taken = self.close_sent or self.queue.empty()
        if self.read_paused and not self._unread and taken and not self.transport.is_closing():
            self.read_paused = False
            self.transport.resume_reading()

    def _read_slice(self) -> None:
        if self.conn.parser_exc is not None or self.disconnected:
            self._unread = b""
            return
        data, self._unread = self._unread[:SLICE_BYTES], self._unread[SLICE_BYTES:]
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self._refuse_handshake()

    def handle_cont(self, event: Frame) -> None:
        """The size of a message is bounded, but not in how many empty pieces it comes."""
        if len(self.frames) >= MAX_FRAGMENTS:
            self._fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
        else:
            super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer pings, unless they are a flood, or their sender takes nothing: those pongs would pile up unseen."""
        now = self.loop.time()
        if now - self._pings_since > PINGS_SECONDS:
            self._pings, self._pings_since = 0, now
        self._pings += 1
        if self._pings > MAX_PINGS:
            self._fail(CloseCode.TOO_MANY_MESSAGES, "too many pings")
        elif self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._cut_later()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self._cut_later()

    def handle_connect(self, event: Request) -> None:
        """Tell the application that it may give several texts at once."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][TEXTS] = {}

    async def send(self, message: Any) -> None:
        """Send; a close goes out even while the peer takes nothing, since it is the last and only a few bytes."""
        texts = texts_of(message)
        if texts and self._may_send_at_once():
            self.transport.write(b"".join([text_frame(text.encode()) for text in texts]))
            return
        if len(texts) > 1:
            for text in texts:
                await super().send({"type": "websocket.send", "text": text})
            return
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)
        if message["type"] == "websocket.accept":
            self.request.headers.clear()  # the parser holds the request as long as the socket is open
            del self.request, self.response

    def send_receive_event_to_app(self) -> None:
        """Hand a message on, and stop reading only when it is large or others wait: stopping takes system calls.

        Wrong UTF-8 closes, also if the peer's own close came in the same read and is answered.
        """
        goes_on = self.queue.qsize() < MAX_WAITING and sum(map(len, self.frames)) <= SLICE_BYTES
        paused, self.read_paused = self.read_paused, self.read_paused or goes_on
        try:
            super().send_receive_event_to_app()
        except InvalidState:
            self.handle_parser_exception()
        if goes_on:
            self.read_paused = paused

    def _may_send_at_once(self) -> bool:
        """Whether a text needs nothing of `websockets` but its frame: the connection is open, and there is room."""
        if not self.handshake_complete or self.close_sent or self.disconnected or not self.writable.is_set():
            return False
        return self.conn.state is State.OPEN and not self.conn.extensions

    def _refuse_handshake(self) -> None:
        """Send what `websockets` says of a head that it does not take (a line of more than 8192 bytes), and close.

        uvicorn looks only at heads that were taken: others would get no answer, and keep their connection for ever.
        """
        self.handshake_initiated = self.handshake_complete = self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()

    def _fail(self, code: int, reason: str) -> None:
        if not self.close_sent:
            self.conn.fail(code, reason)
            self.handle_parser_exception()

    def _cut_later(self) -> None:
        """A transport that closes waits until all is taken: from a peer that reads nothing, for ever."""
        if self.transport is not None:
            self.loop.call_later(FLUSH_SECONDS, self.transport.abort)
