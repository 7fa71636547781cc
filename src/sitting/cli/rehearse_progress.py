"""What a rehearsal does at the moment, on standard error."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sitting.rehearsal.history import Outcome
from sitting.rehearsal.latencies import Latencies
from sitting.rehearsal.measures import Measures

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

SECONDS_PER_LINE = 5
SECONDS_PER_FRAME = 0.25
BAR = 40  # columns
LATELY = 5  # slices of the timeline, of a second or more


class Progress:
    """A bar and figures that change on a terminal; a line every few seconds elsewhere."""

    def __init__(self, measures: Measures, live: Live | None) -> None:
        self._measures = measures
        self._live = live
        self._now = ""
        self._of = 0.0
        self._done: Callable[[], float] | None = None

    @classmethod
    @contextmanager
    def shown(cls, measures: Measures) -> Iterator[Progress]:
        if not sys.stderr.isatty():
            yield cls(measures, None)
            return
        from rich.console import Console
        from rich.live import Live

        with Live("", console=Console(stderr=True), transient=True, auto_refresh=False) as live:
            yield cls(measures, live)

    def say(self, what: str, of: float = 0.0, done: Callable[[], float] | None = None, /) -> None:
        """Something else happens from now on; there is so much `of` it, and `done` tells how much of that is over."""
        self._now, self._of, self._done = what, of, done
        if self._live is None:
            print(what, file=sys.stderr, flush=True)
        else:
            self._live.console.print(what, highlight=False, markup=False)

    async def tick(self) -> None:
        """Keep telling, until cancelled."""
        loop = asyncio.get_running_loop()
        origin = loop.time()
        while True:
            await asyncio.sleep(SECONDS_PER_LINE if self._live is None else SECONDS_PER_FRAME)
            line = f"{loop.time() - origin:6.0f} s  {self._share()}{self._figures()}"
            if self._live is None:
                print(line, file=sys.stderr, flush=True)
            else:
                self._live.update(self._picture(line), refresh=True)

    def _picture(self, line: str) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.text import Text

        if self._done is None or self._of <= 0:
            return Group(Text(line))
        return Group(ProgressBar(self._of, min(self._done(), self._of), width=BAR), Text(line))

    def _share(self) -> str:
        """How much of it is done, for those who see no bar."""
        if self._done is None or self._of <= 0 or self._live is not None:
            return ""
        return f"{min(1, self._done() / self._of):4.0%}, "

    def _figures(self) -> str:
        measures = self._measures
        lately = Latencies()
        for each in measures.timeline.slices[-LATELY:]:
            lately.merge(each.acks)
        p99 = lately.percentile(99)
        told = "none lately" if p99 is None else f"p99 lately {p99 * 1000:.0f} ms"
        acks = measures.latencies["answer"]
        errors = sum(each.errors for each in measures.timeline.slices)
        unknown = measures.total(Outcome.UNKNOWN)
        return f"{measures.sockets} sockets, {acks.number} acks ({told}), {errors} errors, {unknown} unknown"
