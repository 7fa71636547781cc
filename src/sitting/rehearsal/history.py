"""What was asked and what became of it, operation by operation, as it happened: nothing is decided here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What is known of an operation; unknown means that no reply came, so that it may or may not have happened."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


INVOKED = "invoked"


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the history: an operation begins (`invoked`) or ends (an `Outcome`).

    Attributes:
        at: seconds since the rehearsal began. op: the operation's number, the same at its begin and its end.
        candidate: their number. test: which Test it is about, `main` or `deadline`.
    """

    at: float
    op: int
    event: str
    kind: str
    candidate: int
    test: str
    data: dict[str, Any]

    def to_line(self) -> str:
        """The record as one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Record:
        """The record that such a line holds.

        Raises:
            ValueError, TypeError: it holds none.
        """
        return cls(**json.loads(line))


Listener = Callable[[Record, float], None]
"""Told of each record, with the seconds that the operation took (0 at its begin)."""


class History:
    """Writes records down and passes them on, in the order in which they happen."""

    def __init__(self, elapsed: Callable[[], float], listeners: Iterable[Listener]) -> None:
        """`elapsed` gives the seconds since the rehearsal began."""
        self.elapsed = elapsed
        self._listeners = tuple(listeners)
        self._last = 0
        self._open: dict[int, Operation] = {}

    def invoke(self, kind: str, candidate: int, test: str, **data: Any) -> Operation:
        """An operation begins now."""
        self._last += 1
        operation = Operation(self, self._last, kind, candidate, test, self.elapsed())
        self._open[self._last] = operation
        self.tell(Record(round(operation.began, 6), self._last, INVOKED, kind, candidate, test, data), 0.0)
        return operation

    def finish(self, why: str) -> None:
        """Of whatever is still under way nobody will ever know."""
        for operation in list(self._open.values()):
            operation.unknown(why)

    def end(self, operation: Operation, record: Record, took: float) -> None:
        """The operation ends with this record."""
        del self._open[operation.number]
        self.tell(record, took)

    def tell(self, record: Record, took: float) -> None:
        for listener in self._listeners:
            listener(record, took)


@dataclass(slots=True)
class Operation:
    """An operation that has begun; it ends once."""

    history: History
    number: int
    kind: str
    candidate: int
    test: str
    began: float
    is_open: bool = True

    def ok(self, **data: Any) -> None:
        """The server said that it happened."""
        self._end(Outcome.OK, data)

    def failed(self, code: str, **data: Any) -> None:
        """The server said that it did not happen."""
        self._end(Outcome.FAILED, {"code": code, **data})

    def unknown(self, why: str) -> None:
        """Nobody knows."""
        self._end(Outcome.UNKNOWN, {"why": why})

    def _end(self, outcome: Outcome, data: dict[str, Any]) -> None:
        if not self.is_open:
            return
        self.is_open = False
        now = self.history.elapsed()
        record = Record(round(now, 6), self.number, outcome, self.kind, self.candidate, self.test, data)
        self.history.end(self, record, now - self.began)
