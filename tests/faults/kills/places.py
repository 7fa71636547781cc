"""One server over one database of its own, killed from outside or by itself, and started again."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Table

from sitting.domain.run import RunStatus
from sitting.storage.graph_tables import run_checkpoints, run_writes, runs
from sitting.storage.unit_of_work import Storage
from tests.faults.kills.killed_sitting import GO_FILE, KILL_FILE, POINTS_FILE, PROGRAM
from tests.faults.kills.points import CALLS, INSTANT, UNDER_WAY, Kill
from tests.support.scripted_model import ScriptedServer
from tests.support.server import SittingProcess
from tests.support.storage import rows_beside, running_storage
from tests.support.watched_model import ASKED, Heard, WatchedModel

KEPT = "__return__"
"""The channel in which LangGraph keeps what a task has brought."""


@dataclass(frozen=True)
class Death:
    """What a process left behind that was killed.

    Attributes:
        behind: the point that was reached last.
        asked: calls of the step at which the run was. kept: how many of them need not be made again.
    """

    behind: str
    asked: int
    kept: int

    @property
    def in_flight(self) -> int:
        """Calls whose answers were lost with the process."""
        return self.asked - self.kept


class Place:
    """A server, to be killed once; `deaths` has what was found behind it."""

    def __init__(self, url: str, directory: Path, model: WatchedModel, model_url: str, kill: Kill | None) -> None:
        self.url, self.model, self.kill = url, model, kill
        self.deaths: list[Death] = []
        self.first_call = len(model.heard)
        self._orders, self._points = directory / "kill", directory / "points"
        env = {"SITTING_MODEL_URL": model_url, "SITTING_MODEL_NAME": ScriptedServer.name}
        env |= {KILL_FILE: str(self._orders), POINTS_FILE: str(self._points)}
        self.server = SittingProcess.serve(url, directory, env=env, program=PROGRAM)
        self._gate = directory / "go"
        env[GO_FILE] = str(self._gate)
        elsewhere = directory / "spare"
        elsewhere.mkdir()
        self._spare = SittingProcess.serve(url, elsewhere, port=self.server.port, env=env, program=PROGRAM)
        self._timers: list[threading.Timer] = []
        self.began = time.monotonic()

    def begin(self) -> None:
        """Start the server, one more that waits to take its place, and the clock of the kill."""
        if self.kill is not None and self.kill.is_point:
            self._orders.write_text(f"{self.kill.where}\t{self.kill.number}")
        self.server.start(ready=False)
        if self.kill is not None:
            os.mkfifo(self._gate)
            self._spare.start(ready=False)
        self.server.wait_ready()
        self.began = time.monotonic()
        if self.kill is not None and self.kill.where in CALLS:
            self.model.watch = self._heard
        elif self.kill is not None and self.kill.where == INSTANT:
            self._later(self.kill.seconds)

    def revive(self) -> bool:
        """Whether the server had died; if so another one runs in its place, and what it left is noted."""
        if self.server.exit_code() is None:
            return False
        assert not self.deaths, f"it died again\n{self.server.tail()}"
        assert self.server.exit_code() == -signal.SIGKILL, self.server.tail()
        self._orders.unlink(missing_ok=True)
        self.model.watch = lambda moment, heard: None
        self.deaths.append(self._look())
        self.server.kill()
        self.server, self._spare = self._spare, self.server
        self._gate.write_text("\n")
        self.server.wait_ready()
        return True

    @property
    def calls(self) -> list[Heard]:
        """What the model was asked by this run."""
        return self.model.heard[self.first_call :]

    def points(self) -> Counter[str]:
        """How often each point was reached."""
        return Counter(self._lines())

    def rows(self, table: Table, **equal: Any) -> list[Row[Any]]:
        """The rows of a table whose columns equal those values, by primary key, whether or not the server runs."""
        return rows_beside(self.url, table, **equal)

    def run(self) -> Row[Any] | None:
        """The one run that there is; None before there is one."""
        found = self.rows(runs)
        return found[0] if found else None

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self.model.watch = lambda moment, heard: None
        self.server.close()
        self._spare.close()

    def _lines(self) -> list[str]:
        return self._points.read_text().splitlines() if self._points.exists() else []

    def _look(self) -> Death:
        lines = self._lines()
        run = self.run()
        if run is None or RunStatus(run.status).is_over:
            return Death(lines[-1] if lines else "the start", 0, 0)
        stored = max(self.rows(run_checkpoints, run_id=run.id), key=lambda row: row.number, default=None)
        began: datetime | None = None if stored is None else stored.created_at
        asked = sum(began is None or call.began_at >= began for call in self.calls)
        kept = 0
        if stored is not None:
            kept = len(self.rows(run_writes, run_id=run.id, checkpoint_id=stored.checkpoint_id, channel=KEPT))
        return Death(lines[-1] if lines else "the start", asked, kept)

    def _heard(self, moment: str, heard: Heard) -> None:
        """In the thread of the model: kill at this call, if it is the one."""
        assert self.kill is not None
        if heard.number - self.first_call != self.kill.number:
            return
        if CALLS[self.kill.where] == moment:
            self._strike()
        elif CALLS[self.kill.where] == UNDER_WAY and moment == ASKED:
            self._later(self.kill.seconds)

    def _later(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self._strike)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()

    def _strike(self) -> None:
        if not self.deaths:
            with suppress(ProcessLookupError, AssertionError):
                os.kill(self.server.pid, signal.SIGKILL)


@contextmanager
def opened_place(
    url: str,
    directory: Path,
    server: ScriptedServer,
    kill: Kill | None,
    prepare: Callable[[Storage], Awaitable[Any]],
) -> Iterator[tuple[Place, Any]]:
    """A place whose database `prepare` has filled, and what that returned; the server does not run yet."""

    async def fill() -> Any:
        async with running_storage(url) as storage:
            return await prepare(storage)

    assert isinstance(server.model, WatchedModel)
    prepared = asyncio.run(fill())
    place = Place(url, directory, server.model, server.base_url, kill)
    try:
        yield place, prepared
    finally:
        place.close()
