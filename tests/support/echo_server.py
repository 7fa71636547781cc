"""uvicorn as `sitting serve` sets it up, with either socket layer, around an application that echoes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import uvicorn
import uvloop
from uvicorn.protocols.utils import ClientDisconnected

from sitting.cli.server import configuration
from sitting.delivery.socket import TEXTS
from sitting.settings import SocketLayer
from tests.support.eventually import eventually
from tests.support.rfc6455 import CLOSE, TEXT, Case, Message, frame

HEAD = (
    "GET /echo?a=%C3%A9&b HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
SEVERAL = (5, 300, 70_000, 0)
BURST = (9_000, 40_000, 8_193, 65_536, 10_000, 20_000, 9_001)


@dataclass
class Seen:
    """What the application saw: scopes, disconnects, messages, and how many it has sent of a flood."""

    scopes: list[Any] = field(default_factory=list)
    disconnects: list[Any] = field(default_factory=list)
    messages: list[Any] = field(default_factory=list)
    sent: int = 0


class EchoServer:
    """A server that runs in a thread of its own, on a free port."""

    def __init__(self, layer: SocketLayer) -> None:
        self.seen = Seen()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.layer = layer
        self.config = configuration(self._application, layer)
        self.config.lifespan = "off"
        self.config.load()
        self.server = uvicorn.Server(self.config)
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def websocket_class(self) -> Any:
        return self.config.ws_protocol_class

    def __enter__(self) -> Self:
        self._thread.start()
        eventually(self._check_started)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self._thread.join(timeout=15)
        assert not self._thread.is_alive(), "the server does not end"

    @contextlib.contextmanager
    def peer(self, more: str = "") -> Iterator[Peer]:
        """A client behind its handshake, with those further lines in it."""
        with self.connected() as peer:
            status, head = peer.shake_hands(HEAD + more + "\r\n")
            assert status == 101, head
            yield peer

    @contextlib.contextmanager
    def connected(self) -> Iterator[Peer]:
        """A client that has said nothing yet."""
        with socket.create_connection(self.listener.getsockname(), timeout=10) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield Peer(connection)

    def _check_started(self) -> None:
        assert self.server.started

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self.server.serve(sockets=[self.listener]))

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.scopes.append(scope)
        await receive()
        offered = scope["subprotocols"]
        if "refuse" in offered:
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept", "subprotocol": offered[-1] if offered else None})

        async def send_if_open(message: Any) -> None:
            with contextlib.suppress(ClientDisconnected, RuntimeError):  # it closed, or was closed
                await send(message)

        await self._echo(receive, send_if_open)

    async def _echo(self, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] != "websocket.disconnect":
            text = message.get("text")
            self.seen.messages.append(message)
            if text is None:
                await send({"type": "websocket.send", "bytes": message["bytes"]})
            elif text.startswith("close "):
                await send({"type": "websocket.close", "code": int(text.split()[1]), "reason": "as you wish"})
                return
            elif text.startswith("flood "):
                await self._flood(send, int(text.split()[1]))
            elif text == "burst":
                await asyncio.gather(*(send({"type": "websocket.send", "text": _large(n)}) for n in BURST))
            elif text == "several":
                assert TEXTS in self.seen.scopes[-1]["extensions"]
                await asyncio.gather(
                    *(send({"type": "websocket.send", "texts": list(map(_large, SEVERAL))}) for _ in "12")
                )
            elif text == "leave":
                return
            else:
                await send({"type": "websocket.send", "text": text})
        self.seen.disconnects.append(message)

    async def _flood(self, send: Any, number: int) -> None:
        for at in range(number):
            await send({"type": "websocket.send", "text": f"{at:1000}"})
            self.seen.sent += 1


class Peer:
    """The client's end, byte by byte."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._unread = b""

    def shake_hands(self, request: str) -> tuple[int, str]:
        """The status and the head of the answer to a request, written as it is."""
        self.socket.sendall(request.encode())
        while b"\r\n\r\n" not in self._unread:
            self._take()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        return int(head.split()[1]), head.decode()

    def say(self, text: str) -> None:
        self.socket.sendall(frame(TEXT, text.encode()))

    def next(self) -> Message | None:
        """The next frame; None once the server has hung up."""
        try:
            first, second = self.read(2)
            assert first & 0x70 == 0, "reserved bits"
            assert second < 128, "a server's frame is not masked"
            size = second
            if second == 126:
                (size,) = struct.unpack("!H", self.read(2))
            elif second == 127:
                (size,) = struct.unpack("!Q", self.read(8))
            assert first & 0x80, "no server of ours sends fragments"
            return first & 0xF, self.read(size)
        except ConnectionError:
            return None

    def rest(self) -> tuple[list[Message], int | None]:
        """All frames that still come before the close, and its code: None without a close, 0 if it names none."""
        messages: list[Message] = []
        while (message := self.next()) is not None:
            if message[0] == CLOSE:
                assert self.next() is None, "something behind the close"
                return messages, int.from_bytes(message[1][:2], "big")
            messages.append(message)
        return messages, None

    def live(self, case: Case) -> tuple[list[Message], int | None]:
        """Do what the case says; what came of it, as `rest`."""
        with contextlib.suppress(ConnectionError):  # it may have closed already
            for written in case.writes:
                self.socket.sendall(written)
            if case.hang_up:
                self.socket.shutdown(socket.SHUT_WR)
        if not case.then:
            return self.rest()
        answers = [message for _ in case.answers if (message := self.next()) is not None]
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(case.then)
        more, code = self.rest()
        return answers + more, code

    def read(self, size: int) -> bytes:
        """So many bytes; ConnectionError once the server has hung up."""
        while len(self._unread) < size:
            self._take()
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    def _take(self) -> None:
        data = self.socket.recv(262_144)
        if not data:
            raise ConnectionError("the server hung up")
        self._unread += data


def _large(size: int) -> str:
    return chr(97 + size % 26) * size
