"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

AGAIN_AFTER = 0.1  # seconds


async def end_all(tasks: Collection[asyncio.Task[Any]], *, again_after: float = AGAIN_AFTER) -> None:
    """Cancel these, and return when all have ended.

    Once is not enough: `asyncio.wait_for` of Python 3.11 forgets a cancellation if what it waits for is ready in the
    same instant. Whoever survives is cancelled again after so many seconds.
    """
    while alive := [task for task in tasks if not task.done()]:
        for task in alive:
            task.cancel()
        await asyncio.wait(alive, timeout=again_after)
