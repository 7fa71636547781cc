"""When a frame arrived is what the socket layer says, and the clock's time where it says nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from sitting.delivery.connection import Connection
from sitting.delivery.socket import Socket
from sitting.protocol.connection import ConnectionState

READ_AT = datetime(2030, 1, 1, 12, tzinfo=UTC)
NOW = datetime(2030, 1, 1, 13, tzinfo=UTC)


class _Recording(ConnectionState):
    """Keeps when each frame came, instead of counting them."""

    def __init__(self) -> None:
        super().__init__("c1", speaks_v1=True, url_test_id=None)
        self.arrivals: list[datetime] = []

    def frame_received(self, at: datetime) -> None:
        self.arrivals.append(at)


def arrivals(messages: Sequence[dict[str, Any]]) -> list[datetime]:
    """When frames are held to have come that a server hands over so."""
    queue = [*messages, {"type": "websocket.disconnect", "code": 1000}]

    async def receive() -> Any:
        return queue.pop(0)

    async def send(_: Any) -> None:
        raise AssertionError("nothing is to be said")

    async def read() -> list[datetime]:
        state = _Recording()
        services = SimpleNamespace(clock=SimpleNamespace(now=lambda: NOW))
        connection = Connection(cast(Any, services), cast(Any, None), Socket(receive, send), state)
        await connection._read()
        return state.arrivals

    return asyncio.run(read())


def test_frame_came_when_the_socket_layer_read_it() -> None:
    stamped = {"type": "websocket.receive", "text": "{}", "arrived_at": READ_AT}
    plain = {"type": "websocket.receive", "text": "{}"}
    assert arrivals([stamped, plain, stamped]) == [READ_AT, NOW, READ_AT]
