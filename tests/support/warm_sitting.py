"""Starts `sitting` as often as it is told, each time in a process of its own, without loading the libraries anew.

Only what others wrote is loaded before: each process loads Sitting itself from the beginning, as the command does, so
that what a command forgets to import is missed here too.
"""

from __future__ import annotations

import atexit
import faulthandler
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

LIBRARIES = (
    "aiosqlite",
    "alembic.command",
    "argon2",
    "asyncpg",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "fastapi",
    "jinja2",
    "jwt",
    "markdown_it",
    "msgspec",
    "nh3",
    "prometheus_client",
    "pydantic.v1",
    "pydantic_settings",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "sqlalchemy.ext.asyncio",
    "structlog",
    "typer",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
)


class WarmSitting:
    """The process that starts the others; one for a test run, from its first command to its end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdin: Path,
        stdout: Path,
        stderr: Path,
        timeout: float,
    ) -> int:
        """Run `command` (its first word is what it calls itself) to its end, and return its exit code.

        Args:
            timeout: in seconds.

        Raises:
            subprocess.TimeoutExpired: it did not end in time, and was killed.
        """
        files = [str(stdin), str(stdout), str(stderr)]
        order = {"command": [*command], "cwd": str(cwd), "env": dict(env), "files": files}
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            self._line.sendall(json.dumps(order).encode() + b"\n")
            self._line.settimeout(timeout)
            try:
                answer = self._line.recv(100)
            except TimeoutError:
                self.end(signal.SIGABRT)  # which makes a process of Python say where it is
                raise subprocess.TimeoutExpired([*command], timeout) from None
        assert answer, "the process that starts `sitting` has died"
        return int(answer)

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Kill it and what it has started."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, how)
            self._process.wait()
            self._process = None
            self._line.close()

    def _start(self) -> None:
        self._line, other = socket.socketpair()
        program = [sys.executable, __file__, str(other.fileno())]
        with other:
            self._process = subprocess.Popen(
                program, stdin=subprocess.DEVNULL, pass_fds=[other.fileno()], start_new_session=True
            )
        atexit.register(self.end)


def take_orders(line: socket.socket) -> None:
    """Start what is asked for, one after the other, until nobody asks any more. Returns in each process started."""
    with line.makefile("r", encoding="utf-8") as orders:
        while order := orders.readline():
            child = os.fork()
            if child == 0:
                become(json.loads(order))
                return
            _, status = os.waitpid(child, 0)
            line.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    raise SystemExit


def become(order: dict[str, Any]) -> None:
    """Take the place, the surroundings and the name of the command that was ordered."""
    for number, (path, flags) in enumerate(zip(order["files"], (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)):
        file = os.open(path, flags)
        os.dup2(file, number)
        os.close(file)
    faulthandler.enable()
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.argv = order["command"]


def main() -> None:
    """Load the libraries, take orders, and be `sitting` in each process that comes of it."""
    line = socket.socket(fileno=int(sys.argv[1]))
    sys.path.pop(0)  # the directory of this file, where the command would not look
    for name in LIBRARIES:
        importlib.import_module(name)
    assert not any(name.partition(".")[0] == "sitting" for name in sys.modules)
    gc.collect()
    gc.freeze()  # else each process would take half a second at its end to tear down what it shares with this one
    take_orders(line)
    line.close()

    from sitting.cli import main as command

    command()


if __name__ == "__main__":
    main()
