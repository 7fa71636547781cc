"""Cancels what goes on at a place that is the same each time, whatever the machine does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any


async def cancelled_at(wait: int, work: Coroutine[Any, Any, object]) -> None:
    """Do `work`, and cancel the task that this is done in when `work` waits for the `wait`-th time."""
    await _watched(wait, work)


@coroutine
def _watched(wait: int, work: Coroutine[Any, Any, object]) -> Generator[Any, Any, None]:
    waits, fault = 0, None
    while True:
        try:
            waited_for = work.throw(fault) if fault else work.send(None)
        except StopIteration:
            return
        waits, fault = waits + 1, None
        task = asyncio.current_task()
        if waits == wait and task is not None:
            task.cancel()
        try:
            yield waited_for
        except BaseException as thrown:
            fault = thrown
