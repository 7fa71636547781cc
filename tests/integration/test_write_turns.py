"""Who writes first: candidates do not wait behind the runs that write their questions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from sitting.domain.run import Run
from sitting.domain.spending import Cost, Limits
from sitting.questions.graph.tools import Told
from sitting.storage.checkpoints import RunSaver
from sitting.storage.database import LATER_AT_ONCE
from sitting.storage.turns import Urgency
from sitting.storage.unit_of_work import Storage
from sitting.usecases.hand_in_question import hand_in_question
from sitting.usecases.spend import purse_of
from sitting.workers.run_progress import RunProgress
from tests.support.builders import make_user, seated
from tests.support.clock import NOON, ManualClock
from tests.support.runs import make_proposal, run_at_work, stored
from tests.support.storage import running_storage

Write = Callable[[Storage, Run], Awaitable[object]]


async def keep_a_checkpoint(storage: Storage, run: Run) -> None:
    saver = RunSaver(storage, run.lease)
    await saver.aput({"configurable": {"thread_id": run.run_id, "checkpoint_ns": ""}}, empty_checkpoint(), {}, {})


async def reserve(storage: Storage, run: Run) -> None:
    await purse_of(storage, run.lease, Limits()).reserve(Cost(tokens=1))


async def hand_in(storage: Storage, run: Run) -> None:
    await hand_in_question(storage, run.lease, make_proposal(run.run_id), accept=False, now=NOON)


async def say_how_far(storage: Storage, run: Run) -> None:
    await RunProgress(storage, ManualClock(), run).tell(Told("check"))


@pytest.mark.parametrize("write", [keep_a_checkpoint, reserve, hand_in, say_how_far])
async def test_run_writes_after_the_candidates(storage: Storage, write: Write) -> None:
    run, done = await stored(storage, (await run_at_work(storage)).run_id), list[str]()

    async def note(name: str, work: Awaitable[object]) -> None:
        await work
        done.append(name)

    one_at_a_time = storage.database.url.is_sqlite
    async with asyncio.timeout(10), asyncio.TaskGroup() as group, AsyncExitStack() as others:  # at work already
        for _ in range(1 if one_at_a_time else LATER_AT_ONCE):
            await others.enter_async_context(storage.database.turn(Urgency.LATER))
        group.create_task(note("run", write(storage, run)))
        await asyncio.sleep(0)  # it waits
        candidate = group.create_task(note("candidate", make_user(storage)))
        await (asyncio.sleep(0) if one_at_a_time else candidate)
    assert done == ["candidate", "run"]


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
