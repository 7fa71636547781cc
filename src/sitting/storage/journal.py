"""The journal: where the entries of running assessments become durable, many in one commit.

Whatever waits at one instant goes into one transaction, and each is acknowledged after the commit. Of one assessment
at most one entry is in a batch: entry n + 2 is offered only after n + 1 is known to be committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from sitting.domain.answer import GivenAnswer
from sitting.domain.chain import SealedEvent
from sitting.domain.errors import Unavailable
from sitting.kit.canonical import canonical_json
from sitting.kit.value import Value
from sitting.metrics import Metrics
from sitting.storage.errors import BadData, OutcomeUnknown, SequenceTaken, TryAgain

MAX_BATCH = 500
MAX_WAITING = 10_000
MAX_RETRIES = 5
PROBE_SECONDS = 1.0

log = structlog.get_logger(__name__)


class ResponseRow(Value, frozen=True):
    """The current answer to one question, as the upsert writes it."""

    question_id: str
    given: GivenAnswer
    answered_at: datetime

    @property
    def selected_options_text(self) -> str | None:
        """The chosen options as JSON; None if it is no such answer."""
        options = self.given.selected_options
        return None if options is None else canonical_json(options).decode()


class Entry(Value, frozen=True):
    """One event of the log with the rows of assessment_responses that follow from it.

    `begins_progress`: it may be the first response, so a status `started` moves to `in_progress`.
    """

    event: SealedEvent
    responses: tuple[ResponseRow, ...] = ()
    begins_progress: bool = False

    @property
    def key(self) -> tuple[int, int]:
        return self.event.assessment_id, self.event.seq


class BatchWriter(Protocol):
    """Writes a batch in one transaction; two exist, one for each database."""

    async def write(self, batch: Sequence[Entry]) -> set[tuple[int, int]]:
        """Store those entries whose number is free, and return their (assessment_id, seq).

        The batch is sorted by assessment_id, which occurs once at most. An empty one asks whether the database takes
        anything.

        Raises:
            BadData, TryAgain: nothing is stored. OutcomeUnknown: all or nothing is.
        """
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...


@dataclass(slots=True)
class _Waiting:
    entry: Entry
    done: asyncio.Future[None]


class Journal:
    """Group commit over one batch writer."""

    def __init__(self, writer: BatchWriter, metrics: Metrics | None = None) -> None:
        self._writer = writer
        self._metrics = metrics or Metrics()
        self._metrics.journal_waiting.set_function(lambda: len(self._waiting))
        self._failed = False
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def backlog(self) -> int:
        """How many entries wait to be written."""
        return len(self._waiting)

    @property
    def is_running(self) -> bool:
        """Whether there is a writer."""
        return self._task is not None and not self._task.done()

    @property
    def has_failed(self) -> bool:
        """Whether the outcome of the last commit is unknown; it is tried every second whether the next one works."""
        return self._failed

    async def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="journal")
        self._task.add_done_callback(self._writer_ended)

    async def stop(self) -> None:
        """Write what waits and take nothing more; every caller has been told by then, also if the writer has died."""
        task, self._task = self._task, None
        if task is None:
            return
        self._wake.set()
        try:
            await asyncio.gather(task, return_exceptions=True)
        finally:
            await self._writer.close()

    def _writer_ended(self, task: asyncio.Task[None]) -> None:
        """If it has died, nobody writes any more: say so, and tell those who wait."""
        fault = asyncio.CancelledError() if task.cancelled() else task.exception()
        if fault is None:
            return
        log.error("journal_died", exc_info=fault)
        while self._waiting:
            _fail(self._waiting.popleft(), OutcomeUnknown())

    async def append(self, entry: Entry) -> None:
        """Return once `entry` is committed.

        Raises:
            SequenceTaken: its number is not free; nothing is stored.
            BadData: the database refuses its values; nothing is stored.
            OutcomeUnknown: it may be stored or not.
            Unavailable: too much waits already, or the journal does not run; nothing is stored.
        """
        if not self.is_running or len(self._waiting) >= MAX_WAITING:
            raise Unavailable()
        waiting = _Waiting(entry, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._wake.set()
        # A caller that goes away cancels its future, and takes nothing back: the entry stays with the writer.
        await waiting.done

    async def _run(self) -> None:
        while self._task is not None or self._waiting:
            if await self._woken():
                while batch := self._take():
                    await self._settle(batch)
            else:
                await self._probe()

    async def _woken(self) -> bool:
        """True as soon as there is something to do; false if, after a failure, nothing came for a while."""
        try:
            async with asyncio.timeout(PROBE_SECONDS if self._failed else None):
                await self._wake.wait()
        except TimeoutError:
            return False
        self._wake.clear()
        return True

    async def _probe(self) -> None:
        """Find out whether the database is there again: nobody is sent to a node that failed, so nobody else would."""
        with contextlib.suppress(Exception):
            await self._write([])
            log.info("journal_works_again")

    def _take(self) -> list[_Waiting]:
        """The next batch, sorted, each assessment once; what has to wait stays in its order."""
        batch: dict[int, _Waiting] = {}
        kept: list[_Waiting] = []
        while self._waiting and len(batch) < MAX_BATCH:
            waiting = self._waiting.popleft()
            if batch.setdefault(waiting.entry.event.assessment_id, waiting) is not waiting:
                kept.append(waiting)
        self._waiting.extendleft(reversed(kept))
        return [batch[assessment_id] for assessment_id in sorted(batch)]

    async def _settle(self, batch: list[_Waiting]) -> None:
        """Write a batch and tell each; no failure of a batch ends the writer."""
        try:
            stored = await self._write([waiting.entry for waiting in batch])
        except asyncio.CancelledError:
            for waiting in batch:
                _fail(waiting, OutcomeUnknown())
            raise
        except BadData as fault:
            await self._bisect(batch, fault)
        except Exception as fault:
            self._metrics.journal_unknown.inc()
            log.error("journal_outcome_unknown", entries=len(batch), fault=repr(fault))
            for waiting in batch:
                _fail(waiting, OutcomeUnknown())
        else:
            for waiting in batch:
                if waiting.entry.key in stored:
                    _succeed(waiting)
                else:
                    _fail(waiting, SequenceTaken())

    async def _write(self, entries: Sequence[Entry]) -> set[tuple[int, int]]:
        try:
            stored = await self._try(entries)
        except BadData:  # the database is there, and said no
            self._failed = False
            raise
        except BaseException:
            self._failed = True
            raise
        self._failed = False
        return stored

    async def _try(self, entries: Sequence[Entry]) -> set[tuple[int, int]]:
        for _ in range(MAX_RETRIES):
            before = time.perf_counter()
            try:
                stored = await self._writer.write(entries)
            except TryAgain:
                self._metrics.journal_retries.inc()
                continue
            if entries:
                self._metrics.batch_entries.observe(len(entries))
                self._metrics.commit_seconds.observe(time.perf_counter() - before)
            return stored
        raise OutcomeUnknown("deadlocks or serialisation failures without end")

    async def _bisect(self, batch: list[_Waiting], fault: BadData) -> None:
        """One hostile value fails alone."""
        if len(batch) == 1:
            _fail(batch[0], fault)
            return
        self._metrics.journal_bisected.inc()
        middle = len(batch) // 2
        await self._settle(batch[:middle])
        await self._settle(batch[middle:])


def _succeed(waiting: _Waiting) -> None:
    if not waiting.done.done():
        waiting.done.set_result(None)


def _fail(waiting: _Waiting, fault: Exception) -> None:
    if not waiting.done.done():
        waiting.done.set_exception(fault)
        waiting.done.exception()  # a caller that went away leaves nobody to fetch it
