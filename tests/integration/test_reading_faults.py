"""A socket that can be read no more: the client is told so, and nobody waits for it for ever."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import structlog

from sitting.protocol.connection import ConnectionState
from sitting.storage.unit_of_work import Storage
from tests.support.fuzz import Arena, arena

FAULT = "the reader met what nobody foresaw"


async def last_frames(wire: Any) -> tuple[list[dict[str, Any]], int]:
    """What the server still says, and the code with which it closes."""
    frames: list[dict[str, Any]] = []
    while True:
        message = await asyncio.wait_for(wire._out.get(), 10)
        if message["type"] == "websocket.close":
            await asyncio.wait_for(wire._served, 10)
            return frames, message["code"]
        frames.append(json.loads(message["text"]))


async def break_reading(room: Arena, monkeypatch: pytest.MonkeyPatch) -> tuple[list[dict[str, Any]], int]:
    """A frame arrives whose reading fails; what the client hears then."""

    def fail(*_: Any) -> None:
        raise ZeroDivisionError(FAULT)

    wire = await room.resumed()
    with monkeypatch.context() as patch:
        patch.setattr(ConnectionState, "frame_received", fail)
        await wire.say('{"type":"heartbeat"}')
        return await last_frames(wire)


async def test_fault_in_reading_is_told_with_an_id_and_closes_with_1011(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with arena(storage) as room:
        with structlog.testing.capture_logs() as said:
            [told], code = await break_reading(room, monkeypatch)
        assert code == 1011
        assert told["data"]["code"] == "internal_error"
        assert FAULT not in json.dumps(told)
        [entry] = [each for each in said if each["event"] == "unforeseen_error"]
        assert told["data"]["details"] == {"error_id": entry["error_id"]}
        assert FAULT in str(entry["exc_info"])
        await (await room.resumed()).leave()
