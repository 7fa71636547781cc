"""The databases that the fixtures hand out."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from sitting.storage.url import DatabaseUrl


async def tables(url: str, *, making: str | None = None) -> set[str]:
    """The names of the tables, after `making` one more."""
    engine = create_async_engine(DatabaseUrl.parse(url).for_engine)
    try:
        async with engine.begin() as connection:
            if making is not None:
                await connection.execute(text(f"CREATE TABLE {making} (number int)"))
            return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))
    finally:
        await engine.dispose()


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_has_a_migrated_database_of_its_own(database_url: str, turn: int) -> None:
    found = await tables(database_url, making=f"mine_{turn}")
    assert "assessments" in found
    assert {name for name in found if name.startswith("mine_")} == {f"mine_{turn}"}


async def test_empty_database_has_no_table(empty_database_url: str) -> None:
    assert await tables(empty_database_url) == set()
