"""Sitting itself, as the command that people run, in a process that the tests may also kill."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.databases import sqlite_url
from tests.support.eventually import eventually
from tests.support.processes import ChildProcess, free_port

JWT_SECRET = "a secret of the tests, longer than it must be"
SIGNING_KEY = base64.urlsafe_b64encode(b"thirty-two bytes, and not random").decode().rstrip("=")
CREDITS = "SITTING_MAX_TIME_CREDIT_MINUTES"
WITHOUT_CREDITS = {CREDITS: "0"}
WITH_CREDITS = {CREDITS: "30"}
COMMAND = Path(sys.prefix) / "bin" / "sitting"
TAPPED: tuple[str | Path, ...] = (sys.executable, Path(__file__).with_name("tapped_sitting.py"))


class SittingProcess:
    """One node. Made by `demo` or `serve`, started by `with` or `start`; it keeps its port over `restart`.

    All that leaves it is watched (tests/support/traffic.py).

    What it says is kept in `directory`, each start apart, and the end of it is in the message of every failure here.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        directory: Path,
        *,
        port: int,
        env: Mapping[str, str],
        program: Sequence[str | Path] = TAPPED,
    ) -> None:
        self._command: list[str | Path] = [*program, *arguments, "--port", str(port)]
        self.directory = directory
        self.port = port
        self._env = environment(env)
        self._process: ChildProcess | None = None
        self._starts = 0

    @classmethod
    def demo(
        cls,
        directory: Path,
        *,
        database_url: str | None = None,
        port: int | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Self:
        """`sitting demo --json` on a file in `directory`; `announcement` has the links and tokens that it prints."""
        url = database_url or sqlite_url(directory / "sitting-demo.db")
        return cls(["demo", "--json", "--database-url", url], directory, port=port or free_port(), env=env or {})

    @classmethod
    def serve(
        cls,
        database_url: str,
        directory: Path,
        *,
        port: int | None = None,
        env: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        program: Sequence[str | Path] = TAPPED,
    ) -> Self:
        """`sitting serve` on `database_url`; `options` are passed on, for example `--migrate`, to `program`.

        Outages give nothing back unless `env` has WITH_CREDITS: a machine that is too busy with tests makes some of its
        own, and logs are to have the entries that a test brings about. All of them share `JWT_SECRET` and
        `SIGNING_KEY`, as the nodes of one installation do, unless `env` says other.
        """
        arguments = ["serve", "--database-url", database_url, *options]
        secrets = {"SITTING_JWT_SECRET": JWT_SECRET, "SITTING_SIGNING_KEY": SIGNING_KEY}
        env = {**secrets, **WITHOUT_CREDITS, **(env or {})}
        return cls(arguments, directory, port=port or free_port(), env=env, program=program)

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
        if error is not None:
            error.add_note(self.tail())
        self.close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        return self._running().pid

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/assessment"

    @property
    def announcement(self) -> dict[str, Any]:
        """The JSON object on the first line of the demo's output; waits for it."""
        process = self._running()
        line = eventually(lambda: _first_line(process), within=30)
        announced: dict[str, Any] = json.loads(line)
        return announced

    def start(self, *, ready: bool = True) -> None:
        """Start the command, and wait until it is ready unless told not to."""
        assert self._process is None, "it runs already"
        self._starts += 1
        self._process = ChildProcess(
            self._command, name=f"sitting-{self.port}-{self._starts}", directory=self.directory, env=self._env
        )
        if ready:
            self.wait_ready()

    def wait_ready(self, *, within: float = 30) -> None:
        """Until GET /readyz says 200; RuntimeError as soon as the process has ended instead."""
        eventually(self._check_ready, within=within)

    def kill(self) -> None:
        """SIGKILL; the port and the files stay as they are."""
        self._running().kill()
        self._process = None

    def terminate(self, *, within: float = 15) -> int:
        """SIGTERM, as a service manager does; returns the exit code. AssertionError after `within` seconds."""
        code = self._running().end(within=within)
        self._process = None
        return code

    def ended(self, *, within: float = 15) -> int:
        """The exit code of a process that was told to end already; AssertionError after `within` seconds."""
        code = self._running().end(signal.SIGCONT, within=within)  # which a running process does not notice
        self._process = None
        return code

    def pause(self) -> None:
        """SIGSTOP: frozen with its sockets open, until `resume`."""
        self._running().pause()

    def resume(self) -> None:
        self._running().resume()

    def restart(self) -> None:
        """Terminate it if it runs, start it on the same port, and wait until it is ready."""
        if self._process is not None:
            self.terminate()
        self.start()

    def close(self) -> None:
        """End it, whatever state it is in."""
        if self._process is not None:
            self.kill()

    def exit_code(self) -> int | None:
        """How the process ended, negative for a signal, or None while it runs."""
        return self._running().exit_code()

    def tail(self) -> str:
        """The end of what it said since its last start."""
        return self._process.tail() if self._process is not None else "(sitting does not run)"

    def _running(self) -> ChildProcess:
        assert self._process is not None, "sitting does not run"
        return self._process

    def _check_ready(self) -> None:
        process = self._running()
        if (code := process.exit_code()) is not None:
            raise RuntimeError(f"sitting ended with {code}\n{process.tail()}")
        status = _status(self.port, "/readyz")
        assert status == http.client.OK, f"/readyz: {status}\n{process.tail()}"


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with no SITTING_ variable but those in `more`, and the socket layer to be tested."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SITTING_")}
    layer = os.environ.get("SITTING_TEST_SOCKET_LAYER")
    return {**kept, **({"SITTING_SOCKET_LAYER": layer} if layer else {}), **more}


def _status(port: int, path: str) -> int | str:
    """The status of a GET, or why there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as failure:
        return repr(failure)
    finally:
        connection.close()


def _first_line(process: ChildProcess) -> str:
    line, end, _ = process.stdout_path.read_text().partition("\n")
    assert end, f"no line yet\n{process.tail()}"
    return line
