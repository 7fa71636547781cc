"""Whether a database has the schema that this version works with, found out without writing to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from sitting.storage import migrations
from sitting.storage.database import Database


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The revision of a database (None before the first), the newest one, and whether we know the former."""

    current: str | None
    newest: str
    known: bool

    @property
    def complaint(self) -> str | None:
        """What is wrong with it and what to do; None if it is the newest."""
        if self.current == self.newest:
            return None
        if self.current is None:
            return "this database has no tables yet; `sitting db upgrade` makes them"
        if not self.known:
            return f"a newer Sitting made this database (schema {self.current}); this one knows {self.newest} at most"
        return f"the schema ({self.current}) is older than this Sitting ({self.newest}); say `sitting db upgrade`"


async def schema_state(database: Database) -> SchemaState:
    """Compare the database's revision with the newest one.

    Raises:
        Unavailable: the database cannot be reached.
    """
    async with database.reading() as connection:
        current = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    newest = newest_revision()
    return SchemaState(current, newest, current == newest or (current is not None and _is_known(current)))


@cache
def newest_revision() -> str:
    """The schema that this version works with."""
    newest = _scripts().get_current_head()
    assert newest is not None
    return newest


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(migrations.__file__).parent))


def _is_known(revision: str) -> bool:
    try:
        return _scripts().get_revision(revision) is not None
    except CommandError:
        return False
