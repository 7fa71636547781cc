from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from sitting.domain.application import AttemptRecord, CandidateApplication
from sitting.domain.assessment import Status
from sitting.domain.attempts import (
    CountedResult,
    attempts_used,
    counted_result,
    next_attempt,
    open_attempt,
    refusal_to_start,
)
from sitting.domain.blueprint import CountedAttempt
from sitting.domain.errors import ErrorCode
from sitting.domain.scoring import percentage_of
from tests.support.samples import MICROSECOND, START, blueprint

OPENS = START
CLOSES = START + timedelta(hours=8)


def attempts(*statuses: Status) -> list[AttemptRecord]:
    return [AttemptRecord(100 + n, n, status) for n, status in enumerate(statuses, start=1)]


@pytest.mark.parametrize("status", [Status.STARTED, Status.IN_PROGRESS, Status.PAUSED])
def test_open_attempt_is_found_behind_those_that_are_over(status: Status) -> None:
    history = attempts(Status.COMPLETED, Status.VOIDED, status)
    assert open_attempt(history) == history[2]


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.TIMEOUT, Status.VOIDED])
def test_attempt_that_is_over_is_not_open(status: Status) -> None:
    assert open_attempt(attempts(status)) is None


def test_statuses_read_from_a_database_as_plain_text_are_understood() -> None:
    stored = [AttemptRecord(1, 1, "voided"), AttemptRecord(2, 2, "in_progress")]
    assert open_attempt(stored) == stored[1]
    assert attempts_used(stored) == 1


def test_voided_attempts_do_not_count_but_their_numbers_stay_taken() -> None:
    history = attempts(Status.COMPLETED, Status.VOIDED, Status.TIMEOUT, Status.VOIDED)
    assert attempts_used(history) == 2
    assert next_attempt(history) == 5


def test_first_attempt_has_number_one() -> None:
    assert next_attempt([]) == 1
    assert attempts_used([]) == 0


def test_number_follows_the_highest_though_the_list_be_unsorted_or_have_gaps() -> None:
    assert next_attempt([AttemptRecord(9, 7, "completed"), AttemptRecord(8, 2, "completed")]) == 8


def refused(*statuses: Status, now: datetime = START, max_attempts: int = 2, **window: datetime) -> str | None:
    error = refusal_to_start(blueprint(max_attempts=max_attempts, **window), attempts(*statuses), now)
    return None if error is None else error.code


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((), None),
        ((Status.COMPLETED,), None),
        ((Status.COMPLETED, Status.TIMEOUT), ErrorCode.ATTEMPTS_EXHAUSTED),
        ((Status.COMPLETED, Status.VOIDED), None),
        ((Status.VOIDED,) * 5, None),
        ((Status.COMPLETED, Status.VOIDED, Status.TIMEOUT), ErrorCode.ATTEMPTS_EXHAUSTED),
        ((Status.COMPLETED,) * 3, ErrorCode.ATTEMPTS_EXHAUSTED),
    ],
)
def test_start_is_refused_once_all_attempts_that_count_are_used(
    statuses: tuple[Status, ...], expected: str | None
) -> None:
    assert refused(*statuses) == expected


def test_refusal_names_the_last_attempt_that_counts() -> None:
    history = attempts(Status.COMPLETED, Status.TIMEOUT, Status.VOIDED)
    for order in (history, history[::-1]):
        error = refusal_to_start(blueprint(max_attempts=2), order, START)
        assert error is not None
        assert error.details == {"max_attempts": 2, "last_assessment_id": 102}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (OPENS - MICROSECOND, ErrorCode.TEST_NOT_OPEN),
        (OPENS, None),
        (CLOSES - MICROSECOND, None),
        (CLOSES, ErrorCode.TEST_NOT_OPEN),
        (CLOSES + MICROSECOND, ErrorCode.TEST_NOT_OPEN),
    ],
)
def test_start_is_possible_from_the_opening_until_just_before_the_close(now: datetime, expected: str | None) -> None:
    assert refused(now=now, opens_at=OPENS, closes_at=CLOSES) == expected


def test_half_open_windows_leave_the_other_side_free() -> None:
    assert refused(now=START + timedelta(days=9999), opens_at=OPENS) is None
    assert refused(now=START - timedelta(days=9999), closes_at=CLOSES) is None


def test_closed_window_is_named_before_used_attempts() -> None:
    history = (Status.COMPLETED,)
    assert refused(*history, now=CLOSES, max_attempts=1, closes_at=CLOSES) == ErrorCode.TEST_NOT_OPEN


# --- the delay between attempts, and the application's own terms ---


def ended_attempts(*ends: datetime | None, status: Status = Status.COMPLETED) -> list[AttemptRecord]:
    return [AttemptRecord(100 + n, n, status, end) for n, end in enumerate(ends, start=1)]


DELAYED = blueprint(max_attempts=3, attempt_delay_minutes=60)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(("since", "open_"), [(HOUR - MICROSECOND, False), (HOUR, True), (2 * HOUR, True)])
def test_next_attempt_waits_for_the_delay_to_the_instant(since: timedelta, open_: bool) -> None:
    refusal = refusal_to_start(DELAYED, ended_attempts(START - HOUR, START), START + since)
    assert (refusal is None) is open_
    if refusal is not None:
        assert refusal.code == ErrorCode.TEST_NOT_OPEN
        assert refusal.details == {"opens_at": START + HOUR, "closes_at": None}


def test_first_attempt_and_one_behind_a_voided_one_need_not_wait() -> None:
    assert refusal_to_start(DELAYED, [], START) is None
    assert refusal_to_start(DELAYED, ended_attempts(START, status=Status.VOIDED), START) is None


def test_used_attempts_are_named_before_the_delay() -> None:
    refusal = refusal_to_start(DELAYED, ended_attempts(START, START, START), START)
    assert refusal is not None
    assert refusal.code == ErrorCode.ATTEMPTS_EXHAUSTED


def application(**changes: Any) -> CandidateApplication:
    return replace(CandidateApplication(3, 5, 7, "secret", START), **changes)


@pytest.mark.parametrize(
    ("changes", "now", "expected"),
    [
        ({}, START, None),
        ({"expires_at": START + HOUR}, START + HOUR - MICROSECOND, None),
        ({"expires_at": START + HOUR}, START + HOUR, ErrorCode.TEST_NOT_OPEN),
        ({"withdrawn_at": START}, START, ErrorCode.NOT_ALLOWED),
        ({"withdrawn_at": START, "is_trial": True}, START, ErrorCode.NOT_ALLOWED),
        ({"is_trial": True}, CLOSES, None),
    ],
)
def test_application_withdrawn_or_expired_starts_nothing_and_a_trial_always(
    changes: dict[str, Any], now: datetime, expected: str | None
) -> None:
    refusal = refusal_to_start(blueprint(closes_at=CLOSES), [], now, application=application(**changes))
    assert (refusal and refusal.code) == expected


def test_trial_has_neither_limit_nor_delay() -> None:
    history = ended_attempts(START, START, START)
    assert refusal_to_start(DELAYED, history, START, application=application(is_trial=True)) is None


# --- which attempt counts ---


def scored(number: int, total: int, passed: bool, status: Status = Status.COMPLETED) -> AttemptRecord:
    """An attempt at 3 points; `total` in thousandths of a point."""
    return AttemptRecord(100 + number, number, status, START, total, 3000, percentage_of(total, 3000), passed)


THREE = [scored(1, 1000, False), scored(3, 1500, True, Status.TIMEOUT), scored(2, 2000, False)]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (CountedAttempt.BEST, CountedResult(103, 50_000, True, 3)),
        (CountedAttempt.LAST, CountedResult(103, 50_000, True, 3)),
        (CountedAttempt.FIRST, CountedResult(101, 33_333, False, 3)),
        (CountedAttempt.MEAN, CountedResult(None, 50_000, True, 3)),
    ],
)
def test_each_policy_counts_its_attempt(policy: CountedAttempt, expected: CountedResult) -> None:
    assert counted_result(THREE, policy, 50_000) == expected


def test_best_is_the_highest_and_at_a_tie_the_earliest() -> None:
    best = counted_result([scored(1, 1, False), scored(2, 900, False), scored(3, 900, False)], CountedAttempt.BEST, 0)
    assert best is not None
    assert best.assessment_id == 102


def test_mean_is_rounded_half_up_from_the_exact_percentages() -> None:
    """Of 1/3 and 2/3 the mean is exactly one half, though 33.333 and 66.667 are not the exact percentages."""
    mean = counted_result([scored(1, 1000, False), scored(2, 2000, True)], CountedAttempt.MEAN, 50_000)
    assert mean == CountedResult(None, 50_000, True, 2)
    halves = [replace(scored(n, total, False), max_score=100_000) for n, total in ((1, 1), (2, 2))]
    half = counted_result(halves, CountedAttempt.MEAN, 2)
    assert half == CountedResult(None, 2, False, 2)  # shown as 0.002 %, and yet below it


def test_mean_can_lie_below_nothing() -> None:
    mean = counted_result([scored(1, -3000, False), scored(2, 0, False)], CountedAttempt.MEAN, 0)
    assert mean == CountedResult(None, -50_000, False, 2)


@pytest.mark.parametrize("policy", list(CountedAttempt))
def test_open_and_voided_attempts_and_trials_come_to_nothing(policy: CountedAttempt) -> None:
    open_ = AttemptRecord(109, 9, Status.IN_PROGRESS)
    voided = scored(4, 3000, True, Status.VOIDED)
    assert counted_result([], policy, 0) is None
    assert counted_result([open_, voided], policy, 0) is None
    assert counted_result(THREE, policy, 0, is_trial=True) is None
    assert counted_result([*THREE, voided, open_], policy, 50_000) == counted_result(THREE, policy, 50_000)
