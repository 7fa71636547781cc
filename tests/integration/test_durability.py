"""A database that may lose what it committed is found out, and refused unless somebody insists."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sitting.storage import database as module
from sitting.storage.database import Database
from sitting.storage.durability import find_weaknesses, require_durable
from sitting.storage.url import DatabaseUrl
from tests.support.postgres import PostgresServer


async def weaknesses(url: str, *, only_looking: bool = False) -> dict[str, str]:
    database = Database(DatabaseUrl.parse(url), read_only=only_looking)
    try:
        return {found.setting: found.value for found in await find_weaknesses(database, only_looking=only_looking)}
    finally:
        await database.close()


@pytest.mark.parametrize("only_looking", [False, True])
async def test_our_own_connections_are_durable(database_url: str, only_looking: bool) -> None:
    assert await weaknesses(database_url, only_looking=only_looking) == {}


@pytest.mark.parametrize(("setting", "value"), [("synchronous", "NORMAL"), ("journal_mode", "MEMORY")])
async def test_weak_setting_of_sqlite_is_found(
    sqlite_database_url: str, setting: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = (*module.SQLITE_PRAGMAS, f"PRAGMA {setting} = {value}")
    monkeypatch.setattr(module, "SQLITE_PRAGMAS", weak)
    assert (await weaknesses(sqlite_database_url)).keys() == {setting}


async def test_file_without_a_write_ahead_log_is_found_by_who_only_looks(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE t (n)")
    connection.close()
    assert await weaknesses(f"sqlite:///{file}", only_looking=True) == {"journal_mode": "delete"}


@pytest.mark.parametrize(
    ("value", "found"), [("off", {"synchronous_commit": "off"}), ("local", {"synchronous_commit": "local"})]
)
async def test_weak_commit_of_postgresql_is_found(
    postgresql_database_url: str, postgres_server: PostgresServer, value: str, found: dict[str, str]
) -> None:
    name = postgresql_database_url.rpartition("/")[2]
    postgres_server.execute(f"ALTER DATABASE {name} SET synchronous_commit = {value}")
    assert await weaknesses(postgresql_database_url) == found


async def test_waiting_for_standbys_too_is_durable(
    postgresql_database_url: str, postgres_server: PostgresServer
) -> None:
    name = postgresql_database_url.rpartition("/")[2]
    postgres_server.execute(f"ALTER DATABASE {name} SET synchronous_commit = remote_apply")
    assert await weaknesses(postgresql_database_url) == {}


async def test_server_that_does_not_sync_is_found() -> None:
    with PostgresServer() as server:
        weak = {"fsync": "off", "full_page_writes": "off", "data_sync_retry": "on"}
        for setting, value in weak.items():
            server.execute(f"ALTER SYSTEM SET {setting} = {value}")
        server.restart()
        assert await weaknesses(server.url()) == weak


async def test_table_that_a_crash_empties_is_found(
    postgresql_database_url: str, postgres_server: PostgresServer
) -> None:
    name = postgresql_database_url.rpartition("/")[2]
    postgres_server.execute("ALTER TABLE idempotency_keys SET UNLOGGED", database=name)
    assert await weaknesses(postgresql_database_url) == {"table idempotency_keys": "unlogged"}


async def test_weak_database_is_refused_or_loudly_put_up_with(
    sqlite_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SQLITE_PRAGMAS", (*module.SQLITE_PRAGMAS, "PRAGMA synchronous = OFF"))
    database = Database(DatabaseUrl.parse(sqlite_database_url))
    with pytest.raises(RuntimeError, match="synchronous is 0, and should be 2 or 3"):
        await require_durable(database, allow_weak=False)
    with capture_logs() as logs:
        await require_durable(database, allow_weak=True)
    await database.close()
    assert [(entry["log_level"], entry["setting"]) for entry in logs] == [("critical", "synchronous")]
