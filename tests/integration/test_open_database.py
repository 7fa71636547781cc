"""An open database: what its faults become, and that no wait on it is without end."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from sitting.domain.errors import Unavailable
from sitting.storage import database as database_module
from sitting.storage.database import Database
from sitting.storage.unit_of_work import Storage, UnitOfWork
from sitting.storage.url import DatabaseUrl
from tests.support.builders import make_user
from tests.support.clock import NOON
from tests.support.databases import sqlite_url
from tests.support.processes import free_port
from tests.support.storage import running_storage


async def names(storage: Storage) -> list[str]:
    async with storage.reading() as unit:
        return [user.name for user in await unit.users.list_page(after=0, limit=9)]


async def test_broken_rule_undoes_its_transaction_and_no_other(storage: Storage) -> None:
    await make_user(storage, "Ada")

    async def add_bea_and_a_session_of_nobody(unit: UnitOfWork) -> None:
        await unit.users.create(name="Bea", email="bea@example.org", roles=frozenset(), now=NOON)
        await unit.credentials.create_session("s", 99, now=NOON, expires_at=NOON)

    with pytest.raises(IntegrityError):
        await storage.work(add_bea_and_a_session_of_nobody)
    assert await names(storage) == ["Ada"]
    await make_user(storage, "Cleo")
    assert await names(storage) == ["Ada", "Cleo"]


async def test_reading_sees_one_state_while_others_write(storage: Storage) -> None:
    await make_user(storage, "Ada")
    async with storage.reading() as unit:
        before = await unit.users.list_page(after=0, limit=9)
        await make_user(storage, "Bea")
        assert await unit.users.list_page(after=0, limit=9) == before
    assert await names(storage) == ["Ada", "Bea"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_database_that_cannot_be_reached_is_unavailable(kind: str, tmp_path: Path) -> None:
    nowhere = {
        "sqlite": sqlite_url(tmp_path / "no such directory" / "sitting.db"),
        "postgresql": f"postgresql://postgres@127.0.0.1:{free_port()}/sitting",
    }
    async with running_storage(nowhere[kind]) as storage:
        with pytest.raises(Unavailable):
            await names(storage)
        with pytest.raises(Unavailable):
            await make_user(storage)


async def test_file_opened_for_reading_only_is_the_one_named_and_cannot_be_written(
    sqlite_template: Path, tmp_path: Path
) -> None:
    for name in ("sitting.db", "a b.db", "a#b.db", "a%2520b.db", "ä.db"):
        url = DatabaseUrl.parse(sqlite_url(tmp_path / name))
        shutil.copy(sqlite_template, url.file)
        database = Database(url, read_only=True)
        async with database.reading() as connection:
            listed = (await connection.exec_driver_sql("PRAGMA database_list")).one()
            assert Path(listed.file) == url.file
        with pytest.raises(Unavailable):
            async with database.writing() as connection:
                await connection.exec_driver_sql("DELETE FROM users")
        await database.close()


async def test_frozen_backend_is_given_up_in_time_and_the_pool_recovers(
    postgresql_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "PATIENCE_SECONDS", 0.4)
    frozen: list[int] = []

    async def freeze_and_ask(storage: Storage) -> None:
        async with storage.database.reading() as connection:
            frozen.append(await connection.scalar(text("SELECT pg_backend_pid()")) or 0)
            os.kill(frozen[0], signal.SIGSTOP)
            await connection.scalar(text("SELECT 1"))

    async with running_storage(postgresql_database_url) as storage:
        await make_user(storage, "Ada")
        asking = asyncio.create_task(freeze_and_ask(storage))
        try:
            done, _ = await asyncio.wait([asking], timeout=5)
        finally:
            os.kill(frozen[0], signal.SIGCONT)  # first of all: nobody can drop a database beside a frozen backend
        assert done, "a frozen backend holds its callers for ever"
        assert isinstance(asking.exception(), Unavailable)
        assert await names(storage) == ["Ada"]
