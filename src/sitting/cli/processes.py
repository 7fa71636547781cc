"""`sitting serve --processes N`: several nodes on one port of this machine, and a parent that only looks after them.

Each node has a listening socket of its own for the common port (SO_REUSEPORT), so that the kernel spreads connections
over those nodes that are up, and one for a port that is the node's alone (docs/decisions/0020-processes.md).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import structlog

from sitting.cli.errors import Stop
from sitting.cli.server import bind
from sitting.cli.site import Site

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
SETTLED_SECONDS = 10.0  # a node that has lived so long had started well
GIVE_UP_AFTER = 4  # short lives of one node in a row, while no other one has settled
_READY = signal.SIGUSR1  # from a node to its parent
_HEEDED = frozenset({signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, _READY})

Serve = Callable[[Sequence[socket.socket], Callable[[], None]], None]
"""Serves on these sockets until SIGTERM, and calls the function when the first request can come."""

log = structlog.get_logger(__name__)


def check_processes(site: Site) -> None:
    """Look whether this site can be served by as many processes as are set.

    Raises:
        Stop: it cannot.
    """
    if site.settings.processes == 1:
        return
    if site.file is not None:
        raise Stop(
            f"{site.file} is an SQLite file, and one process serves it; "
            f"{site.settings.processes} processes need PostgreSQL"
        )
    if not sys.platform.startswith("linux"):
        raise Stop("more than one process on one port needs Linux, which spreads connections over them")


def supervise(site: Site, listener: socket.socket, serve: Serve, announce: Callable[[Sequence[int]], None]) -> None:
    """Run as many nodes as are set until SIGTERM or SIGINT; one that dies is started again.

    Args:
        listener: has the common port, and listens to nobody.
        announce: called once, when the first node serves, with the ports that the nodes have for themselves.

    Raises:
        Stop: a port is taken, nodes die as soon as they start, or one did not end in order.
    """
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    with _places(site, listener) as places:
        _Supervisor(listener, places, serve, announce).run()


@dataclass(slots=True)
class _Place:
    """A node's place; the process in it changes.

    Attributes:
        number: from 1 on. own: has the port that is the node's alone, and listens to nobody.
        pid: of the process that runs; None: none does. since: when it was started, by `time.monotonic`.
        short_lives: how many in a row ended before they had settled. due: when to start the next, by the same clock.
    """

    number: int
    own: socket.socket
    pid: int | None = None
    since: float = 0.0
    short_lives: int = 0
    due: float = 0.0

    def is_settled(self, now: float) -> bool:
        return self.pid is not None and now - self.since >= SETTLED_SECONDS


@contextlib.contextmanager
def _places(site: Site, listener: socket.socket) -> Iterator[list[_Place]]:
    """A place for each process, with the ports behind the common one (any free ones if that was any free one)."""
    common = listener.getsockname()[1]
    with contextlib.ExitStack() as stack:
        places = []
        for number in range(1, site.settings.processes + 1):
            port = 0 if site.settings.port == 0 else common + number
            if port > 65_535:
                raise Stop(f"there is no port {port} for node {number}; the nodes take those behind {common}")
            own = stack.enter_context(bind(site.settings.host, port))
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            places.append(_Place(number, own))
        yield places


@dataclass(slots=True)
class _Supervisor:
    """The parent's loop: it waits for signals, and for nothing else."""

    listener: socket.socket
    places: Sequence[_Place]
    serve: Serve
    announce: Callable[[Sequence[int]], None]
    is_announced: bool = False
    is_stopping: bool = False
    failed: list[str] = field(default_factory=list)
    parent: int = field(default_factory=os.getpid)
    # Nobody ever writes: a node reads it, and what it hears is that the parent is gone.
    life: tuple[int, int] = field(default_factory=os.pipe)

    def run(self) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if it was ignored, the kernel would keep no exit codes for us
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEEDED)
        try:
            while not self.is_stopping:
                self._start_due()
                self._step()
        finally:
            if not self.is_stopping:
                self._stop()
            while any(place.pid is not None for place in self.places):
                self._step()
        if self.failed:
            raise Stop("; ".join(self.failed))

    def _step(self) -> None:
        """Wait for a signal, or until a node is due, and do what there is to do."""
        now = time.monotonic()
        due = [place.due for place in self.places if place.pid is None and not self.is_stopping]
        info = signal.sigtimedwait(_HEEDED, max(0.0, min(due) - now) if due else LONGEST_PAUSE_SECONDS)
        if info is not None and info.si_signo in (signal.SIGTERM, signal.SIGINT):
            self._stop()  # a second one is passed on too
        if info is not None and info.si_signo == _READY and not self.is_announced:
            self.is_announced = True
            self.announce([place.own.getsockname()[1] for place in self.places])
        for place in self.places:
            self._reap(place)

    def _stop(self) -> None:
        self.is_stopping = True
        for place in self.places:
            if place.pid is not None:
                os.kill(place.pid, signal.SIGTERM)

    def _start_due(self) -> None:
        for place in self.places:
            if place.pid is None and place.due <= time.monotonic():
                self._start(place)

    def _start(self, place: _Place) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # else both would write what waits
        place.since = time.monotonic()
        place.pid = os.fork()
        if place.pid == 0:
            self._become(place)
        log.info("node_started", node=place.number, pid=place.pid)

    def _reap(self, place: _Place) -> None:
        """Look whether the node has ended, and when the next one is due in its place.

        Raises:
            Stop: it is no use.
        """
        if place.pid is None:
            return
        pid, status = os.waitpid(place.pid, os.WNOHANG)
        if pid == 0:
            return
        now, code = time.monotonic(), os.waitstatus_to_exitcode(status)
        lived, place.pid = now - place.since, None
        if self.is_stopping:
            if code not in (0, -signal.SIGTERM):  # the latter: before it had come to listen to signals
                self.failed.append(f"node {place.number} ended with code {code}")
            return
        place.short_lives = 0 if lived >= SETTLED_SECONDS else place.short_lives + 1
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** max(0, place.short_lives - 1), LONGEST_PAUSE_SECONDS)
        place.due = now + pause
        log.error("node_ended", node=place.number, pid=pid, code=code, lived=round(lived, 1), again_in=pause)
        if place.short_lives >= GIVE_UP_AFTER and not any(other.is_settled(now) for other in self.places):
            raise Stop(
                f"node {place.number} ended {place.short_lives} times right after its start; the log above says why"
            )

    def _become(self, place: _Place) -> NoReturn:
        """What the new process does; it never returns into the parent's code."""
        code = 1
        try:
            os.setpgrp()  # Ctrl-C is for the parent, who passes it on
            os.close(self.life[1])
            threading.Thread(target=_follow, args=(self.life[0],), daemon=True).start()
            structlog.contextvars.bind_contextvars(node=place.number)
            with _beside(self.listener) as common, _beside(place.own) as own:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEEDED)
                self.serve([common, own], self._tell_parent)
            code = 0
        except Stop as stop:
            log.error("node_stopped", reason=str(stop))
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _tell_parent(self) -> None:
        if os.getppid() == self.parent:
            os.kill(self.parent, _READY)


def _beside(reserved: socket.socket) -> socket.socket:
    """Another socket with the same address; it gets its share of the connections once it listens."""
    own = socket.socket(reserved.family, reserved.type, reserved.proto)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    own.bind(reserved.getsockname())
    return own


def _follow(life: int) -> None:
    """Stop this node when the parent is gone, however it went."""
    os.read(life, 1)
    os.kill(os.getpid(), signal.SIGTERM)
