from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from sitting.domain.application import AttemptRecord
from sitting.domain.assessment import Status
from sitting.domain.attempts import attempts_used, next_attempt, open_attempt, refusal_to_start
from sitting.domain.errors import ErrorCode
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
