"""A command at a terminal: what it asks is read, and answers are typed."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.server import COMMAND, environment


class Typed:
    """`sitting` with a terminal of its own, ended at the end of the `with`; `seen` is all that stood there."""

    def __init__(self, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [str(COMMAND), *arguments],
            cwd=cwd,
            env=environment({"TERM": "dumb", **(env or {})}),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.seen = ""
        self._read = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(self.seen[-3000:])
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def expect(self, text: str, *, within: float = 30) -> str:
        """Wait until that stands there, behind what was expected before; returns all up to it."""
        until = time.monotonic() + within
        while text not in self.seen[self._read :]:
            assert self._more(until), f"{text!r} did not come"
        at = self.seen.index(text, self._read) + len(text)
        found, self._read = self.seen[self._read : at], at
        return found

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._ours, f"{line}\n".encode())

    def ended(self, *, within: float = 30) -> int:
        """The exit code of a command that comes to its end."""
        until = time.monotonic() + within
        while self._more(until):
            pass
        return self._process.wait(timeout=max(0.1, until - time.monotonic()))

    def _more(self, until: float) -> bool:
        """Read what comes; false at the end, or when the time is up."""
        ready, _, _ = select.select([self._ours], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._ours, 65_536)
        except OSError:  # the other end is closed
            return False
        self.seen += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)
