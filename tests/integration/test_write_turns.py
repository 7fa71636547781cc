"""Who writes first: candidates do not wait behind whatever is less urgent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from tests.support.builders import make_user, seated
from tests.support.storage import running_storage


async def test_answers_of_candidates_go_before_all_else_on_sqlite(sqlite_database_url: str) -> None:
    done = list[str]()

    async def note(name: str, work: Awaitable[object]) -> None:
        await work
        done.append(name)

    async with running_storage(sqlite_database_url) as storage, asyncio.timeout(10):
        seat = await seated(storage)
        async with asyncio.TaskGroup() as group, storage.database.turn():
            group.create_task(note("somebody new", make_user(storage)))
            await asyncio.sleep(0)
            group.create_task(note("answer", seat.answer(1)))
            for _ in range(10):  # through the journal's task, which nothing holds up
                await asyncio.sleep(0)
    assert done == ["answer", "somebody new"]
