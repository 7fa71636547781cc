"""What operators measure, as instruments in memory. docs/operations.md describes each; none names a person."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

import sitting
from sitting.domain.errors import ErrorCode, SittingError
from sitting.domain.events import EndReason, Verdict

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CLOSED_WITHOUT_A_CODE = 1006
OTHER = "other"
SOCKET, REST = "socket", "rest"
# Seconds: from one millisecond to ten seconds, dense where an answer should be.
ACK_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
BATCH_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
LAG_BUCKETS = (0.5, 1, 2, 5, 10, 30, 60, 300, 1800)
# Those of the contract, and those that browsers and the protocol itself use. Clients may invent thousands more.
_CLOSE_CODES = (
    *(1000, 1001, 1002, 1003, 1005, CLOSED_WITHOUT_A_CODE, 1007, 1009, 1011, 1012, 1013),
    *(4001, 4003, 4004, 4008, 4009, 4010, 4029),
)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a time of creation for every series would double their number


@dataclass(slots=True)
class Start:
    """A start under way; `outcome` becomes "started" or "recovered", or the code of what hindered it."""

    outcome: str = ErrorCode.INTERNAL_ERROR.value

    def succeeded(self, *, recovered: bool) -> None:
        """It came to its end; `recovered`: the assessment was there already."""
        self.outcome = "recovered" if recovered else "started"


class Metrics:
    """The instruments of one application, in a registry of its own.

    Series of bounded labels exist from the start, so that a rate is known before the first event; what is counted on
    the way of an answer is held by its label, since looking a label up costs more than counting.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._add_sockets(registry)
        self._add_journal(registry)
        self._add_assessments(registry)
        self._add_nodes(registry)
        self._add_outages(registry)
        self.sign_ins_refused = Counter("sitting_sign_ins_refused", "Wrong email or password.", registry=registry)
        self._clock = Gauge("sitting_clock_difference_seconds", "The database's clock less ours.", registry=registry)
        build = Gauge(
            "sitting_build_info", "Always 1; the label says which version runs.", ["version"], registry=registry
        )
        build.labels(sitting.__version__).set(1)

    def text(self) -> bytes:
        """All series, in Prometheus' text format (CONTENT_TYPE)."""
        return generate_latest(self.registry)

    def refused(self, way: str, code: ErrorCode) -> None:
        """A command or request was refused; `way` is SOCKET or REST."""
        self._refused[way, code].inc()

    def closed(self, code: int | None) -> None:
        """A socket closed with that code, ours or the client's; None: the connection broke."""
        code = CLOSED_WITHOUT_A_CODE if code is None else code
        self._closed.labels(str(code) if code in _CLOSE_CODES else OTHER).inc()

    @contextmanager
    def start(self) -> Iterator[Start]:
        """Count and time the start that the block does; the block says in the end what came of it."""
        start, before = Start(), time.perf_counter()
        try:
            yield start
        except SittingError as error:
            start.outcome = error.code
            raise
        finally:
            self._starts.labels(start.outcome).inc()
            self.start_seconds.observe(time.perf_counter() - before)

    def clock_differs(self, by: timedelta) -> None:
        """The database's clock is so far ahead of ours."""
        self._clock.set(by.total_seconds())

    def watch_sockets(self, sockets: Callable[[], int], candidates: Callable[[], int]) -> None:
        """Where to ask, at each look, how many sockets are open and how many candidates are attached."""
        self._sockets.set_function(sockets)
        self._candidates.set_function(candidates)

    def _add_sockets(self, registry: CollectorRegistry) -> None:
        self._sockets = Gauge("sitting_open_sockets", "Sockets that are open.", registry=registry)
        self._candidates = Gauge(
            "sitting_attached_candidates", "Candidates who have an assessment before them.", registry=registry
        )
        answers = Counter("sitting_answers", "Answers that were judged.", ["verdict"], registry=registry)
        self.answers = _children(answers, Verdict)
        self.ack_seconds = Histogram(
            "sitting_ack_seconds",
            "From the arrival of an answer to its acknowledgement.",
            buckets=ACK_BUCKETS,
            registry=registry,
        )
        refused = Counter("sitting_refusals", "Refused commands and requests.", ["way", "code"], registry=registry)
        self._refused = {(way, code): refused.labels(way, code.value) for way in (SOCKET, REST) for code in ErrorCode}
        self._closed = Counter("sitting_socket_closes", "Sockets that closed.", ["code"], registry=registry)

    def _add_journal(self, registry: CollectorRegistry) -> None:
        self.journal_waiting = Gauge("sitting_journal_waiting_entries", "Entries that wait.", registry=registry)
        self.batch_entries = Histogram(
            "sitting_journal_batch_entries", "Entries in a commit.", buckets=BATCH_BUCKETS, registry=registry
        )
        self.commit_seconds = Histogram(
            "sitting_journal_commit_seconds", "How long a commit took.", buckets=ACK_BUCKETS, registry=registry
        )
        self.journal_unknown = Counter(
            "sitting_journal_outcomes_unknown", "Batches of unknown outcome.", registry=registry
        )
        self.journal_retries = Counter("sitting_journal_retries", "Batches tried once more.", registry=registry)
        self.journal_bisected = Counter("sitting_journal_bisected", "Batches split for a bad value.", registry=registry)

    def _add_assessments(self, registry: CollectorRegistry) -> None:
        self._starts = Counter("sitting_starts", "Starts, by what came of them.", ["outcome"], registry=registry)
        self.start_seconds = Histogram(
            "sitting_start_seconds", "How long a start took.", buckets=ACK_BUCKETS, registry=registry
        )
        ends = Counter("sitting_finalizations", "Assessments that ended.", ["reason"], registry=registry)
        self.finalizations = _children(ends, EndReason)
        self.sweep_lag_seconds = Histogram(
            "sitting_sweep_lag_seconds", "From when it was due to the close.", buckets=LAG_BUCKETS, registry=registry
        )
        self.sweep_age_seconds = Gauge(
            "sitting_sweep_age_seconds", "Since the last sweep that came to its end.", registry=registry
        )

    def _add_nodes(self, registry: CollectorRegistry) -> None:
        self.notices_sent = Counter("sitting_notices_sent", "Said to other nodes.", registry=registry)
        self.notices_received = Counter("sitting_notices_received", "Said by other nodes.", registry=registry)
        ignored = Counter("sitting_notices_ignored", "Heard, and nothing to us.", ["reason"], registry=registry)
        self.notices_ignored = _children(ignored, ("own", "unreadable"))
        self.listener_connected = Gauge(
            "sitting_notice_listener_connected", "1 while other nodes are heard.", registry=registry
        )
        polls = Counter("sitting_head_polls", "Looks for notices that were lost.", ["outcome"], registry=registry)
        self.head_polls = _children(polls, ("done", "failed"))

    def _add_outages(self, registry: CollectorRegistry) -> None:
        self.outages = Counter("sitting_outages", "Outages that this node saw first.", registry=registry)
        self.outage_seconds = Counter("sitting_outage_seconds", "How long they were in all.", registry=registry)
        self.time_credits = Counter("sitting_time_credits", "Assessments that got time back.", registry=registry)
        self.credited_seconds = Counter("sitting_credited_seconds", "The time that they got back.", registry=registry)
        self.heartbeat_seconds = Histogram(
            "sitting_heartbeat_seconds", "How long a heartbeat took.", buckets=ACK_BUCKETS, registry=registry
        )


def _children(counter: Counter, labels: Iterable[str]) -> dict[str, Counter]:
    return {label: counter.labels(str(label)) for label in labels}
