"""Databases for tests: migrated once for a run, then copied, one copy for each test."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.postgres import PostgresServer

_TEMPLATE = "sitting_template"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The run's own PostgreSQL. A test that kills or stops it takes a `PostgresServer` of its own instead."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a migrated database to which nobody is connected."""
    migrate(postgres_server.create_database(_TEMPLATE))
    return _TEMPLATE


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file that nobody has open."""
    path = tmp_path_factory.mktemp("template") / "sitting.db"
    migrate(sqlite_url(path))
    log = path.with_name(f"{path.name}-wal")
    assert not log.exists() or log.stat().st_size == 0, "the migration left the file open: a copy would lack its log"
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Runs a test once for each kind of database."""
    kind: str = request.param
    return kind


@pytest.fixture
def database_url(database_kind: str, request: pytest.FixtureRequest) -> str:
    """The address of a migrated database of the test's own, once for each kind."""
    url: str = request.getfixturevalue(f"{database_kind}_database_url")
    return url


@pytest.fixture
def empty_database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without a table (the SQLite file does not exist yet), once for each kind."""
    if database_kind == "sqlite":
        yield sqlite_url(tmp_path / "empty.db")
    else:
        yield from _database_on(request.getfixturevalue("postgres_server"), "template1")


@pytest.fixture
def sqlite_database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of a migrated SQLite file of the test's own."""
    path = tmp_path / "sitting.db"
    shutil.copy(sqlite_template, path)
    return sqlite_url(path)


@pytest.fixture
def postgresql_database_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """The address of a migrated PostgreSQL database of the test's own."""
    yield from _database_on(postgres_server, postgres_template)


def sqlite_url(path: Path) -> str:
    """The address of an absolute path, in the form that Sitting's settings take."""
    return f"sqlite:///{path}"


def migrate(url: str) -> None:
    """Bring the database to the newest schema; works whether or not an event loop runs in this thread."""
    from sitting.storage.migrate import upgrade

    with ThreadPoolExecutor(1) as thread:
        thread.submit(upgrade, url).result()


def _database_on(server: PostgresServer, template: str) -> Iterator[str]:
    name = f"sitting_{next(_numbers)}"
    yield server.create_database(name, template=template)
    server.drop_database(name)
