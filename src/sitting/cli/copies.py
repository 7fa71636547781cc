"""What backing up and restoring share: an SQLite file that takes its place whole, and what is said of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sitting.cli.errors import Stop
from sitting.cli.secrets_file import sync_directory
from sitting.cli.site import Site
from sitting.storage.repositories.holdings import Holdings, HoldingsRepository
from sitting.storage.schema import SchemaState, schema_state
from sitting.storage.sqlite_copy import CopyFailed, copy_file, require_intact
from sitting.storage.url import DatabaseUrl

NOT_WITH_POSTGRESQL = (
    "this is for SQLite files; a PostgreSQL database is copied by its own tools, pg_dump or pg_basebackup: "
    "docs/operations.md says how"
)


@dataclass(frozen=True, slots=True)
class Copy:
    """An intact copy that has no name of its own yet: the site over it, its schema, and what it holds."""

    site: Site
    file: Path
    schema: SchemaState
    held: Holdings


def file_of(site: Site) -> Path:
    """The site's SQLite file.

    Raises:
        Stop: it has a PostgreSQL database.
    """
    if site.file is None:
        raise Stop(NOT_WITH_POSTGRESQL)
    return site.file


def require_place(file: Path, other: Path) -> None:
    """Make sure that a file can be made under that name.

    Raises:
        Stop: its directory is not there, or it is the very file that is to be copied.
    """
    if not file.parent.is_dir():
        raise Stop(f"there is no directory {file.parent}")
    if file.is_dir():
        raise Stop(f"{file} is a directory")
    if file.exists() and other.exists() and file.samefile(other):
        raise Stop(f"{file} is the file itself")


@contextlib.contextmanager
def copied(site: Site, source: Path, beside: Path) -> Iterator[Copy]:
    """A copy of `source` in a hidden directory next to `beside`, checked; it is gone at the end of the block.

    Raises:
        Stop: it cannot be made, is damaged, is no database of ours, or a newer Sitting made it.
    """
    with tempfile.TemporaryDirectory(prefix=f".{beside.name}.", suffix=".part", dir=beside.parent) as directory:
        draft = Path(directory) / beside.name
        draft.touch(mode=0o600)
        try:
            copy_file(source, draft)
            require_intact(draft)
        except CopyFailed as fault:
            raise Stop(str(fault).replace(str(draft), str(source))) from None
        over = replace(site, url=DatabaseUrl(site.url.url.set(database=str(draft))))
        schema, held = asyncio.run(_look(over, source))
        yield Copy(over, draft, schema, held)


async def _look(site: Site, source: Path) -> tuple[SchemaState, Holdings]:
    async with site.looking() as database:
        schema = await schema_state(database)
        if not schema.known:
            raise Stop(f"{source}: {schema.complaint}")
        async with database.reading() as connection:
            return schema, await HoldingsRepository(connection).count()


def put(draft: Path, file: Path, *, over: bool) -> None:
    """Give the copy its name, at once and for good.

    Raises:
        FileExistsError: there is such a file, and it is not to be replaced (`over`).
    """
    if over:
        os.replace(draft, file)
    else:
        os.link(draft, file)
    sync_directory(file.parent)


def described(copy: Copy, file: Path) -> str:
    """What the copy holds, in a line, under the name that it got."""
    held = copy.held
    newest = "" if held.newest is None else f", the newest of {held.newest:%Y-%m-%dT%H:%M:%S.%fZ}"
    return (
        f"{file}: {file.stat().st_size / 1e6:.1f} MB, schema {copy.schema.current}, {held.people} people, "
        f"{held.tests} Tests, {held.assessments} assessments, {held.entries} entries{newest}"
    )
