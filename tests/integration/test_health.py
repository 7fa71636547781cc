"""Whether a node says of itself what is so: that it lives, and that it can do its work."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from sitting.domain.errors import Unavailable
from sitting.kit.clock import SystemClock
from sitting.storage.errors import BadData
from sitting.storage.schema import newest_revision
from sitting.usecases import check_readiness as readiness
from sitting.workers.clock_watch import compare_clocks
from tests.support.builders import seated
from tests.support.databases import migrate
from tests.support.eventually import eventually, eventually_async
from tests.support.journals import full_disk, make_entry, while_the_database_fails
from tests.support.postgres import PostgresServer
from tests.support.rest import Rest, refused, said, serving
from tests.support.server import SittingProcess
from tests.support.storage import execute, running_storage


async def reasons(rest: Rest) -> list[str]:
    """Why the node is not ready; empty if it is."""
    response = await rest.client.get("/readyz")
    if response.status_code == 200:
        assert said(response) == {"status": "ready"}
        return []
    problem = refused(response, 503, "unavailable")
    assert problem["retryable"] is True
    assert set(problem["details"]) == {"reasons"}
    found: list[str] = problem["details"]["reasons"]
    return found


async def test_node_that_can_work_is_ready(rest: Rest) -> None:
    assert await reasons(rest) == []


async def test_node_whose_journal_died_is_not_ready_and_lives_all_the_same(rest: Rest) -> None:
    task = rest.storage.journal._task
    assert task is not None
    task.cancel()
    await eventually_async(lambda: check_reasons(rest, [readiness.NO_JOURNAL]))
    assert said(await rest.client.get("/healthz")) == {"status": "ok"}
    await rest.storage.journal.start()
    assert await reasons(rest) == []


async def check_reasons(rest: Rest, expected: list[str]) -> None:
    assert await reasons(rest) == expected


async def test_node_whose_commit_failed_is_not_ready_until_one_works_and_nobody_has_to_send_one(rest: Rest) -> None:
    storage = rest.storage
    seat = await seated(storage)
    writing = seat.answer(1)
    key = (seat.live.assessment_id, seat.live.state.seq + 1)
    if storage.database.url.is_sqlite:
        with full_disk():
            with pytest.raises(Unavailable):
                await writing
            assert await reasons(rest) == [readiness.JOURNAL_FAILED]
            await storage.journal._probe()
            assert await reasons(rest) == [readiness.JOURNAL_FAILED], "the disk is full still"
    else:
        with pytest.raises(Unavailable):
            await while_the_database_fails(storage, key, writing)
        assert await reasons(rest) == [readiness.JOURNAL_FAILED]
    await eventually_async(lambda: check_reasons(rest, []))


async def test_answer_that_the_database_refuses_is_no_failure_of_the_journal(rest: Rest) -> None:
    seat = await seated(rest.storage)
    with pytest.raises(BadData):
        await rest.storage.journal.append(make_entry(seat, question_id="no such question"))
    assert await reasons(rest) == []


async def test_node_that_stops_is_not_ready(rest: Rest) -> None:
    rest.services.node.is_draining = True
    assert await reasons(rest) == [readiness.DRAINING]


@pytest.mark.parametrize(("milliseconds", "ready"), [(0, True), (200, True), (-200, True), (400, False), (-400, False)])
async def test_node_is_ready_only_if_its_clock_agrees_with_postgresqls(
    milliseconds: int, ready: bool, postgresql_database_url: str
) -> None:
    class Shifted:
        def now(self) -> Any:
            return SystemClock().now() + timedelta(milliseconds=milliseconds)

    async with running_storage(postgresql_database_url) as storage, serving(storage) as rest:
        services = replace(rest.services, clock=Shifted())
        with capture_logs() as logged:
            await compare_clocks(services)
        assert await reasons(rest) == ([] if ready else [readiness.CLOCKS_DIFFER])
        assert [entry["event"] for entry in logged] == ([] if ready else ["clocks_differ"])
        [line] = [x for x in services.metrics.text().decode().splitlines() if x.startswith("sitting_clock_difference")]
        assert abs(float(line.split()[1]) + milliseconds / 1000) < 0.1


async def test_database_of_another_version_is_not_ready(rest: Rest, database_kind: str) -> None:
    await execute(rest.storage, "UPDATE alembic_version SET version_num = 'ffff'")
    try:
        [reason] = await reasons(rest)
        assert "a newer Sitting made this database" in reason
    finally:
        newest = newest_revision()
        await execute(rest.storage, "UPDATE alembic_version SET version_num = :newest", newest=newest)
    assert await reasons(rest) == []


async def test_file_that_is_gone_or_replaced_is_not_ready(sqlite_database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "sitting.db"
    async with running_storage(sqlite_database_url) as storage, serving(storage) as rest:
        assert await reasons(rest) == []
        file.rename(tmp_path / "away.db")
        assert await reasons(rest) == [readiness.FILE_GONE]
        shutil.copy(tmp_path / "away.db", file)
        assert await reasons(rest) == [readiness.FILE_GONE], "our connections still write into the other one"
        (tmp_path / "away.db").rename(file)
        assert await reasons(rest) == []


def state(server: SittingProcess, path: str) -> tuple[int, list[str]]:
    response = httpx2.get(f"{server.base_url}{path}", timeout=30)
    return response.status_code, response.json().get("details", {}).get("reasons", [])


def check_state(server: SittingProcess, expected: tuple[int, list[str]]) -> None:
    assert state(server, "/readyz") == expected


def test_node_is_not_ready_while_postgresql_is_stopped_and_is_again_by_itself(tmp_path: Path) -> None:
    with PostgresServer() as postgres:
        migrate(url := postgres.create_database("health"))
        with SittingProcess.serve(url, tmp_path) as server:
            assert state(server, "/readyz") == (200, [])
            postgres.stop(immediate=True)
            assert state(server, "/readyz") == (503, [readiness.SILENT])
            assert state(server, "/healthz") == (200, [])
            postgres.start()
            eventually(lambda: check_state(server, (200, [])))
            assert "Traceback" not in server.tail()
