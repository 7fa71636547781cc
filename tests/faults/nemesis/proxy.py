"""A wire that can be bad: between clients and a node, or between a node and its database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

CHUNK = 1 << 16
HELD_SECONDS = 0.2
TEXT_FRAME = 0x81


@dataclass
class Weather:
    """How bad the wire is now.

    Attributes:
        delay, jitter: seconds that each chunk waits, and up to so many more. repeats, swaps: the share of a client's
            messages that arrive twice, or behind the next one. is_silent: nothing passes and nothing is refused.
    """

    delay: float = 0
    jitter: float = 0
    repeats: float = 0
    swaps: float = 0
    is_silent: bool = False


class Frames:
    """The frames of a client's WebSocket in a stream of bytes, which leave in another order or twice."""

    def __init__(self, weather: Weather, chance: random.Random) -> None:
        self._weather, self._chance = weather, chance
        self._bytes = b""
        self._is_open = False  # behind the request that opens the socket
        self.held: bytes | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What is to be passed on now that `data` came."""
        self._bytes += data
        if not self._is_open:
            end = self._bytes.find(b"\r\n\r\n")
            if end < 0:
                return
            head, self._bytes = self._bytes[: end + 4], self._bytes[end + 4 :]
            self._is_open = True
            yield head
        while (length := _frame_length(self._bytes)) is not None:
            frame, self._bytes = self._bytes[:length], self._bytes[length:]
            yield from self._mangled(frame)

    def release(self) -> Iterator[bytes]:
        """The frame that was held back, if there is one."""
        if self.held is not None:
            held, self.held = self.held, None
            yield held

    def _mangled(self, frame: bytes) -> Iterator[bytes]:
        weather = self._weather
        is_message = frame[0] == TEXT_FRAME
        if is_message and self.held is None and self._chance.random() < weather.swaps:
            self.held = frame
            return
        yield frame
        if is_message and self._chance.random() < weather.repeats:
            yield frame
        yield from self.release()


def _frame_length(data: bytes) -> int | None:
    """The length of the masked frame at the beginning; None if it is not whole yet (RFC 6455, 5.2)."""
    if len(data) < 2:
        return None
    size, head = data[1] & 127, 2
    if size >= 126:
        head = 4 if size == 126 else 10
        if len(data) < head:
            return None
        size = int.from_bytes(data[2:head])
    length = head + 4 + size
    return length if len(data) >= length else None


class Proxy:
    """A port of 127.0.0.1 that leads to another one, through `weather`."""

    def __init__(self, port: int, target: int, chance: random.Random, *, carries_frames: bool = False) -> None:
        self.port, self.target = port, target
        self.weather = Weather()
        self._chance = chance
        self._carries_frames = carries_frames
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def close(self) -> None:
        """Stop listening and cut what is open."""
        if self._server is not None:
            self._server.close()
        self._flows.set()
        self.cut()

    def silence(self) -> None:
        """From now on nothing passes, in both directions; nobody is told."""
        self._flows.clear()

    def calm(self) -> None:
        """All is well again; what waited arrives."""
        self.weather.delay = self.weather.jitter = self.weather.repeats = self.weather.swaps = 0
        self._flows.set()

    def cut(self) -> int:
        """Break all connections at once; returns how many."""
        for writer in self._writers:
            writer.transport.abort()
        return len(self._writers) // 2

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, forth}
        self._writers |= both
        frames = Frames(self.weather, self._chance) if self._carries_frames else None
        pumps = [
            asyncio.ensure_future(self._pump(reader, forth, frames)),
            asyncio.ensure_future(self._pump(back, writer, None)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait(pumps, timeout=1)
        finally:
            for pump in pumps:
                pump.cancel()
            self._writers -= both
            for each in both:
                each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, frames: Frames | None) -> None:
        with suppress(OSError):
            while (pieces := await self._next(reader, frames)) is not None:
                await self._flows.wait()
                if self.weather.delay or self.weather.jitter:
                    await asyncio.sleep(self.weather.delay + self._chance.random() * self.weather.jitter)
                writer.writelines(pieces)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()

    async def _next(self, reader: asyncio.StreamReader, frames: Frames | None) -> Iterable[bytes] | None:
        """What is to be passed on next; None at the end."""
        if frames is None:
            data = await reader.read(CHUNK)
            return [data] if data else None
        try:
            async with asyncio.timeout(None if frames.held is None else HELD_SECONDS):
                data = await reader.read(CHUNK)
        except TimeoutError:
            return list(frames.release())
        return list(frames.feed(data)) if data else None
