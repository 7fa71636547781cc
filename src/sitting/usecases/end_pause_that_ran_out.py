"""Let the clock run again where a pause has lasted as long as it may."""

from __future__ import annotations

from datetime import datetime

from sitting.storage.unit_of_work import Storage, UnitOfWork


async def end_pause_that_ran_out(storage: Storage, assessment_id: int, *, now: datetime) -> bool:
    """End the pause at the instant when it ran out; false if there is none that did, so twice does no harm.

    Raises:
        Unavailable: the database failed.
    """

    async def work(unit: UnitOfWork) -> bool:
        live = await unit.load(assessment_id)
        return not live.state.is_over and await unit.note_resumption(live, now, now)

    return await storage.work(work)
