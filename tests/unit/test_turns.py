"""Turns of writers: the urgent go before the others, one at a time, and nobody's turn is lost."""

from __future__ import annotations

import asyncio

import pytest

from sitting.storage.turns import Turns, Urgency

pytestmark = pytest.mark.anyio
NOW, SOON, LATER = Urgency


class Writers:
    """Tasks that note when they have their turn, and keep it until they are told to end.

    Attributes:
        seen: the names of those who have had their turn, in that order.
    """

    def __init__(self) -> None:
        self.turns = Turns()
        self.seen: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, name: str, urgency: Urgency) -> None:
        """Somebody wants to write."""
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._write(name, urgency))
        await asyncio.sleep(0)

    async def _write(self, name: str, urgency: Urgency) -> None:
        async with self.turns.turn(urgency):
            self.seen.append(name)
            await self.ends[name].wait()

    async def end(self, name: str) -> None:
        """That one's turn is over."""
        self.ends[name].set()
        await self.tasks[name]
        await asyncio.sleep(0)

    async def end_all(self) -> None:
        """All come to their end, each in its turn."""
        for end in self.ends.values():
            end.set()
        ended = await asyncio.wait_for(asyncio.gather(*self.tasks.values(), return_exceptions=True), 5)
        assert {type(each) for each in ended} <= {type(None), asyncio.CancelledError}


async def test_the_urgent_do_not_wait_behind_the_others_and_those_alike_keep_their_order() -> None:
    writers = Writers()
    await writers.come("first", LATER)
    for name, urgency in (
        ("a run", LATER),
        ("another run", LATER),
        ("a start", SOON),
        ("an end", SOON),
        ("answers", NOW),
    ):
        await writers.come(name, urgency)
    assert writers.seen == ["first"]
    await writers.end_all()
    assert writers.seen == ["first", "answers", "a start", "an end", "a run", "another run"]


async def test_one_that_comes_again_lets_another_one_go_before() -> None:
    writers = Writers()
    await writers.come("answers", NOW)
    await writers.come("a start", SOON)
    await writers.come("a run", LATER)
    await writers.end("answers")
    await writers.come("more answers", NOW)
    assert writers.seen == ["answers", "a start"]
    await writers.end("a start")
    await writers.come("still more answers", NOW)
    await writers.end("more answers")
    await writers.end_all()
    assert writers.seen == ["answers", "a start", "more answers", "still more answers", "a run"]


async def test_whoever_gives_up_waiting_is_passed_over() -> None:
    writers = Writers()
    for name in ("first", "second", "third"):
        await writers.come(name, SOON)
    writers.tasks["second"].cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert writers.seen == ["first"]
    await writers.end_all()
    assert writers.seen == ["first", "third"]


async def test_whoever_gives_up_as_its_turn_would_come_is_passed_over() -> None:
    writers = Writers()
    async with writers.turns.turn(SOON):
        await writers.come("first", SOON)
        await writers.come("second", LATER)
        writers.tasks["first"].cancel()  # it waits no more, and does not know it yet
    await writers.end_all()
    assert writers.seen == ["second"]


async def test_whoever_is_cancelled_as_its_turn_comes_hands_it_on() -> None:
    writers = Writers()
    async with writers.turns.turn(SOON):
        await writers.come("first", SOON)
        await writers.come("second", SOON)
    writers.tasks["first"].cancel()  # it has its turn, and does not know it yet
    await writers.end_all()
    assert writers.seen == ["second"]


async def test_a_turn_that_fails_is_over() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="on purpose"):
        async with turns.turn(SOON):
            raise ValueError("on purpose")
    async with asyncio.timeout(5), turns.turn(LATER):
        pass
