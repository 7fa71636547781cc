"""WebSockets whose frames picows takes apart and puts together in C, behind the same handshake and the same bounds.

uvicorn's class with our bounds keeps all that is not about frames: handshake, scope, when to ping, the end. After the
handshake `Frames` stands where the state machine of `websockets` stood, and the transport reads into it. picows leaves
to its users reserved bits, fragments, UTF-8, the size of whole messages, and some close codes.
"""

from __future__ import annotations

import asyncio
import codecs
import logging
from asyncio.transports import BaseTransport
from datetime import datetime
from typing import Any, ClassVar

from picows import WSAutoPingStrategy, WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeResponse
from picows import WSUpgradeResponseWithListener as Upgrade
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # there, but not in its stubs
from uvicorn.protocols.utils import ClientDisconnected
from websockets.exceptions import InvalidState, ProtocolError
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request

from sitting.cli.transport import (
    MAX_AFTER_CLOSE_BYTES,
    MAX_FRAGMENTS,
    MAX_WAITING,
    SLICE_BYTES,
    BoundedWebSocket,
    text_frame,
)
from sitting.delivery.socket import texts_of
from sitting.kit.clock import Clock, SystemClock

MAX_CONTROL_BYTES = 125
BUFFER_BYTES = 2048  # it grows with what comes, and stays as large
_TEXT, _BINARY, _CONTINUATION = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION
_PING, _PONG = WSMsgType.PING, WSMsgType.PONG
# picows' own handshake refuses `Connection: keep-alive, Upgrade`, which Firefox sends, and takes drafts of 2011: this
# request is all that it sees, and the real one is answered by uvicorn's class.
_REQUEST = (
    b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class PicowsWebSocket(BoundedWebSocket):
    """The default class with other frames; each message says in `arrived_at` when the last byte of it was read.

    Attributes:
        clock: what tells that. uvicorn makes the instances, so that it belongs to the class.
    """

    clock: ClassVar[Clock] = SystemClock()

    def connection_made(self, transport: BaseTransport) -> None:
        self._frames: Frames | None = None
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._frames = None
        del self.conn  # it knows us, and memory should not wait for the collector

    def handle_connect(self, event: Request) -> None:
        """Read nothing behind the request until it is answered: only then is it known who takes it."""
        super().handle_connect(event)
        if not self.transport.is_closing():
            self.hold()

    async def send(self, message: Any) -> None:
        """As uvicorn's, and text goes straight to picows."""
        frames = self._frames
        if frames is None:
            await super().send(message)
            if message["type"] == "websocket.accept" and not self.transport.is_closing():
                self._open()
        elif message["type"] != "websocket.send" or self.close_sent:
            await super().send(message)
        else:
            if not self.writable.is_set():
                await self.writable.wait()
            if self.disconnected or frames.is_over:
                raise ClientDisconnected()
            texts = texts_of(message)
            if len(texts) > 1:
                self.transport.write(b"".join([text_frame(text.encode()) for text in texts]))
            else:
                frames.send(texts[0] if texts else message["bytes"])

    def receive_message(self, key: str, value: str | bytes, size: int, arrived_at: datetime) -> None:
        """Hand a message to the application, and read on only while few and small ones wait."""
        message: Any = {"type": "websocket.receive", key: value, "arrived_at": arrived_at}
        self.queue.put_nowait(message)
        if size > SLICE_BYTES or self.queue.qsize() >= MAX_WAITING:
            self.hold()

    def hold(self) -> None:
        """Read nothing for now."""
        if not self.read_paused and not self.transport.is_closing():
            self.read_paused = True
            self.transport.pause_reading()

    def let_others(self) -> None:
        """Read on when the others had their turn."""
        self.hold()
        self.loop.call_soon(self._resume)

    def fail(self, code: int, reason: str) -> None:
        """Close at once with that code: the peer broke the rules."""
        self._fail(code, reason)

    def _open(self) -> None:
        self._frames = Frames(self, self.config.ws_max_size)
        self.conn = self._frames  # type: ignore[assignment]  # from now on it answers to what uvicorn asks of the other
        self.transport.set_protocol(self._frames)
        self._resume()

    def _resume(self) -> None:
        if self._frames is not None:
            super()._resume()


class Frames(WSListener, asyncio.BufferedProtocol):
    """What RFC 6455 says of frames: those that come, as picows calls; those that go out, as uvicorn's class calls.

    Attributes:
        close_rcvd, close_sent: code and reason of the peer's close and of ours, once there are such.
    """

    def __init__(self, owner: PicowsWebSocket, max_size: int) -> None:
        self.close_rcvd: Close | None = None
        self.close_sent: Close | None = None
        self._owner = owner
        self._max_size = max_size
        self._arrived_at = owner.clock.now()
        self._read_after_close = 0
        self._out: list[bytes] = []
        self._kind: WSMsgType | None = None  # of the message whose fragments come
        self._pieces: list[Any] = []  # of them, text or bytes
        self._size = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._parser, self._peer = _parser(owner.transport, self, max_size)

    @property
    def is_over(self) -> bool:
        """Nothing but the peer's close counts any more, and nothing can be sent."""
        return self.close_sent is not None or self.close_rcvd is not None or self._peer.is_close_frame_sent

    # --- what the transport calls ---

    def get_buffer(self, sizehint: int) -> memoryview:
        view: memoryview = self._parser.get_buffer(sizehint)
        return view[:SLICE_BYTES]

    def buffer_updated(self, nbytes: int) -> None:
        owner = self._owner
        self._arrived_at = owner.clock.now()
        if owner.close_sent:
            self._read_after_close += nbytes
            if self._read_after_close > MAX_AFTER_CLOSE_BYTES:
                owner.transport.abort()
                return
        self._parser.buffer_updated(nbytes)
        if self.close_sent is None and self._peer.is_close_frame_sent:
            self._was_failed()
        elif nbytes == SLICE_BYTES and not owner.close_sent:
            owner.let_others()

    def eof_received(self) -> None:
        self._owner.eof_received()

    def pause_writing(self) -> None:
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        self._owner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        # First of all: it writes to the file descriptor, which may be somebody else's next.
        self._parser.connection_lost(exc)
        del self._parser, self._peer
        self._owner.connection_lost(exc)

    # --- what picows calls ---

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if self.close_rcvd is not None or self._owner.transport.is_closing():
            return
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._owner.fail(WSCloseCode.PROTOCOL_ERROR.value, "reserved bits must be 0")
        elif kind is _TEXT or kind is _BINARY or kind is _CONTINUATION:
            if self.close_sent is None:  # else the application is past it
                self._data(kind, frame)
        elif kind is _PING:
            self._ping(frame.get_payload_as_bytes())
        elif kind is _PONG:
            self._owner.handle_pong(Frame(Opcode.PONG, frame.get_payload_as_bytes()))
        else:
            self._close(frame.get_payload_as_bytes())

    # --- what uvicorn asks of `conn` ---

    def send(self, data: str | bytes) -> None:
        """One message in one frame."""
        self._peer.send(_TEXT if isinstance(data, str) else _BINARY, data)

    def send_ping(self, data: bytes) -> None:
        self._peer.send_ping(data)

    def send_close(self, code: int, reason: str = "") -> None:
        """Send a close frame.

        Raises:
            InvalidState: there was one. ProtocolError: that code is none for a frame, or the reason too long.
        """
        if self.is_over:
            raise InvalidState("closed already")
        close = Close(code, reason)
        if len(close.serialize()) > MAX_CONTROL_BYTES:
            raise ProtocolError("the reason is too long")
        self.close_sent, self._out = close, []
        self._peer.send_close(code, reason)  # type: ignore[arg-type]  # any number will do

    def fail(self, code: int, reason: str = "") -> None:
        """Send a close frame, if there was none."""
        if not self.is_over:
            self.send_close(code, reason)
        elif self.close_sent is None:
            self.close_sent = Close(code, reason)

    def data_to_send(self) -> list[bytes]:
        """Pongs; all else has been sent."""
        out, self._out = self._out, []
        return out

    # --- data ---

    def _data(self, kind: WSMsgType, frame: WSFrame) -> None:
        if (kind is _CONTINUATION) == (self._kind is None):
            self._owner.fail(WSCloseCode.PROTOCOL_ERROR.value, "a fragment out of order")
            return
        try:
            if frame.fin and self._kind is None:
                self._whole(kind, frame)
            else:
                self._fragment(kind, frame)
        except UnicodeDecodeError:
            self._owner.fail(WSCloseCode.INVALID_TEXT.value, "text must be UTF-8")

    def _whole(self, kind: WSMsgType, frame: WSFrame) -> None:
        size = frame.payload_size
        if kind is _TEXT:
            self._owner.receive_message("text", frame.get_payload_as_utf8_text(), size, self._arrived_at)
        else:
            self._owner.receive_message("bytes", frame.get_payload_as_bytes(), size, self._arrived_at)

    def _fragment(self, kind: WSMsgType, frame: WSFrame) -> None:
        if self._kind is None:
            self._kind = kind
        self._size += frame.payload_size
        if self._size > self._max_size:
            self._owner.fail(WSCloseCode.MESSAGE_TOO_BIG.value, "message too big")
            return
        if len(self._pieces) > MAX_FRAGMENTS:
            self._owner.fail(WSCloseCode.MESSAGE_TOO_BIG.value, "too many fragments")
            return
        payload: Any = frame.get_payload_as_bytes()
        self._pieces.append(self._decoder.decode(payload, bool(frame.fin)) if self._kind is _TEXT else payload)
        if frame.fin:
            self._last_came()

    def _last_came(self) -> None:
        kind, size, pieces = self._kind, self._size, self._pieces
        self._kind, self._size, self._pieces = None, 0, []
        if kind is _TEXT:
            self._owner.receive_message("text", "".join(pieces), size, self._arrived_at)
        else:
            self._owner.receive_message("bytes", b"".join(pieces), size, self._arrived_at)

    # --- control ---

    def _ping(self, payload: bytes) -> None:
        if not self.is_over:
            self._out = [bytes((0x80 | Opcode.PONG, len(payload))) + payload]
            self._owner.handle_ping()

    def _close(self, payload: bytes) -> None:
        try:
            close = Close.parse(payload)
        except ProtocolError:
            self._owner.fail(WSCloseCode.PROTOCOL_ERROR.value, "invalid close frame")
            return
        if self.close_sent is None:
            # By picows, always with a code: only then it knows that no more may follow.
            self._peer.send_close(close.code if payload else WSCloseCode.OK)  # type: ignore[arg-type]
        self.close_rcvd = close
        self._owner.handle_close(Frame(Opcode.CLOSE, payload))

    def _was_failed(self) -> None:
        """picows found a fault and has closed; what came whole before it has been handed on."""
        if self.close_rcvd is None:
            sent = self._peer.close_handshake.sent
            self.close_sent = Close(1006, "") if sent is None else Close(int(sent.code.value), sent.reason)
            self._owner.handle_parser_exception()


class _Wire:
    """The transport as picows sees it, without its answer to a request that nobody made."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.get_write_buffer_size = transport.get_write_buffer_size
        self.get_extra_info = transport.get_extra_info
        self.close = transport.close
        self.abort = transport.abort
        self.muted = True
        self._transport = transport

    def write(self, data: bytes) -> None:
        if not self.muted:
            self._transport.write(data)

    def writelines(self, parts: list[bytes]) -> None:
        # The first is a view of memory that picows uses again, and uvloop only looks at it when its turn ends.
        self._transport.write(b"".join(parts))


class _Log:
    """Peers that break the rules are told; what breaks in us is logged."""

    exception = logging.getLogger("uvicorn.error").exception

    def isEnabledFor(self, _level: int) -> bool:  # noqa: N802
        return False

    def debug(self, *_: object) -> None:
        return None

    log = info = warning = error = debug


def _parser(transport: asyncio.Transport, frames: Frames, max_size: int) -> tuple[Any, WSTransport]:
    """picows' protocol behind a handshake, and its sending end."""
    upgrade = Upgrade(WSUpgradeResponse.create_101_response(), frames)
    parser = WSProtocol(
        host_port=None,
        ws_path=None,
        is_client_side=False,
        ws_listener_factory=lambda _: upgrade,
        logger=_Log(),
        disconnect_on_exception=True,
        websocket_handshake_timeout=None,
        enable_auto_ping=False,
        auto_ping_idle_timeout=0,
        auto_ping_reply_timeout=0,
        auto_ping_strategy=WSAutoPingStrategy.PING_PERIODICALLY,
        enable_auto_pong=False,
        max_frame_size=max_size,
        extra_headers=None,
        read_buffer_init_size=BUFFER_BYTES,
    )
    wire = _Wire(transport)
    parser.connection_made(wire)
    parser.get_buffer(-1)[: len(_REQUEST)] = _REQUEST
    parser.buffer_updated(len(_REQUEST))
    wire.muted = False
    return parser, parser.transport
