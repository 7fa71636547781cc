"""Processes that the tests start: each in a session of its own, logged to files, gone when the test run is gone."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from tests.support.eventually import eventually

# When our end of the pipe closes without a word, the test run has died: end what it left behind.
_GUARD = 'read word || kill -s "$1" -- "$2"'


@dataclass(frozen=True)
class Account:
    """Who a child runs as, if not as the one who runs the tests."""

    uid: int
    gid: int


class ChildProcess:
    """One running command; `stdout_path` and `stderr_path` hold all that it said."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        name: str,
        directory: Path,
        env: Mapping[str, str] | None = None,
        account: Account | None = None,
        orphan_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        """Start `command` in `directory`; `orphan_signal` is what it gets if the test run dies without ending it."""
        self.name = name
        self.stdout_path = directory / f"{name}.out"
        self.stderr_path = directory / f"{name}.err"
        with self.stdout_path.open("wb") as stdout, self.stderr_path.open("wb") as stderr:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                cwd=directory,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                **run_as(account),
            )
        guard = ["sh", "-c", _GUARD, "guard", orphan_signal.name.removeprefix("SIG"), str(self.pid)]
        self._guard = subprocess.Popen(guard, stdin=subprocess.PIPE, start_new_session=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        return self._process.poll()

    def end(self, how: signal.Signals = signal.SIGTERM, *, within: float = 15) -> int:
        """Send `how`, wait at most `within` seconds, and return the exit code; AssertionError if it did not obey."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            code = self._process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} ran on {within} s after {how.name}\n{self.tail()}") from None
        self._release_guard()
        return code

    def kill(self) -> None:
        """SIGKILL for the process and its descendants, none of which can act in between; waits until all are gone."""
        family = [self.pid]
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGSTOP)
            family += _descendants(self.pid)
            for pid in family:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._release_guard()

        def all_gone() -> None:
            left = living(family)
            assert not left, f"still there after SIGKILL: {left}"

        eventually(all_gone)

    def pause(self) -> None:
        """SIGSTOP: it keeps its sockets and its memory, and does nothing until `resume`."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def tail(self, lines: int = 40) -> str:
        """The last `lines` of both outputs, for the message of a failure."""
        return "\n".join(_tail(path, lines) for path in (self.stdout_path, self.stderr_path))

    def _release_guard(self) -> None:
        if self._guard.returncode is None:
            self._guard.communicate(b"released\n")


class RunAs(TypedDict, total=False):
    """The arguments of `subprocess` that say who runs the program."""

    user: int
    group: int
    extra_groups: list[int]


def run_as(account: Account | None) -> RunAs:
    """Drop to `account`, with no group of ours kept; None keeps all as it is."""
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nobody listens.

    From below the range out of which the kernel numbers outgoing connections: a client that keeps trying the port of a
    killed server could otherwise be given that very number, connect to itself and keep the server from coming back.
    """
    for port in random.sample(range(20000, 32000), 50):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port between 20000 and 32000 on 127.0.0.1")


def _tail(path: Path, lines: int) -> str:
    said = path.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join([f"--- {path}", *(line if len(line) <= 300 else f"{line[:300]} …" for line in said)])


def _process_table() -> Iterator[tuple[int, int, str]]:
    """(pid, parent's pid, state) of every process."""
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    for row in table.splitlines():
        pid, parent, state = row.split()
        yield int(pid), int(parent), state


def _descendants(ancestor: int) -> list[int]:
    parents = {pid: parent for pid, parent, _ in _process_table()}
    found = [ancestor]
    for known in found:  # grows while we walk it
        found += [pid for pid, parent in parents.items() if parent == known]
    return found[1:]


def living(pids: Sequence[int]) -> list[int]:
    """Those of `pids` that run; one that only waits to be reaped does not."""
    return [pid for pid, _, state in _process_table() if pid in pids and not state.startswith("Z")]
