"""Whether the database keeps what it says it has committed, also when the power goes."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.storage.database import Database

log = structlog.get_logger(__name__)

# Of PostgreSQL's levels `remote_write` and `local` would do as well, as long as there is no standby to fail over to;
# nobody should have to know that.
_POSTGRESQL_WANTED = {
    "fsync": ("on",),
    "synchronous_commit": ("on", "remote_apply"),
    "full_page_writes": ("on",),
    "data_sync_retry": ("off",),  # tried again, a failed fsync may succeed though the kernel has dropped the data
}
# A table that is unlogged is empty after a crash of the server.
_UNLOGGED = """
SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = current_schema() AND relkind = 'r' AND relpersistence = 'u' ORDER BY relname
"""
_SQLITE_WANTED = {"journal_mode": ("wal",), "synchronous": ("2", "3")}  # 2 is FULL, 3 is EXTRA


@dataclass(frozen=True, slots=True)
class Weakness:
    """A setting of the database or of a table under which committed data can be lost, and the values that would do."""

    setting: str
    value: str
    wanted: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.setting} is {self.value}, and should be {' or '.join(self.wanted)}"


async def find_weaknesses(database: Database, *, only_looking: bool = False) -> list[Weakness]:
    """The weak settings of this open database; empty if what it commits is kept.

    Args:
        only_looking: the database is open for reading only. Of an SQLite file that leaves the journal mode:
            `synchronous` belongs to each connection, and ours writes nothing.

    Raises:
        Unavailable: the database cannot be reached.
    """
    async with database.reading() as connection:
        wanted = _wanted(database, only_looking)
        values = {setting: await _value(connection, database, setting) for setting in wanted}
        unlogged = [] if database.url.is_sqlite else (await connection.scalars(text(_UNLOGGED))).all()
    weak = [(setting, value) for setting, value in values.items() if value not in wanted[setting]]
    return [
        *(Weakness(setting, value, wanted[setting]) for setting, value in weak),
        *(Weakness(f"table {name}", "unlogged", ("logged",)) for name in unlogged),
    ]


async def require_durable(database: Database, *, allow_weak: bool) -> None:
    """Refuse a database that may lose what it committed, or, if that is allowed, say so loudly.

    Raises:
        RuntimeError: it is weak; the message names each setting. Unavailable: the database cannot be reached.
    """
    weaknesses = await find_weaknesses(database)
    if weaknesses and not allow_weak:
        raise RuntimeError(f"this database may lose answers: {'; '.join(map(str, weaknesses))}")
    for weakness in weaknesses:
        log.critical(
            "database_may_lose_answers", setting=weakness.setting, value=weakness.value, wanted=weakness.wanted
        )


def _wanted(database: Database, only_looking: bool) -> dict[str, tuple[str, ...]]:
    if not database.url.is_sqlite:
        return _POSTGRESQL_WANTED
    if only_looking:
        return {"journal_mode": _SQLITE_WANTED["journal_mode"]}
    return _SQLITE_WANTED


async def _value(connection: AsyncConnection, database: Database, setting: str) -> str:
    question = f"PRAGMA {setting}" if database.url.is_sqlite else f"SHOW {setting}"
    return str(await connection.scalar(text(question))).lower()
