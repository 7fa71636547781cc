"""A real PostgreSQL server of the tests' own, that they may also kill."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.eventually import eventually
from tests.support.postgres_binaries import find_binaries, unprivileged_account
from tests.support.processes import ChildProcess, free_port, run_as

SUPERUSER = "postgres"

# Everything that decides what survives a crash is left as it comes, or said aloud.
_SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{sockets}'
max_connections = 200
shared_buffers = 32MB
fsync = on
synchronous_commit = on
full_page_writes = on
"""


class PostgresServer:
    """One server with its data in a directory of its own; it trusts every local connection.

    `stop`, `kill` and `restart` keep the data, `close` removes it. Blocking, but each call has a bound.
    """

    def __init__(self, disk: Path | None = None) -> None:
        """The data lie in the server's own directory, or on a `disk` that belongs to whoever asks, and stay there."""
        self._account = unprivileged_account()
        # Not pytest's own directory: that is closed to all other users, and a socket's path must be short.
        self.directory = Path(tempfile.mkdtemp(prefix="sitting-pg-"))
        if self._account is not None:
            shutil.chown(self.directory, self._account.uid, self._account.gid)
        self._binaries: Path | None = None
        self._data = (disk or self.directory) / "data"
        if disk is not None and self._account is not None:
            shutil.chown(disk, self._account.uid, self._account.gid)
        self.port = free_port()
        self._process: ChildProcess | None = None
        self._starts = 0

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def version(self) -> str:
        """What the binary says of itself, for example `postgres (PostgreSQL) 15.13`."""
        return self._run("postgres", "--version").strip()

    def url(self, database: str = SUPERUSER) -> str:
        """The address of `database` over TCP, in the form that Sitting's settings take."""
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start, always on the same port; returns when connections are taken, which is after any crash recovery."""
        assert self._process is None, "the server runs already"
        if not self._data.exists():
            self._initialise()
        self._starts += 1
        self._process = ChildProcess(
            [self._program("postgres"), "-D", self._data],
            name=f"postgres-{self._starts}",
            directory=self.directory,
            env=_environment(),
            account=self._account,
            orphan_signal=signal.SIGQUIT,
        )
        eventually(self._check_ready, within=60)

    def stop(self, *, immediate: bool = False) -> None:
        """Shut down, rolling back what is open; `immediate` leaves the tidying up to the recovery at the next start."""
        if self._process is not None:
            self._process.end(signal.SIGQUIT if immediate else signal.SIGINT, within=30)
            self._process = None

    def kill(self) -> None:
        """SIGKILL for the postmaster and every backend, with no chance for any of them to do a last thing."""
        assert self._process is not None, "the server does not run"
        self._process.kill()
        self._process = None

    def restart(self, *, immediate: bool = False) -> None:
        """Stop, if it runs, and start on the same port with the same data."""
        self.stop(immediate=immediate)
        self.start()

    def close(self) -> None:
        """Stop and remove all data."""
        try:
            self.stop(immediate=True)
        finally:
            shutil.rmtree(self.directory)

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Make a database, as a copy of `template` (to which nobody may be connected), and return its address."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, throwing out whoever is still connected."""
        self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def execute(self, sql: str, *, database: str = SUPERUSER) -> str:
        """Run `sql` in psql, outside of our own code, and return the rows as `a|b` lines."""
        return self._run(
            "psql",
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            self.url(database),
            "-c",
            sql,
        ).strip()

    def log(self) -> str:
        """The last lines of the log since the last start."""
        return self._process.tail() if self._process is not None else "(not running)"

    def _initialise(self) -> None:
        self._run(
            "initdb",
            "--pgdata",
            str(self._data),
            "--username",
            SUPERUSER,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
        )
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS.format(port=self.port, sockets=self.directory))

    def _check_ready(self) -> None:
        assert self._process is not None
        if (code := self._process.exit_code()) is not None:
            raise RuntimeError(f"postgres ended with {code}\n{self.log()}")
        try:
            self.execute("SELECT 1")
        except subprocess.CalledProcessError as refusal:
            raise AssertionError(f"PostgreSQL takes no connections: {refusal.stderr}\n{self.log()}") from None

    def _program(self, name: str) -> Path:
        if self._binaries is None:
            self._binaries = find_binaries(self._account, self.directory / "binaries")
        return self._binaries / name

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [self._program(program), *arguments],
            cwd=self.directory,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            **run_as(self._account),
        )
        if done.returncode != 0:
            raise subprocess.CalledProcessError(done.returncode, program, done.stdout, done.stderr)
        return done.stdout


def _environment() -> dict[str, str]:
    """None of the caller's PG* variables, nor root's home."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
