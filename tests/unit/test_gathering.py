"""Gathering: many that ask at one instant are served in one go, and none spoils it for the others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from sitting.domain.errors import Unavailable
from sitting.storage.errors import Separately, SequenceTaken
from sitting.storage.gathering import MAX_TOGETHER, MAX_TRIES, Gathering


class Worker:
    """Doubles numbers, and keeps the batches in which they came."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    async def __call__(self, items: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(items))
        await asyncio.sleep(0)
        return [self.outcome(item, alone=len(items) == 1) for item in items]

    def outcome(self, item: int, *, alone: bool) -> int | Exception:
        return 2 * item


async def ask(worker: Worker, items: Sequence[int]) -> list[int | BaseException]:
    gathering: Gathering[int, int] = Gathering(worker)
    return await asyncio.gather(*map(gathering.add, items), return_exceptions=True)


async def test_those_who_ask_at_once_are_served_in_one_go_of_bounded_size() -> None:
    worker = Worker()
    assert await ask(worker, range(MAX_TOGETHER + 3)) == [2 * n for n in range(MAX_TOGETHER + 3)]
    assert list(map(len, worker.batches)) == [MAX_TOGETHER, 3]


async def test_refusal_of_one_is_nobody_elses() -> None:
    class Refuses(Worker):
        def outcome(self, item: int, *, alone: bool) -> int | Exception:
            return LookupError() if item == 1 else 2 * item

    first, refused, last = await ask(Refuses(), [0, 1, 2])
    assert (first, last) == (0, 4)
    assert isinstance(refused, LookupError)


async def test_batch_that_breaks_is_done_one_by_one() -> None:
    class Breaks(Worker):
        async def __call__(self, items: Sequence[int]) -> list[int | Exception]:
            results = await super().__call__(items)
            if 1 in items:
                raise ZeroDivisionError
            return results

    first, broken, last = await ask(Breaks(), [0, 1, 2])
    assert (first, last) == (0, 4)
    assert isinstance(broken, ZeroDivisionError)


async def test_database_that_fails_is_asked_once_and_not_for_each() -> None:
    class Down(Worker):
        async def __call__(self, items: Sequence[int]) -> list[int | Exception]:
            await super().__call__(items)
            raise Unavailable

    worker = Down()
    assert [type(each) for each in await ask(worker, [0, 1, 2])] == [Unavailable] * 3
    assert worker.batches == [[0, 1, 2]]


async def test_what_takes_a_transaction_of_its_own_gets_one() -> None:
    class Apart(Worker):
        def outcome(self, item: int, *, alone: bool) -> int | Exception:
            return 2 * item if alone else Separately()

    worker = Apart()
    assert await ask(worker, [3, 4]) == [6, 8]
    assert worker.batches == [[3, 4], [3], [4]]


async def test_who_loses_again_and_again_is_told_to_come_back() -> None:
    class Loses(Worker):
        def outcome(self, item: int, *, alone: bool) -> int | Exception:
            return SequenceTaken()

    worker = Loses()
    (told,) = await ask(worker, [1])
    assert isinstance(told, Unavailable)
    assert len(worker.batches) == MAX_TRIES


async def test_caller_that_goes_away_takes_nothing_back() -> None:
    worker = Worker()
    gathering: Gathering[int, int] = Gathering(worker)
    gone, stays = asyncio.create_task(gathering.add(1)), asyncio.create_task(gathering.add(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert worker.batches == [[1, 2]]
