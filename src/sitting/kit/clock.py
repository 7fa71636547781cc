"""The one source of time. Everything below the edge takes `now` as a value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """Anything that tells the time."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC, to the microsecond."""
        return datetime.now(UTC)


def to_microseconds(instant: datetime) -> int:
    """Microseconds since 1970-01-01 UTC, exact (no floating point on the way).

    Raises:
        ValueError: the instant carries no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return (instant - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """The instant so many microseconds after 1970-01-01 UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)
