"""Time: deadline, phase and remaining time as pure functions of instants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sitting.kit.rounding import divide_half_up

DRAIN = timedelta(seconds=5)
"""How long after deadline and grace the server waits before it closes, for answers still on their way to the log."""

_MICROSECOND = timedelta(microseconds=1)
_TENTH_OF_A_MINUTE = timedelta(seconds=6) // _MICROSECOND


class Phase(StrEnum):
    """Where an open assessment stands: answers count in `running` and `grace`; `closable` ones await the sweep."""

    RUNNING = "running"
    GRACE = "grace"
    DRAINING = "draining"
    CLOSABLE = "closable"


@dataclass(frozen=True, slots=True)
class Schedule:
    """What the server's decisions about time rest on.

    Attributes:
        deadline_at: D, or None if nothing limits the time.
        grace: G; an answer counts if it arrived by D + G.
    """

    deadline_at: datetime | None
    grace: timedelta

    def phase(self, now: datetime) -> Phase:
        """The phase at `now`; both D and D + G belong to the earlier phase, D + G + drain to the later."""
        if self.deadline_at is None or now <= self.deadline_at:
            return Phase.RUNNING
        if now <= self.deadline_at + self.grace:
            return Phase.GRACE
        return Phase.DRAINING if now < self.deadline_at + self.grace + DRAIN else Phase.CLOSABLE

    def accepts_answers(self, arrived_at: datetime) -> bool:
        """Whether an answer that arrived then counts."""
        return self.phase(arrived_at) in (Phase.RUNNING, Phase.GRACE)

    def remaining_seconds(self, now: datetime) -> float | None:
        """Seconds until D, never negative, to the millisecond; None if nothing limits the time."""
        if self.deadline_at is None:
            return None
        return max(0.0, round((self.deadline_at - now).total_seconds(), 3))


UNLIMITED = Schedule(deadline_at=None, grace=timedelta(0))


def first_deadline(started_at: datetime, limit: timedelta | None, window_closes_at: datetime | None) -> datetime | None:
    """D at the start, in UTC: the earlier of start + limit and the window's end, the one that exists, or None."""
    candidates = [window_closes_at.astimezone(UTC)] if window_closes_at else []
    if limit is not None:
        candidates.append(started_at + limit)
    return min(candidates, default=None)


def sweep_at(started_at: datetime, schedule: Schedule, abandon_after: timedelta) -> datetime:
    """From when on the sweep may close the assessment: D + G + drain, or, untimed, when it counts as abandoned."""
    if schedule.deadline_at is None:
        return started_at + abandon_after
    return schedule.deadline_at + schedule.grace + DRAIN


def minutes_taken(started_at: datetime, end_time: datetime) -> float:
    """Minutes from start to end, rounded half up to one decimal."""
    elapsed = max(0, (end_time - started_at) // _MICROSECOND)
    return divide_half_up(elapsed, _TENTH_OF_A_MINUTE) / 10
