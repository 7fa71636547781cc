"""Time: deadline, phase and remaining time as pure functions of instants. docs/time.md gives examples of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sitting.domain.application import NO_ACCOMMODATION, Accommodation
from sitting.domain.events import PauseKind
from sitting.kit.rounding import divide_half_up

DRAIN = timedelta(seconds=5)
"""How long after deadline and grace the server waits before it closes, for answers still on their way to the log."""

_MICROSECOND = timedelta(microseconds=1)
_MINUTE = timedelta(minutes=1)
_TENTH_OF_A_MINUTE = timedelta(seconds=6) // _MICROSECOND
_NOTHING = timedelta(0)


class Phase(StrEnum):
    """Where an open assessment stands: answers count in `running` and `grace`; `closable` ones await the sweep."""

    RUNNING = "running"
    PAUSED = "paused"
    GRACE = "grace"
    DRAINING = "draining"
    CLOSABLE = "closable"


@dataclass(frozen=True, slots=True)
class Pause:
    """The clock stood still from `paused_at` until just before `resumed_at`; None: no entry of the log ended it yet.

    Attributes:
        until: when it ends by itself, whether or not anybody has noted that.
    """

    kind: PauseKind
    paused_at: datetime
    until: datetime
    resumed_at: datetime | None = None

    @property
    def ends_at(self) -> datetime:
        """When it ended, or will at the latest."""
        return self.until if self.resumed_at is None else self.resumed_at

    def covers(self, instant: datetime) -> bool:
        """Whether the clock stood still then."""
        return self.paused_at <= instant < self.ends_at


@dataclass(frozen=True, slots=True)
class Schedule:
    """What the server's decisions about time rest on. Every question is asked for an instant, past ones included.

    Attributes:
        deadline_at: D, or None: nothing limits the time, or a pause lasts.
        grace: G; an answer counts if it arrived by D + G.
        left: while a pause lasts, the time that will be left when it ends; None if nothing limits the time.
        pauses: in their order; none begins before the one before it has ended.
    """

    deadline_at: datetime | None
    grace: timedelta
    left: timedelta | None = None
    pauses: tuple[Pause, ...] = ()

    @property
    def lasting_pause(self) -> Pause | None:
        """The pause that no entry of the log has ended; None if there is none."""
        return self.pauses[-1] if self.pauses and self.pauses[-1].resumed_at is None else None

    @property
    def is_limited(self) -> bool:
        """Whether there is, or will be when the pause ends, a deadline."""
        return self.deadline_at is not None or self.left is not None

    def deadline_as_of(self, now: datetime) -> datetime | None:
        """D at `now`: a pause is over at its `until`, though nobody may have noted that yet."""
        pause = self.lasting_pause
        if pause is None:
            return self.deadline_at
        return None if self.left is None or now < pause.until else pause.until + self.left

    @property
    def closable_at(self) -> datetime | None:
        """D + G + drain, as far as the log has moved D; None without a deadline."""
        return None if self.deadline_at is None else self.deadline_at + self.grace + DRAIN

    def phase(self, now: datetime) -> Phase:
        """The phase at `now`; both D and D + G belong to the earlier phase, D + G + drain to the later."""
        if self.pauses and any(pause.covers(now) for pause in self.pauses):
            return Phase.PAUSED
        deadline = self.deadline_as_of(now)
        if deadline is None or now <= deadline:
            return Phase.RUNNING
        if now <= deadline + self.grace:
            return Phase.GRACE
        return Phase.DRAINING if now < deadline + self.grace + DRAIN else Phase.CLOSABLE

    def accepts_answers(self, arrived_at: datetime) -> bool:
        """Whether an answer that arrived then counts."""
        return self.phase(arrived_at) in (Phase.RUNNING, Phase.GRACE)

    def remaining_seconds(self, now: datetime) -> float | None:
        """Seconds until D, never negative, to the millisecond; None if nothing limits the time. Frozen in a pause."""
        deadline = self.deadline_as_of(now)
        left = self.left if deadline is None else deadline - now
        return None if left is None else max(0.0, round(left.total_seconds(), 3))

    def paused(self, kind: PauseKind, paused_at: datetime, until: datetime) -> Schedule:
        """The clock stands still from then on."""
        left = None if self.deadline_at is None else max(_NOTHING, self.deadline_at - paused_at)
        return replace(self, deadline_at=None, left=left, pauses=(*self.pauses, Pause(kind, paused_at, until)))

    def unpaused(self, resumed_at: datetime) -> Schedule:
        """The clock runs again since then, with the time that was left."""
        deadline = None if self.left is None else resumed_at + self.left
        return replace(self._ended_pause(resumed_at), deadline_at=deadline, left=None)

    def extended(self, by: timedelta) -> Schedule:
        """With so much more time, while a pause lasts too; where nothing limits the time, the same as before."""
        if self.deadline_at is not None:
            return replace(self, deadline_at=self.deadline_at + by)
        return self if self.left is None else replace(self, left=self.left + by)

    def ended(self, end_time: datetime) -> Schedule:
        """Of an assessment that is over: a pause ended with it, at the latest."""
        pause = self.lasting_pause
        return self if pause is None else self._ended_pause(max(pause.paused_at, min(end_time, pause.until)))

    def break_used(self, now: datetime) -> timedelta:
        """How much of the allowance for breaks is used up by `now`."""
        breaks = (pause for pause in self.pauses if pause.kind is PauseKind.BREAK)
        return sum((min(now, each.ends_at) - each.paused_at for each in breaks), _NOTHING)

    def _ended_pause(self, resumed_at: datetime) -> Schedule:
        return replace(self, pauses=(*self.pauses[:-1], replace(self.pauses[-1], resumed_at=resumed_at)))


UNLIMITED = Schedule(deadline_at=None, grace=timedelta(0))


def personal_limit(limit: timedelta | None, accommodation: Accommodation = NO_ACCOMMODATION) -> timedelta | None:
    """The time limit of this candidate: the Test's times the factor, exact to half a microsecond, plus the minutes."""
    if limit is None:
        return None
    stretched = divide_half_up(limit // _MICROSECOND * accommodation.extra_time_factor, 1000)
    return stretched * _MICROSECOND + accommodation.extra_minutes * _MINUTE


def limit_minutes(limit: timedelta | None) -> int | float | None:
    """A limit as it is told: minutes, an integer where they are whole."""
    if limit is None:
        return None
    whole, rest = divmod(limit, _MINUTE)
    return limit / _MINUTE if rest else whole


def first_deadline(started_at: datetime, limit: timedelta | None, window_closes_at: datetime | None) -> datetime | None:
    """D at the start, in UTC: the earlier of start + limit and the window's end, the one that exists, or None.

    Args:
        limit: the candidate's own; what the accommodation grants never moves the window.
    """
    candidates = [window_closes_at.astimezone(UTC)] if window_closes_at else []
    if limit is not None:
        candidates.append(started_at + limit)
    return min(candidates, default=None)


def sweep_at(started_at: datetime, schedule: Schedule, abandon_after: timedelta) -> datetime:
    """When the sweep has to look at the assessment next.

    A pause may be over then, or else D + G + drain is reached; untimed, it may count as abandoned.
    """
    pause, abandoned_at = schedule.lasting_pause, started_at + abandon_after
    if schedule.deadline_at is not None:
        return schedule.deadline_at + schedule.grace + DRAIN
    if pause is None:
        return abandoned_at
    return pause.until if schedule.is_limited else min(pause.until, abandoned_at)


def minutes_taken(started_at: datetime, end_time: datetime, pauses: tuple[Pause, ...] = ()) -> float:
    """Minutes from start to end without the pauses, rounded half up to one decimal."""
    elapsed = end_time - started_at - paused_time(end_time, pauses)
    return divide_half_up(max(0, elapsed // _MICROSECOND), _TENTH_OF_A_MINUTE) / 10


def paused_time(end_time: datetime, pauses: tuple[Pause, ...]) -> timedelta:
    """For how long the clock stood still until then."""
    return sum((max(_NOTHING, min(end_time, each.ends_at) - each.paused_at) for each in pauses), _NOTHING)
