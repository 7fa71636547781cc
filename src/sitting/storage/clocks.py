"""How far the database's clock is from ours: nodes that disagree about the time would judge answers differently."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text

from sitting.kit.clock import Clock
from sitting.storage.database import Database

MAX_CLOCK_DIFFERENCE = timedelta(milliseconds=250)


async def clock_difference(database: Database, clock: Clock) -> timedelta:
    """PostgreSQL's clock less ours, measured against the middle of the question's way, so that a slow link is none.

    Raises:
        Unavailable: the database cannot be reached.
    """
    async with database.reading() as connection:
        await connection.scalar(text("SELECT 1"))  # the first statement opens the transaction
        before = clock.now()
        theirs: datetime | None = await connection.scalar(text("SELECT clock_timestamp()"))
        after = clock.now()
    assert theirs is not None
    return theirs - (before + (after - before) / 2)
