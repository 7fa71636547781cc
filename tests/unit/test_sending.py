"""What is sent goes the short way: a frame as `websockets` makes it, and a clock only for what has to wait."""

from __future__ import annotations

import asyncio

import pytest
from websockets.frames import Frame, Opcode

from sitting.cli.transport import text_frame
from sitting.delivery.socket import _within


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_text_goes_out_in_the_frame_that_websockets_makes(size: int) -> None:
    data = b"x" * size
    assert text_frame(data) == Frame(Opcode.TEXT, data).serialize(mask=False, extensions=[])


async def test_a_sending_that_need_not_wait_is_done_at_once() -> None:
    sent: list[str] = []

    async def send() -> None:
        sent.append("all")

    await _within(0, send())
    assert sent == ["all"]


async def test_a_sending_that_waits_goes_on_when_it_may() -> None:
    first, second, sent = asyncio.Event(), asyncio.Event(), []

    async def send() -> None:
        for event in (first, second):
            await event.wait()
            sent.append(event)

    sending = asyncio.create_task(_within(10, send()))
    await asyncio.sleep(0)
    first.set()
    await asyncio.sleep(0)
    assert sent == [first]
    second.set()
    await sending
    assert sent == [first, second]


async def test_a_sending_that_waits_too_long_is_cancelled_where_it_waits() -> None:
    ended: list[str] = []

    async def send() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    with pytest.raises(TimeoutError):
        await _within(0.01, send())
    assert ended == ["ended"]


async def test_what_a_sending_raises_comes_through_before_it_waits_and_behind_that() -> None:
    async def fail(*, waits: bool) -> None:
        if waits:
            await asyncio.sleep(0.001)
        raise OSError("gone")

    for waits in (False, True):
        with pytest.raises(OSError, match="gone"):
            await _within(10, fail(waits=waits))


async def test_whoever_is_cancelled_while_a_sending_waits_cancels_it() -> None:
    ended = asyncio.Event()

    async def send() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    sending = asyncio.create_task(_within(10, send()))
    await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert ended.is_set()
