from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sitting.domain.deadline import (
    DRAIN,
    UNLIMITED,
    Phase,
    Schedule,
    first_deadline,
    minutes_taken,
    sweep_at,
)
from tests.support.samples import DEADLINE, MICROSECOND, MILLISECOND, START

GRACE = timedelta(seconds=5)
SCHEDULE = Schedule(DEADLINE, GRACE)
LIMIT = timedelta(minutes=30)
ZERO = timedelta(0)

STEPS = (MILLISECOND, MICROSECOND)


def line(schedule: Schedule, start: datetime, end: datetime, step: timedelta) -> list[tuple[Phase, datetime]]:
    """The schedule as intervals: each phase, with the last instant of it that was sampled."""
    intervals: list[tuple[Phase, datetime]] = []
    now = start
    while now <= end:
        phase = schedule.phase(now)
        if intervals and intervals[-1][0] is phase:
            intervals.pop()
        intervals.append((phase, now))
        now += step
    return intervals


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("boundary", "at_and_before", "after"),
    [
        (DEADLINE, Phase.RUNNING, Phase.GRACE),
        (DEADLINE + GRACE, Phase.GRACE, Phase.DRAINING),
    ],
    ids=["D", "D+G"],
)
def test_deadline_and_end_of_grace_belong_to_the_phase_before_them(
    step: timedelta, boundary: datetime, at_and_before: Phase, after: Phase
) -> None:
    assert SCHEDULE.phase(boundary - step) is at_and_before
    assert SCHEDULE.phase(boundary) is at_and_before
    assert SCHEDULE.phase(boundary + step) is after


@pytest.mark.parametrize("step", STEPS)
def test_end_of_the_drain_belongs_to_the_sweep(step: timedelta) -> None:
    end = DEADLINE + GRACE + timedelta(seconds=5)
    assert end - DEADLINE - GRACE == DRAIN
    assert SCHEDULE.phase(end - step) is Phase.DRAINING
    assert SCHEDULE.phase(end) is Phase.CLOSABLE
    assert SCHEDULE.phase(end + step) is Phase.CLOSABLE


def test_phases_follow_each_other_without_gap_or_return() -> None:
    intervals = line(SCHEDULE, DEADLINE - timedelta(seconds=1), DEADLINE + timedelta(seconds=12), MILLISECOND)
    assert intervals == [
        (Phase.RUNNING, DEADLINE),
        (Phase.GRACE, DEADLINE + GRACE),
        (Phase.DRAINING, DEADLINE + GRACE + DRAIN - MILLISECOND),
        (Phase.CLOSABLE, DEADLINE + timedelta(seconds=12)),
    ]


def test_without_grace_the_drain_begins_behind_the_deadline() -> None:
    strict = Schedule(DEADLINE, ZERO)
    assert strict.phase(DEADLINE) is Phase.RUNNING
    assert strict.phase(DEADLINE + MICROSECOND) is Phase.DRAINING
    assert not strict.accepts_answers(DEADLINE + MICROSECOND)


@pytest.mark.parametrize("step", STEPS)
def test_p15_an_answer_counts_iff_it_arrived_by_deadline_and_grace(step: timedelta) -> None:
    assert SCHEDULE.accepts_answers(START)
    assert SCHEDULE.accepts_answers(DEADLINE + step)
    assert SCHEDULE.accepts_answers(DEADLINE + GRACE - step)
    assert SCHEDULE.accepts_answers(DEADLINE + GRACE)
    assert not SCHEDULE.accepts_answers(DEADLINE + GRACE + step)
    assert not SCHEDULE.accepts_answers(DEADLINE + GRACE + DRAIN)


@pytest.mark.parametrize("now", [START, DEADLINE + timedelta(days=400)])
def test_untimed_assessment_runs_for_ever(now: datetime) -> None:
    untimed = Schedule(None, GRACE)
    assert untimed.phase(now) is Phase.RUNNING
    assert untimed.accepts_answers(now)
    assert untimed.remaining_seconds(now) is None
    assert UNLIMITED.phase(now) is Phase.RUNNING


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (LIMIT, 1800.0),
        (timedelta(seconds=1), 1.0),
        (timedelta(milliseconds=1500), 1.5),
        (MILLISECOND, 0.001),
        (MICROSECOND, 0.0),
        (ZERO, 0.0),
        (-MICROSECOND, 0.0),
        (-MILLISECOND, 0.0),
        (timedelta(seconds=-6), 0.0),
        (timedelta(days=-400), 0.0),
    ],
)
def test_remaining_time_is_to_the_millisecond_and_never_negative(before: timedelta, expected: float) -> None:
    remaining = SCHEDULE.remaining_seconds(DEADLINE - before)
    assert remaining == expected
    assert not str(remaining).startswith("-")


def test_remaining_time_does_not_contain_the_grace() -> None:
    assert Schedule(DEADLINE, timedelta(seconds=300)).remaining_seconds(DEADLINE - LIMIT) == 1800.0


def test_the_zone_in_which_an_instant_is_given_does_not_matter() -> None:
    elsewhere = timezone(timedelta(hours=-11))
    assert SCHEDULE.phase((DEADLINE + GRACE).astimezone(elsewhere)) is Phase.GRACE
    assert SCHEDULE.remaining_seconds((DEADLINE - LIMIT).astimezone(elsewhere)) == 1800.0


@pytest.mark.parametrize(
    ("limit", "window", "expected"),
    [
        (LIMIT, None, START + LIMIT),
        (None, START + timedelta(hours=2), START + timedelta(hours=2)),
        (None, None, None),
        (LIMIT, START + LIMIT + MICROSECOND, START + LIMIT),
        (LIMIT, START + LIMIT - MICROSECOND, START + LIMIT - MICROSECOND),
        (LIMIT, START + LIMIT, START + LIMIT),
        (LIMIT, START + timedelta(seconds=1), START + timedelta(seconds=1)),
    ],
    ids=["limit", "window", "neither", "window later", "window earlier", "same", "window at once"],
)
def test_deadline_is_the_earlier_of_limit_and_window(
    limit: timedelta | None, window: datetime | None, expected: datetime | None
) -> None:
    assert first_deadline(START, limit, window) == expected


def test_deadline_is_in_utc_though_the_window_was_written_in_another_zone() -> None:
    window = (START + timedelta(minutes=1)).astimezone(timezone(timedelta(hours=2)))
    deadline = first_deadline(START, LIMIT, window)
    assert deadline == window
    assert deadline is not None
    assert deadline.tzinfo is UTC


def test_sweep_waits_for_deadline_grace_and_drain() -> None:
    at = sweep_at(START, SCHEDULE, timedelta(days=30))
    assert at == DEADLINE + timedelta(seconds=10)
    assert SCHEDULE.phase(at) is Phase.CLOSABLE
    assert SCHEDULE.phase(at - MICROSECOND) is Phase.DRAINING


def test_untimed_assessment_is_swept_once_it_counts_as_abandoned() -> None:
    assert sweep_at(START, Schedule(None, GRACE), timedelta(days=30)) == START + timedelta(days=30)


@pytest.mark.parametrize(
    ("taken", "minutes"),
    [
        (ZERO, 0.0),
        (timedelta(seconds=3) - MICROSECOND, 0.0),
        (timedelta(seconds=3), 0.1),
        (timedelta(seconds=9) - MICROSECOND, 0.1),
        (timedelta(seconds=9), 0.2),
        (timedelta(seconds=57), 1.0),
        (timedelta(seconds=60), 1.0),
        (timedelta(seconds=63) - MICROSECOND, 1.0),
        (timedelta(seconds=63), 1.1),
        (timedelta(minutes=12), 12.0),
        (LIMIT, 30.0),
        (timedelta(days=30, seconds=3), 43200.1),
        (timedelta(seconds=-1), 0.0),
    ],
)
def test_minutes_taken_are_rounded_half_up_to_one_decimal(taken: timedelta, minutes: float) -> None:
    assert minutes_taken(START, START + taken) == minutes
