"""The PostgreSQL of the tests: what the faults rely on when they kill it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator

import asyncpg
import pytest

from tests.support.postgres import PostgresServer
from tests.support.postgres_binaries import ROUTE_VARIABLE
from tests.support.processes import living


@pytest.fixture(scope="module", params=["found", "wheel"])
def server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """One from the first binaries that are found here, and one from the wheel in any case."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "wheel":
            patch.setenv(ROUTE_VARIABLE, "wheel")
        with PostgresServer() as server:
            yield server


@pytest.fixture
def table(server: PostgresServer) -> Iterator[str]:
    server.execute("CREATE TABLE answers (number int PRIMARY KEY)")
    yield "answers"
    server.execute("DROP TABLE answers")


def test_committed_row_survives_kill_of_the_whole_server(server: PostgresServer, table: str) -> None:
    server.execute(f"INSERT INTO {table} VALUES (1)")
    server.kill()
    with pytest.raises(subprocess.CalledProcessError):
        server.execute("SELECT 1")
    server.start()
    assert server.execute(f"SELECT number FROM {table}") == "1"


async def test_kill_reaches_a_backend_that_is_too_busy_to_notice(server: PostgresServer) -> None:
    connection = await asyncpg.connect(server.url())
    backend = connection.get_server_pid()
    busy = asyncio.create_task(connection.execute("DO $$ BEGIN LOOP END LOOP; END $$"))
    await asyncio.sleep(0)  # the statement is on its way
    server.kill()
    assert living([backend]) == []
    with pytest.raises(asyncpg.PostgresConnectionError):
        await busy
    server.start()


@pytest.mark.parametrize("immediate", [False, True])
def test_restart_keeps_port_and_data(server: PostgresServer, table: str, immediate: bool) -> None:
    before = server.url()
    server.execute(f"INSERT INTO {table} VALUES (2)")
    server.restart(immediate=immediate)
    assert server.url() == before
    assert server.execute(f"SELECT number FROM {table}") == "2"


def test_acknowledged_means_on_disk(server: PostgresServer) -> None:
    shown = [server.execute(f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")]
    assert shown == ["on", "on", "on"]


async def test_database_is_copied_from_a_template_and_dropped_under_a_connection(server: PostgresServer) -> None:
    server.create_database("pattern")
    server.execute("CREATE TABLE seats (number int)", database="pattern")
    copy = server.create_database("copy", template="pattern")
    connection = await asyncpg.connect(copy)
    assert await connection.fetch("SELECT * FROM seats") == []
    server.drop_database("copy")
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError)):
        await connection.fetch("SELECT 1")
    server.drop_database("pattern")
    assert server.execute("SELECT datname FROM pg_database WHERE NOT datistemplate") == "postgres"
