from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from sitting.domain.deadline import Phase, Schedule, first_deadline, minutes_taken, sweep_at
from tests.support.samples import MICROSECOND, START

ORDER = [Phase.RUNNING, Phase.GRACE, Phase.DRAINING, Phase.CLOSABLE]

deadlines = st.integers(0, 10**13).map(lambda us: START + us * MICROSECOND)
graces = st.integers(0, 300).map(lambda seconds: timedelta(seconds=seconds))
schedules = st.builds(Schedule, deadlines, graces)
# Mostly around the boundaries, which are whole seconds behind D.
offsets = st.one_of(
    st.builds(
        lambda seconds, us: timedelta(seconds=seconds, microseconds=us), st.integers(-2, 310), st.integers(-1001, 1001)
    ),
    st.timedeltas(timedelta(days=-400), timedelta(days=400)),
)


@given(schedules, offsets)
def test_phase_is_what_integers_of_microseconds_say(schedule: Schedule, offset: timedelta) -> None:
    assert schedule.deadline_at is not None
    behind = offset // MICROSECOND
    grace = schedule.grace // MICROSECOND
    expected = ORDER[(behind > 0) + (behind > grace) + (behind >= grace + 5_000_000)] if behind > 0 else Phase.RUNNING
    assert schedule.phase(schedule.deadline_at + offset) is expected


@given(schedules, offsets, offsets)
def test_phases_never_go_back(schedule: Schedule, one: timedelta, other: timedelta) -> None:
    assert schedule.deadline_at is not None
    earlier, later = (schedule.phase(schedule.deadline_at + offset) for offset in sorted((one, other)))
    assert ORDER.index(earlier) <= ORDER.index(later)


@given(schedules, offsets)
def test_p15_answers_count_exactly_in_the_running_and_grace_phases(schedule: Schedule, offset: timedelta) -> None:
    assert schedule.deadline_at is not None
    arrival = schedule.deadline_at + offset
    assert schedule.accepts_answers(arrival) == (offset <= schedule.grace)


@given(schedules, offsets)
def test_remaining_time_and_phase_never_disagree(schedule: Schedule, offset: timedelta) -> None:
    assert schedule.deadline_at is not None
    now = schedule.deadline_at + offset
    remaining = schedule.remaining_seconds(now)
    assert remaining is not None
    exact = max(Fraction(0), Fraction(-(offset // MICROSECOND), 10**6))
    assert abs(Fraction(remaining) - exact) <= Fraction(1, 2000) + Fraction(1, 10**6)
    if remaining > 0:
        assert schedule.phase(now) is Phase.RUNNING


zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
windows = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=zones)  # noqa: DTZ001


@given(st.none() | st.integers(1, 10_080), st.none() | windows)
def test_deadline_is_the_earlier_limit_and_in_utc(limit: int | None, window: datetime | None) -> None:
    duration = None if limit is None else timedelta(minutes=limit)
    deadline = first_deadline(START, duration, window)
    limits = [at for at in (window, START + duration if duration else None) if at is not None]
    assert (deadline is None) == (not limits)
    if deadline is not None:
        assert deadline.tzinfo is UTC
        assert all(deadline <= at for at in limits)
        assert deadline in limits


@given(schedules)
def test_sweep_comes_at_the_first_instant_that_is_closable(schedule: Schedule) -> None:
    at = sweep_at(START, schedule, timedelta(days=1))
    assert schedule.phase(at) is Phase.CLOSABLE
    assert schedule.phase(at - MICROSECOND) is not Phase.CLOSABLE


@given(st.integers(0, 10**15) | st.integers(0, 10**6).map(lambda halves: halves * 3_000_000))
def test_minutes_taken_are_the_nearest_tenth_with_halves_up(elapsed: int) -> None:
    minutes = minutes_taken(START, START + elapsed * MICROSECOND)
    tenths = Fraction(elapsed, 6_000_000)
    expected = (tenths + Fraction(1, 2)).__floor__()
    assert minutes == expected / 10
    assert f"{minutes:.1f}" == f"{expected // 10}.{expected % 10}"
