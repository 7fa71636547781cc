"""What is counted while a rehearsal runs, out of its history."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sitting.rehearsal.history import INVOKED, Outcome, Record
from sitting.rehearsal.latencies import Latencies, Timeline
from sitting.rehearsal.line import CUT

KINDS = {
    "seat": "from the wish to start until the test was there",
    "start": "one start that was let in",
    "answer": "an answer until it was acknowledged",
    "question": "a question until it was there",
    "connect": "a ticket and a socket",
    "resume": "going on after a lost connection",
    "complete": "handing in",
}
SHED = "shed"
STOPPED = "the rehearsal ended first"
EXPECTED = frozenset({"deadline_passed", "assessment_over", CUT, SHED, STOPPED})
"""What the storms are meant to bring: these are no errors."""
TOO_LATE = 0.05  # seconds
BUSY = 0.9  # of a processor
BUSY_TOO_OFTEN = 0.2  # of the time


@dataclass(frozen=True, slots=True)
class PhaseSpan:
    """A phase, in seconds since the rehearsal began."""

    name: str
    begin: float
    end: float


@dataclass(slots=True)
class OwnLoad:
    """Whether the rehearsal itself was too slow to measure well.

    Attributes:
        delays: by how much it came late to its own appointments. seconds: looks at its processor time, one a second or
            so. busy_seconds: those at which it took nearly all of a processor.
    """

    delays: Latencies = field(default_factory=Latencies)
    seconds: int = 0
    busy_seconds: int = 0

    @property
    def is_too_much(self) -> bool:
        late = self.delays.percentile(99) or 0.0
        return late > TOO_LATE or self.busy_seconds > BUSY_TOO_OFTEN * self.seconds


class Measures:
    """Latencies by kind, counts by outcome, and the timeline."""

    def __init__(self) -> None:
        self.latencies = {kind: Latencies() for kind in KINDS}
        self.outcomes: Counter[tuple[str, str]] = Counter()  # (kind, outcome)
        self.codes: Counter[tuple[str, str]] = Counter()  # (kind, code or reason) of what was not ok
        self.closes: Counter[str] = Counter()  # by close code, of sockets that we did not close
        self.timeline = Timeline()
        self.phases: list[PhaseSpan] = []
        self.sockets = 0
        self.most_sockets = 0
        self.gave_up = 0
        self.window = Latencies()  # acks since the last `open_window`
        self.window_errors = 0
        self.window_load = OwnLoad()
        self.own_load = OwnLoad()

    def add(self, record: Record, took: float) -> None:
        """One more record of the history."""
        if record.event == INVOKED or record.kind not in self.latencies:
            return
        self.outcomes[record.kind, record.event] += 1
        if record.event == Outcome.OK:
            self._succeeded(record, took)
            return
        code = record.data.get("code") or record.data["why"]
        self.codes[record.kind, code] += 1
        if code not in EXPECTED:
            self.timeline.at(record.at).errors += 1
            self.window_errors += 1

    def _succeeded(self, record: Record, took: float) -> None:
        if record.data.get("resumed"):  # it is part of a resume, which is measured as a whole
            return
        self.latencies[record.kind].add(took)
        if record.kind == "answer":
            self.timeline.at(record.at).acks.add(took)
            self.window.add(took)

    def open_window(self) -> None:
        """Count acks, errors and our own load anew."""
        self.window, self.window_errors, self.window_load = Latencies(), 0, OwnLoad()

    def was_late(self, seconds: float) -> None:
        """This process came so much too late to an appointment of its own."""
        self.own_load.delays.add(seconds)
        self.window_load.delays.add(seconds)

    def was_busy(self, share: float, at: float) -> None:
        """It took that share of a processor, over a second or so."""
        slice_ = self.timeline.at(at)
        slice_.busy = max(share, slice_.busy or 0.0)
        for load in (self.own_load, self.window_load):
            load.seconds += 1
            load.busy_seconds += share > BUSY

    @property
    def seats_over(self) -> int:
        """How many have started, or have given up to."""
        return sum(self.outcomes["seat", outcome] for outcome in Outcome)

    def socket_opened(self) -> None:
        self.sockets += 1
        self.most_sockets = max(self.most_sockets, self.sockets)

    def socket_closed(self, code: str | None) -> None:
        """A socket is gone; `code` is None if we closed it ourselves."""
        self.sockets -= 1
        if code is not None:
            self.closes[code] += 1

    def total(self, outcome: Outcome) -> int:
        """How many operations ended so."""
        return sum(number for (_, ended), number in self.outcomes.items() if ended == outcome)
