"""Runs Python that nobody has looked at: apart from the network, files, other processes and the server's rights.

Only on Linux, and only where the kernel lets us make namespaces: `open_sandbox` tries it out, and refuses otherwise.
What remains is the kernel itself; who does not want that leaves it off, as it is by default.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from sitting.questions.sandbox_child import OWN_USERS, RAISED, READY, TOO_SLOW

UNSHARE = "/usr/bin/unshare"
CHILD = Path(__file__).with_name("sandbox_child.py")
_MOST_ERROR_BYTES = 4096
_PIECE = 16 * 1024
_PROBE = b"""
import os, socket
def fails(act):
    try: act()
    except OSError: return True
    return False
print(os.getuid() != 0 or "users", fails(lambda: open("/etc/passwd")), fails(lambda: open("/x", "w")),
      fails(lambda: os.mkdir("/x")), fails(lambda: os.stat("/etc")),
      fails(os.fork), fails(socket.socket), os.getpid())
"""


class SandboxRefused(Exception):
    """Code cannot be run safely here; the message says why."""


class SandboxFailed(Exception):
    """The sandbox did not get as far as running the code: nothing is known of it."""


class Ending(StrEnum):
    """How a run of code ended."""

    FINISHED = "finished"
    RAISED = "raised"
    TOO_SLOW = "too_slow"
    TOO_MUCH_OUTPUT = "too_much_output"
    KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of some code.

    Attributes:
        output: what it printed, up to the bound.
        error: the last line of its traceback, empty if it raised nothing.
    """

    ending: Ending
    output: str
    error: str


@dataclass(frozen=True, slots=True)
class CodeLimits:
    """Seconds of the processor, and of the clock with the start; bytes of memory and of output."""

    cpu_seconds: int = 2
    seconds: float = 6.0
    memory_bytes: int = 256 * 1024 * 1024
    output_bytes: int = 64 * 1024


@dataclass(frozen=True)
class Sandbox:
    """Runs one piece of code at a time. Made by `open_sandbox`."""

    limits: CodeLimits = CodeLimits()
    own_users: bool = False
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def run(self, source: str) -> Ran:
        """Run Python source to its end, or to the end of its bounds.

        Raises:
            SandboxFailed: it could not be started.
        """
        async with self._turn:
            process = await self._start()
            try:
                return await self._watch(process, source.encode(errors="replace"))
            finally:
                await _end(process)

    async def _start(self) -> Process:
        users = ("--user", "--map-root-user") if self.own_users else ()
        apart = ("--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child=SIGKILL")
        limits = (str(self.limits.memory_bytes), str(self.limits.cpu_seconds))
        python = (sys.executable, "-I", "-S", "-B", "-X", "utf8", str(CHILD), *limits)
        own = (OWN_USERS,) if self.own_users else ()
        try:
            return await asyncio.create_subprocess_exec(
                UNSHARE, *users, *apart, *python, *own,
                stdin=PIPE, stdout=PIPE, stderr=PIPE, env={}, cwd="/", start_new_session=True,
            )  # fmt: skip
        except OSError as fault:
            raise SandboxFailed(f"the sandbox cannot be started: {fault.strerror}") from None

    async def _watch(self, process: Process, source: bytes) -> Ran:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        with contextlib.suppress(ConnectionError):
            process.stdin.write(source)
            process.stdin.close()
        output, errors, ending = bytearray(), bytearray(), Ending.FINISHED
        try:
            async with asyncio.timeout(self.limits.seconds):
                fits = await asyncio.gather(
                    _read(process.stdout, output, self.limits.output_bytes, process),
                    _read(process.stderr, errors, _MOST_ERROR_BYTES, process),
                )
                ending = Ending.FINISHED if all(fits) else Ending.TOO_MUCH_OUTPUT
                status = await process.wait()
        except TimeoutError:
            ending, status = Ending.TOO_SLOW, 0
        if not errors.startswith(READY):
            raise SandboxFailed(f"the sandbox was not made: {errors.decode(errors='replace').strip()[-300:]}")
        if ending is Ending.FINISHED and status:
            ending = _ENDINGS.get(status, Ending.KILLED)
        said = output[: self.limits.output_bytes].decode(errors="replace")
        error = errors.removeprefix(READY).decode(errors="replace").strip()
        return Ran(ending, said, error if ending is Ending.RAISED else "")


_ENDINGS = {RAISED: Ending.RAISED, TOO_SLOW: Ending.TOO_SLOW}


async def _read(stream: asyncio.StreamReader, into: bytearray, most: int, process: Process) -> bool:
    """Whether all of it fits; who says more is ended."""
    while piece := await stream.read(_PIECE):
        into += piece
        if len(into) > most:
            _kill(process)
            return False
    return True


def _kill(process: Process) -> None:
    """End the first process of the namespace, and with it the kernel ends all others there."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii")
        for child in children.split():
            os.kill(int(child), signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        process.kill()


async def _end(process: Process) -> None:
    if process.returncode is None:
        _kill(process)
    await process.communicate()  # not `wait`, which leaves open the pipes that were not read to their end


async def open_sandbox(limits: CodeLimits | None = None) -> Sandbox:
    """A sandbox that was seen to hold here.

    Raises:
        SandboxRefused: it cannot be had on this machine.
    """
    if sys.platform != "linux" or not os.access(UNSHARE, os.X_OK):
        raise SandboxRefused("code is run on Linux alone, with unshare of util-linux")
    sandbox = Sandbox(limits or CodeLimits(), own_users=os.geteuid() != 0)
    try:
        ran = await sandbox.run(_PROBE.decode())
    except SandboxFailed as fault:
        raise SandboxRefused(str(fault)) from None
    expected = f"{'users' if sandbox.own_users else True} {5 * 'True '}True 1\n"
    if ran.ending is not Ending.FINISHED or ran.output != expected:
        raise SandboxRefused(f"the sandbox does not hold here: {ran.ending} {ran.output.strip()} {ran.error}")
    return sandbox
