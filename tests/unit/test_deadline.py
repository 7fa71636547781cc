from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sitting.domain.application import Accommodation
from sitting.domain.deadline import (
    DRAIN,
    UNLIMITED,
    Phase,
    Schedule,
    first_deadline,
    limit_minutes,
    minutes_taken,
    personal_limit,
    sweep_at,
)
from sitting.domain.events import PauseKind
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


# --- pauses, more time, accommodations --------------------------------------------------------------------------------

PAUSED_AT = START + timedelta(minutes=10)
UNTIL = PAUSED_AT + timedelta(minutes=15)
PAUSED = SCHEDULE.paused(PauseKind.STAFF, PAUSED_AT, UNTIL)
RESUMED_AT = PAUSED_AT + timedelta(minutes=5)
RESUMED = PAUSED.unpaused(RESUMED_AT)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("schedule", "end"), [(PAUSED, UNTIL), (RESUMED, RESUMED_AT)], ids=["lasting", "ended"])
def test_pause_begins_with_its_first_instant_and_is_over_with_its_last(
    step: timedelta, schedule: Schedule, end: datetime
) -> None:
    for instant, accepted in (
        (PAUSED_AT - step, True),
        (PAUSED_AT, False),
        (PAUSED_AT + step, False),
        (end - step, False),
        (end, True),
        (end + step, True),
    ):
        assert schedule.accepts_answers(instant) is accepted
        assert (schedule.phase(instant) is Phase.PAUSED) is not accepted


def test_deadline_is_null_in_a_pause_and_moves_by_its_length() -> None:
    assert PAUSED.deadline_at is None
    assert PAUSED.is_limited
    assert RESUMED.deadline_at == DEADLINE + timedelta(minutes=5)
    assert RESUMED.lasting_pause is None


def test_remaining_time_is_frozen_in_a_pause_and_goes_on_where_it_stopped() -> None:
    for instant in (PAUSED_AT, PAUSED_AT + MILLISECOND, UNTIL - MILLISECOND):
        assert PAUSED.remaining_seconds(instant) == 1200.0
    assert RESUMED.remaining_seconds(RESUMED_AT) == 1200.0
    assert RESUMED.remaining_seconds(RESUMED_AT + MILLISECOND) == 1199.999


def test_pause_is_over_at_its_until_whether_or_not_anybody_noted_that() -> None:
    noted = PAUSED.unpaused(UNTIL)
    for behind in (ZERO, MILLISECOND, timedelta(minutes=20), timedelta(minutes=21)):
        assert PAUSED.phase(UNTIL + behind) is noted.phase(UNTIL + behind)
        assert PAUSED.deadline_as_of(UNTIL + behind) == noted.deadline_at
        assert PAUSED.remaining_seconds(UNTIL + behind) == noted.remaining_seconds(UNTIL + behind)


def test_more_time_in_a_pause_is_there_behind_it() -> None:
    minute = timedelta(minutes=1)
    assert PAUSED.extended(minute).remaining_seconds(PAUSED_AT) == 1260.0
    assert PAUSED.extended(minute).unpaused(RESUMED_AT) == RESUMED.extended(minute)
    assert SCHEDULE.extended(minute).deadline_at == DEADLINE + minute


def test_untimed_assessment_is_paused_and_never_limited() -> None:
    untimed = Schedule(None, GRACE)
    paused = untimed.paused(PauseKind.STAFF, PAUSED_AT, UNTIL)
    assert paused.phase(PAUSED_AT) is Phase.PAUSED
    assert paused.remaining_seconds(PAUSED_AT) is None
    assert untimed.extended(GRACE) == untimed
    assert (paused.unpaused(UNTIL).deadline_at, paused.is_limited) == (None, False)


def test_sweep_looks_when_a_pause_runs_out_and_then_at_the_new_deadline() -> None:
    month = timedelta(days=30)
    assert sweep_at(START, PAUSED, month) == UNTIL
    assert sweep_at(START, RESUMED, month) == DEADLINE + timedelta(minutes=5) + GRACE + DRAIN
    untimed = Schedule(None, GRACE).paused(PauseKind.STAFF, PAUSED_AT, UNTIL)
    assert sweep_at(START, untimed, month) == UNTIL
    assert sweep_at(START, untimed, timedelta(minutes=20)) == START + timedelta(minutes=20)
    assert sweep_at(START, PAUSED, timedelta(minutes=20)) == UNTIL


@pytest.mark.parametrize(
    ("end", "minutes"),
    [
        (PAUSED_AT - MILLISECOND, 10.0),
        (PAUSED_AT, 10.0),
        (RESUMED_AT, 10.0),
        (RESUMED_AT + timedelta(seconds=3) - MICROSECOND, 10.0),
        (RESUMED_AT + timedelta(seconds=3), 10.1),
        (DEADLINE + timedelta(minutes=5), 30.0),
    ],
)
def test_minutes_taken_leave_out_the_pauses(end: datetime, minutes: float) -> None:
    assert minutes_taken(START, end, RESUMED.pauses) == minutes


def test_breaks_count_against_the_allowance_and_pauses_by_staff_do_not() -> None:
    twice = RESUMED.paused(PauseKind.BREAK, RESUMED_AT, RESUMED_AT + timedelta(minutes=3))
    assert RESUMED.break_used(UNTIL) == ZERO
    assert twice.break_used(RESUMED_AT + timedelta(minutes=2)) == timedelta(minutes=2)
    assert twice.break_used(UNTIL) == timedelta(minutes=3)


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        (Accommodation(), 30),
        (Accommodation(1500), 45),
        (Accommodation(1000, 10), 40),
        (Accommodation(1500, 10), 55),  # the factor first, then the minutes
        (Accommodation(1255, 5), 42.65),
        (Accommodation(1000, 0, 15), 30),  # breaks stop the clock, and make no limit longer
    ],
)
def test_accommodation_stretches_the_limit(granted: Accommodation, expected: float) -> None:
    told = limit_minutes(personal_limit(LIMIT, granted))
    assert told == expected
    assert isinstance(told, int) == (expected == int(expected))


def test_without_a_limit_an_accommodation_stretches_nothing() -> None:
    assert personal_limit(None, Accommodation(1500, 10)) is None
    assert limit_minutes(None) is None
