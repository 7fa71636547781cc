"""Whoever is cancelled while it writes leaves nothing behind, and nobody waiting."""

from __future__ import annotations

import asyncio
from itertools import count

from sqlalchemy import text

from sitting.storage.tables import users
from sitting.storage.unit_of_work import Storage
from tests.support.builders import make_user
from tests.support.cancelling import cancelled_at
from tests.support.storage import rows

MOST_WAITS = 200


async def rename_all(storage: Storage, name: str) -> None:
    async with storage.database.writing() as connection:
        await connection.execute(text("SELECT id FROM users"))
        await connection.execute(text("UPDATE users SET name = :name"), {"name": name})
        await connection.execute(text("SELECT name FROM users"))


async def test_writer_that_is_cancelled_anywhere_keeps_nobody_from_writing(storage: Storage) -> None:
    for _ in range(3):
        await make_user(storage)
    kept = list[BaseException]()  # as of a task whose outcome somebody may still ask for
    for wait in count(1):
        assert wait < MOST_WAITS
        cancelled = asyncio.create_task(cancelled_at(wait, rename_all(storage, "cancelled")))
        [outcome] = await asyncio.gather(cancelled, return_exceptions=True)
        names = {row.name for row in await rows(storage, users)}
        async with asyncio.timeout(3):
            await rename_all(storage, "done")
        if outcome is None:
            break
        assert isinstance(outcome, asyncio.CancelledError)
        assert len(names) == 1
        kept.append(outcome)
    assert len(kept) > 5
