"""Runs in real processes: a server that has a model writes, and one that is told to stop leaves its runs to others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from sitting.domain.run import Run, RunStatus
from sitting.domain.spending import Cost
from sitting.rehearsal.scripted_faults import Fault
from sitting.rehearsal.scripted_model import ScriptedModel
from sitting.storage.unit_of_work import Storage
from tests.support.eventually import eventually
from tests.support.run_nodes import comes_to, handed_in, wish_for
from tests.support.runs import stored
from tests.support.scripted_model import ScriptedServer
from tests.support.server import SittingProcess
from tests.support.storage import running_storage

T = TypeVar("T")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(ScriptedModel(retry_after=0)) as running:
        yield running


def beside(url: str, work: Callable[[Storage], Awaitable[T]]) -> T:
    """Do something in the database of a running server."""

    async def do() -> T:
        async with running_storage(url) as storage:
            return await work(storage)

    return asyncio.run(do())


def test_server_that_is_stopped_gives_its_run_back_and_the_next_one_ends_it(
    database_url: str, tmp_path: Path, server: ScriptedServer
) -> None:
    server.model.misbehave(Fault.HANG, 1)
    env = {"SITTING_MODEL_URL": server.base_url, "SITTING_MODEL_NAME": server.name}
    with SittingProcess.serve(database_url, tmp_path, env=env) as sitting:
        run = beside(database_url, wish_for)
        eventually(lambda: assert_asked(server))
        assert look(database_url, run).status is RunStatus.RUNNING
        assert sitting.terminate() == 0
    left = look(database_url, run)
    assert (left.status, left.leased_by, left.held) == (RunStatus.QUEUED, None, Cost())
    with SittingProcess.serve(database_url, tmp_path, env=env):
        beside(database_url, lambda storage: comes_to(storage, run.run_id, RunStatus.DONE))
    assert len(beside(database_url, lambda storage: handed_in(storage, run.run_id))) == 5


def look(url: str, run: Run) -> Run:
    """The run as it stands."""
    return beside(url, lambda storage: stored(storage, run.run_id))


def assert_asked(server: ScriptedServer) -> None:
    assert server.model.seen
