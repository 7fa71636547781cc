"""How a rehearsal ends what its candidates do."""

from __future__ import annotations

import asyncio

from sitting.rehearsal.tasks import end_all


async def test_task_that_lost_its_cancellation_is_cancelled_again() -> None:
    cancelled = 0

    async def stubborn() -> None:
        nonlocal cancelled
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled += 1
        await asyncio.sleep(60)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(end_all([task], again_after=0.01), 5)
    assert task.cancelled()
    assert cancelled == 1
