"""Many WebSocket clients in one thread: sockets of the kernel, frames made beforehand, every acknowledgement looked at.

A client of a library would use more of the processor than the server that it is to measure.
"""

from __future__ import annotations

import base64
import gc
import os
import select
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import msgspec

SUBPROTOCOL = "sitting.v1"
FIRST_NUMBER = 10_000_000  # client_seq, always of eight digits
AT_ONCE = 16
_KEY = 0x5A  # four equal bytes mask each byte alike, so that a frame can be masked without knowing where it is
_MASK = bytes(byte ^ _KEY for byte in range(256))
_TEXT, _CLOSE, _PING = 0x81, 0x88, 0x89
_SETTLE_SECONDS = 15.0


class Unexpected(Exception):
    """A server said something else than it had to."""


# --- frames ---


def masked(payload: bytes, opcode: int = _TEXT) -> bytes:
    """A whole frame as clients send it."""
    length = len(payload)
    if length >= 65_536:
        raise ValueError("no such large frame is needed here")
    head = bytes([opcode, 0x80 | length]) if length < 126 else bytes([opcode, 0xFE, length >> 8, length & 255])
    return head + bytes([_KEY] * 4) + payload.translate(_MASK)


def cut(buffer: bytes) -> tuple[int, bytes, int] | None:
    """The first frame of what a server sent: its opcode byte, its payload, where it ends; None: not all there yet."""
    if len(buffer) < 2:
        return None
    length, begin = buffer[1], 2
    if length == 126:
        length, begin = int.from_bytes(buffer[2:4], "big"), 4
    elif length == 127:
        length, begin = int.from_bytes(buffer[2:10], "big"), 10
    end = begin + length
    return None if len(buffer) < max(begin, end) else (buffer[0], buffer[begin:end], end)


# --- connections ---


@dataclass(frozen=True)
class Way:
    """How to speak to a server.

    Attributes:
        path: of the socket, with its query. greeting: what to say first; its reply ends with a message `until`.
        acknowledges: the beginning of the one message that acknowledges an answer, empty: the answer itself comes back.
    """

    path: str
    acknowledges: bytes = b'{"type":"answer_saved"'
    greeting: bytes | None = None
    until: bytes = b'{"type":"question"'


class Client:
    """One connection, with at most one answer outstanding."""

    __slots__ = ("_answers", "_buffer", "_number", "due", "expected", "fileno", "sent_at", "sock", "way")

    def __init__(self, sock: socket.socket, way: Way, answers: Sequence[bytes]) -> None:
        self.sock, self.way, self.fileno = sock, way, sock.fileno()
        self.expected: bytes | None = None
        self.sent_at = 0.0
        self.due = 0.0
        self._answers = answers
        self._number = FIRST_NUMBER
        self._buffer = b""

    def send(self, at: float) -> None:
        """Answer the next question; the time that counts for it is `at`, on the clock of time.perf_counter."""
        self._number = number = self._number + 1
        answer = self._answers[number % len(self._answers)]
        self.expected = b'"client_seq":%d' % number
        self.sent_at = at
        self.sock.send(masked(answer % number))

    def receive(self) -> bool:
        """Read what is there; true if the outstanding answer was acknowledged.

        Raises:
            Unexpected: it was refused, or the server closed.
        """
        data = self.sock.recv(65_536)
        if not data:
            raise Unexpected("the connection was closed")
        buffer = self._buffer + data if self._buffer else data
        acknowledged = False
        while (frame := cut(buffer)) is not None:
            opcode, payload, end = frame
            buffer = buffer[end:]
            acknowledged = self._take(opcode, payload) or acknowledged
        self._buffer = buffer
        return acknowledged

    def _take(self, opcode: int, payload: bytes) -> bool:
        if opcode == _PING:
            self.sock.send(masked(payload, 0x8A))
        elif opcode != _TEXT:
            raise Unexpected(f"frame {opcode:#x} {payload!r}")
        elif payload.startswith(self.way.acknowledges):
            if self.expected is None or self.expected not in payload:
                raise Unexpected(f"{payload!r} acknowledges what is not outstanding: {self.expected!r}")
            self.expected = None
            return True
        elif not payload.startswith((b'{"type":"progress_update"', b'{"type":"time_warning"')):
            raise Unexpected(payload.decode(errors="replace"))
        return False


def _connect(port: int, way: Way, answers: Sequence[bytes]) -> Client:
    sock = socket.create_connection(("127.0.0.1", port), timeout=30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {way.path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        *([f"Sec-WebSocket-Protocol: {SUBPROTOCOL}"] if way.greeting is not None else []),
    ]
    sock.sendall("\r\n".join([*lines, "", ""]).encode())
    rest = _after_handshake(sock)
    if way.greeting is not None:
        _greet(sock, way, rest)
    sock.setblocking(False)
    return Client(sock, way, answers)


def _after_handshake(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(sock)
    head, _, rest = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 101"):
        raise Unexpected(head.decode(errors="replace"))
    return rest


def _greet(sock: socket.socket, way: Way, buffer: bytes) -> None:
    assert way.greeting is not None
    sock.sendall(masked(way.greeting))
    while True:
        while (frame := cut(buffer)) is None:
            buffer += _more(sock)
        opcode, payload, end = frame
        buffer = buffer[end:]
        if opcode != _TEXT or payload.startswith(b'{"type":"error"'):
            raise Unexpected(f"{opcode:#x} {payload!r}")
        if payload.startswith(way.until):
            return


def _more(sock: socket.socket) -> bytes:
    data = sock.recv(65_536)
    if not data:
        raise Unexpected("closed during the handshake or the greeting")
    return data


# --- answers ---


def answers_to(options: dict[str, list[str]], client_id: str = "6d0c3f52b0a1") -> list[bytes]:
    """An answer for each option of each question, as our client sends it; `%d` stands for its client_seq."""
    rounds = max(map(len, options.values()))
    shape = b'{"type":"submit_answer","data":%s,"id":"m1"}'
    return [
        shape % _data(question_id, offered[turn % len(offered)], client_id)
        for turn in range(rounds)
        for question_id, offered in options.items()
    ]


def _data(question_id: str, option: str, client_id: str) -> bytes:
    data = {"question_id": question_id, "selected_option": option, "client_id": client_id, "client_seq": 0}
    return msgspec.json.encode(data).replace(b'"client_seq":0', b'"client_seq":%d')


# --- what is measured ---


@dataclass
class Sample:
    """What happened in one window.

    Attributes:
        seconds: its length. acks: answers that were acknowledged in it. latencies: of these, in seconds, sorted.
    """

    seconds: float = 0.0
    acks: int = 0
    latencies: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return self.acks / self.seconds

    def percentile(self, percent: float) -> float:
        """The latency, in seconds, below which so many percent stay."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * percent / 100))]


class Load:
    """All clients of a run, those that wait included: pings of every server have to be answered meanwhile."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._clients: dict[int, Client] = {}
        self._latencies: list[float] = []

    def connect(self, port: int, ways: Sequence[Way], answers: Sequence[bytes]) -> list[Client]:
        """A connection for each way, greeted; a few are made at once, and those that are there already live on.

        Raises:
            Unexpected: a handshake or a greeting was refused.
        """
        clients: list[Client] = []
        with ThreadPoolExecutor(AT_ONCE) as threads:
            under_way = {threads.submit(_connect, port, way, answers) for way in ways}
            while under_way:
                done, under_way = wait(under_way, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in done:
                    clients.append(self._add(future.result()))
                self.attend(0)
        return clients

    def drop(self, clients: Sequence[Client]) -> None:
        """Close the connections."""
        for client in clients:
            del self._clients[client.fileno]
            client.sock.close()

    def closed_loop(
        self, clients: Sequence[Client], *, warm_up: float, seconds: float, on_window: Callable[[], None]
    ) -> Sample:
        """Each sends the next answer as soon as the last is acknowledged; `on_window` is called at both ends.

        Raises:
            Unexpected: something was refused, or an answer is not acknowledged in the end.
        """
        _no_garbage_collection()
        began = time.perf_counter()
        for client in clients:
            client.send(time.perf_counter())
        self._answer_until(began + warm_up)
        self._latencies = []
        on_window()
        opened = time.perf_counter()
        self._answer_until(opened + seconds)
        on_window()
        sample = self._sample(time.perf_counter() - opened)
        self._settle(clients)
        return sample

    def paced(
        self, clients: Sequence[Client], *, every: float, warm_up: float, seconds: float, on_window: Callable[[], None]
    ) -> Sample:
        """Each answers every so many seconds, spread evenly; latency counts from when an answer was due.

        Raises:
            Unexpected: something was refused, or an answer is not acknowledged when the next is due.
        """
        _no_garbage_collection()
        began = time.perf_counter()
        step = every / len(clients)
        total, first = int((warm_up + seconds) / step), int(warm_up / step)
        for turn in range(total):
            if turn == first:
                self._latencies = []
                on_window()
            due = began + turn * step
            self._wait_until(due)
            client = clients[turn % len(clients)]
            if client.expected is not None:
                raise Unexpected("an answer was not acknowledged before the next was due")
            client.send(due)
        on_window()
        self._settle(clients)
        return self._sample(seconds)

    def attend(self, seconds: float) -> None:
        """Answer pings for a while."""
        self._wait_until(time.perf_counter() + seconds)

    def _add(self, client: Client) -> Client:
        self._clients[client.fileno] = client
        self._epoll.register(client.fileno, select.EPOLLIN)
        return client

    def _answer_until(self, end: float) -> None:
        clients, latencies, poll, clock = self._clients, self._latencies, self._epoll.poll, time.perf_counter
        while (now := clock()) < end:
            for fileno, _ in poll(min(0.05, end - now)):
                client = clients[fileno]
                if client.receive():
                    now = clock()
                    latencies.append(now - client.sent_at)
                    client.send(now)

    def _wait_until(self, end: float) -> None:
        while True:
            left = end - time.perf_counter()
            for fileno, _ in self._epoll.poll(max(0.0, left)):
                client = self._clients[fileno]
                if client.receive():
                    self._latencies.append(time.perf_counter() - client.sent_at)
            if left <= 0:
                return

    def _settle(self, clients: Sequence[Client]) -> None:
        """Wait for what is outstanding."""
        end = time.perf_counter() + _SETTLE_SECONDS
        while any(client.expected is not None for client in clients):
            if time.perf_counter() > end:
                raise Unexpected(f"no acknowledgement within {_SETTLE_SECONDS} s")
            self._wait_until(time.perf_counter() + 0.05)

    def _sample(self, seconds: float) -> Sample:
        return Sample(seconds, len(self._latencies), sorted(self._latencies))


def _no_garbage_collection() -> None:
    """It would stop all clients at once, and nothing here makes cycles."""
    gc.collect()
    gc.disable()
