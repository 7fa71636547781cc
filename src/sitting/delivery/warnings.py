"""When a candidate is reminded of the time."""

from __future__ import annotations

WARNINGS_SECONDS = (300, 60, 10)


def warning_times(remaining_seconds: float | None) -> list[float]:
    """In how many seconds each warning is due, given how much time is left; none if the time is unlimited."""
    if remaining_seconds is None:
        return []
    return [remaining_seconds - before for before in WARNINGS_SECONDS if remaining_seconds > before]
