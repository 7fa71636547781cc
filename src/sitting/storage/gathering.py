"""What many ask for at the same time, done for all of them in one go."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sitting.domain.errors import Unavailable
from sitting.storage.errors import Separately, SequenceTaken

K = TypeVar("K")
R = TypeVar("R")

MAX_TOGETHER = 64
MAX_TRIES = 5


@dataclass(slots=True)
class _Waiting(Generic[K, R]):
    item: K
    done: asyncio.Future[R]
    tries: int = 0


class Gathering(Generic[K, R]):
    """Whatever waits at one instant is one batch; the next one begins when that is done.

    Args:
        do: returns for each item its result, or the exception that its caller gets. `SequenceTaken`: the item lost
            against somebody else and is tried again. `Separately`: the item is done again, in a batch of its own. If
            it raises, nothing of the batch is done: `Unavailable` is passed on to all, and for anything else each item
            is done again by itself, so that one cannot spoil it for the others.
        lanes: how many batches may be under way.
    """

    def __init__(self, do: Callable[[Sequence[K]], Awaitable[Sequence[R | Exception]]], *, lanes: int = 1) -> None:
        self._do = do
        self._free = lanes
        self._waiting: deque[_Waiting[K, R]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, item: K) -> R:
        """The result of `item`; a caller that is cancelled takes nothing back."""
        waiting: _Waiting[K, R] = _Waiting(item, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._free:
            self._free -= 1
            self._spawn(self._run())
        return await waiting.done

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # the others of a crowd come one behind the other, in the same turn of the loop
                count = min(len(self._waiting), MAX_TOGETHER)
                await self._settle([self._waiting.popleft() for _ in range(count)])
        finally:
            self._free += 1

    async def _settle(self, batch: list[_Waiting[K, R]]) -> None:
        try:
            results = await self._do([each.item for each in batch])
        except asyncio.CancelledError:
            for each in batch:
                each.done.cancel()
            raise
        except Exception as fault:
            for each in batch:
                self._failed(each, fault, alone=len(batch) == 1)
            return
        for each, result in zip(batch, results, strict=True):
            if isinstance(result, Exception):
                self._failed(each, result, alone=len(batch) == 1 or not isinstance(result, Separately))
            elif not each.done.done():
                each.done.set_result(result)

    def _failed(self, waiting: _Waiting[K, R], fault: Exception, *, alone: bool) -> None:
        waiting.tries += 1
        if isinstance(fault, SequenceTaken) and waiting.tries < MAX_TRIES:
            self._spawn(self._settle([waiting]))
        elif isinstance(fault, Unavailable) or alone:
            if not waiting.done.done():
                waiting.done.set_exception(Unavailable() if isinstance(fault, SequenceTaken | Separately) else fault)
                waiting.done.exception()  # a caller that went away leaves nobody to fetch it
        else:
            self._spawn(self._settle([waiting]))
