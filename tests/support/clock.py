"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class ManualClock:
    """Where the server takes a `Clock`: always the same instant, until `advance` or `set`."""

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, *, minutes: float = 0, seconds: float = 0, milliseconds: float = 0) -> datetime:
        """Move on, or back if negative, and return the new instant."""
        self._now += timedelta(minutes=minutes, seconds=seconds, milliseconds=milliseconds)
        return self._now

    def set(self, instant: datetime) -> None:
        """Jump to an aware instant."""
        assert instant.tzinfo is not None, "an instant needs a time zone"
        self._now = instant
