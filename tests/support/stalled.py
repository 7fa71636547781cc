"""A client that speaks WebSocket by hand, so that it can stop reading, and send what no library would."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from websockets.frames import Frame, Opcode

SMALL = 4096  # bytes: what the client's own system takes before it lets the server wait


class RawClient:
    """A connected socket behind a finished handshake; nothing is read but by `rest`."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)  # the server's buffer follows it
        self.socket.settimeout(30)
        assert parts.hostname is not None
        self.socket.connect((parts.hostname, parts.port or 80))
        key = base64.b64encode(os.urandom(16)).decode()
        head = (
            f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: sitting.v1\r\n\r\n"
        )
        self.socket.sendall(head.encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self.socket.recv(1)
        assert answer.startswith(b"HTTP/1.1 101 "), answer

    def send(self, *texts: str) -> None:
        """Text frames in one write."""
        self.socket.sendall(b"".join(Frame(Opcode.TEXT, text.encode()).serialize(mask=True) for text in texts))

    def flood(self, frame: Frame, *, bytes_: int) -> int:
        """That frame again and again, until so many bytes are sent or the server takes no more; how many were."""
        block = frame.serialize(mask=True) * 2000
        sent = 0
        self.socket.settimeout(2)
        with contextlib.suppress(OSError):
            while sent < bytes_:
                sent += self.socket.send(block)
        return sent

    def rest(self) -> bytes:
        """All that still comes until the server hangs up."""
        taken = b""
        with contextlib.suppress(ConnectionError):
            while data := self.socket.recv(65_536):
                taken += data
        return taken


@contextlib.contextmanager
def raw_client(address: str) -> Iterator[RawClient]:
    client = RawClient(address)
    try:
        yield client
    finally:
        client.socket.close()


def close_code(data: bytes) -> int | None:
    """The code of the close frame at the end of what a server sent; None if there is none."""
    for length in range(2, min(len(data), 127)):
        if data[-length - 2 : -length] == bytes((0x88, length)):
            return int.from_bytes(data[-length:][:2])
    return None


def resident_bytes(pid: int) -> int:
    """How much memory the process has now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
