"""A network between a browser and the server, in the hands of the test."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.support.processes import free_port

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Network:
    """Passes TCP on from its own port to the server's, until it is cut or goes silent.

    Runs in a thread of its own: Playwright's synchronous interface keeps the test's thread busy.
    """

    def __init__(self, server_port: int) -> None:
        self.port = free_port()
        self._server_port = server_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Future[None]] = set()
        self._is_cut = False
        self._flows = asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._flows.set()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """Drop all connections, and every new one at once."""
        self._is_cut = True
        self._in_loop(self._drop)

    def silence(self) -> None:
        """Let connections stand, but let nothing through any more: nobody is told."""
        self._in_loop(self._flows.clear)

    def restore(self) -> None:
        """Pass everything on again."""
        self._is_cut = False
        self._in_loop(self._flows.set)

    def through(self, address: str) -> str:
        """The same address as seen from the browser's side of this network."""
        return address.replace(f":{self._server_port}", f":{self.port}")

    def _in_loop(self, act: Callable[[], object]) -> None:
        async def run() -> None:
            act()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, upstream[1]}
        pumps = (self._pump(reader, upstream[1]), self._pump(upstream[0], writer))
        self._pumps |= {asyncio.ensure_future(pump) for pump in pumps}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.close()
        self._writers.discard(writer)

    def _drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _close(self) -> None:
        self._server.close()
        self._drop()
        self._flows.set()
        await asyncio.gather(*self._pumps, return_exceptions=True)
