"""A server and its database for one measurement, each a process of its own, and what they cost by /proc."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.cohort import Cohort, make_cohort
from bench.servers import layer_asked_for
from tests.support.databases import migrate, sqlite_url
from tests.support.postgres import PostgresServer
from tests.support.server import WITH_CREDITS, SittingProcess
from tests.support.storage import running_storage

KINDS = ("sqlite", "postgresql")
SITTING = (sys.executable, "-c", "from sitting.cli import main; main()")
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
# Sockets of candidates come by thousands, from one address; nothing else differs from what an operator gets.
_ENV = {**WITH_CREDITS, "SITTING_LOG_LEVEL": "warning", "SITTING_MAX_CONNECTIONS": "20000"}


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a measurement takes place.

    Attributes:
        server: made, and not started yet. postgres: None with SQLite. file: None with PostgreSQL.
    """

    kind: str
    url: str
    server: SittingProcess
    postgres: PostgresServer | None
    file: Path | None

    def invite(self, people: int, *, questions: int = 20, minutes: int = 60) -> Cohort:
        """A Test and its candidates; no server may run with SQLite."""

        async def invited() -> Cohort:
            async with running_storage(self.url) as storage:
                return await make_cohort(storage, people, questions=questions, minutes=minutes)

        return asyncio.run(invited())

    def database_seconds(self) -> float:
        """CPU seconds of all of PostgreSQL's processes so far, those that ended among them; 0 with SQLite."""
        if self.postgres is None:
            return 0.0
        found = (self.postgres.directory / "data" / "postmaster.pid").read_text().split()[0]
        return sum(cpu_seconds(pid) for pid in (int(found), *children(int(found))))

    def database_bytes(self) -> int:
        """What the database takes on the disk: the file with its log, or what PostgreSQL says of itself."""
        if self.postgres is not None:
            name = self.url.rpartition("/")[2]
            return int(self.postgres.execute(f"SELECT pg_database_size('{name}')"))
        assert self.file is not None
        return sum(each.stat().st_size for each in self.file.parent.glob(f"{self.file.name}*"))


@contextmanager
def stage(kind: str, env: Mapping[str, str] | None = None) -> Iterator[Stage]:
    """A migrated database of that kind, and a server for it that the caller starts; all is gone at the end.

    Args:
        env: settings beside those that every measurement has.
    """
    raise_file_limit()
    settings = {**_ENV, **layer_asked_for(), **(env or {})}
    with tempfile.TemporaryDirectory(prefix="sitting-bench-") as name:
        directory = Path(name)
        if kind == "sqlite":
            file = directory / "sitting.db"
            migrate(sqlite_url(file))
            server = SittingProcess.serve(sqlite_url(file), directory, env=settings, program=SITTING)
            try:
                yield Stage(kind, sqlite_url(file), server, None, file)
            finally:
                server.close()
            return
        with PostgresServer() as postgres:
            url = postgres.create_database("bench")
            migrate(url)
            server = SittingProcess.serve(url, directory, env=settings, program=SITTING)
            try:
                yield Stage(kind, url, server, postgres, None)
            finally:
                server.close()


def raise_file_limit() -> None:
    """As many open files as may be, for us and for those whom we start."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def cpu_seconds(pid: int) -> float:
    """User and system time of that process, and of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


def resident_bytes(pid: int) -> int:
    """How much memory that process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def children(pid: int) -> list[int]:
    """The processes that it started and that still run."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
