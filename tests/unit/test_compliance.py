from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from sitting.domain.blueprint import Blueprint
from sitting.domain.compliance import SchedulerCompliance, compliance
from sitting.domain.events import EndReason
from tests.support.samples import DEADLINE, MICROSECOND, START, blueprint

WINDOW_END = START + timedelta(minutes=20)


def judged(
    rules: Blueprint,
    deadline_at: datetime | None,
    taken: timedelta,
    reason: EndReason = EndReason.SUBMITTED,
    late_answers: int = 0,
) -> SchedulerCompliance:
    return compliance(rules, START, deadline_at, START + taken, reason, late_answers)


def test_submission_in_time_keeps_to_everything() -> None:
    assert judged(blueprint(), DEADLINE, timedelta(minutes=12)) == SchedulerCompliance(
        within_time_limit=True,
        within_schedule_window=True,
        time_limit_minutes=30,
        time_taken_minutes=12.0,
        deadline_at=DEADLINE,
        time_credits=(),
        late_answers=0,
        notes="Completed in 12 minutes",
    )


def test_submission_without_any_limit_keeps_to_everything() -> None:
    verdict = judged(blueprint(time_limit_minutes=None), None, timedelta(days=3))
    assert (verdict.within_time_limit, verdict.within_schedule_window) == (True, True)
    assert (verdict.time_limit_minutes, verdict.deadline_at) == (None, None)
    assert verdict.notes == "Completed in 4320 minutes"


def test_submission_in_the_grace_counts_as_within_the_limit() -> None:
    verdict = judged(blueprint(), DEADLINE, timedelta(minutes=30))
    assert verdict.within_time_limit
    assert verdict.notes == "Completed in 30 minutes"


def test_running_out_of_time_breaks_the_limit_and_not_the_window() -> None:
    verdict = judged(blueprint(), DEADLINE, timedelta(minutes=30), EndReason.TIMEOUT)
    assert (verdict.within_time_limit, verdict.within_schedule_window) == (False, True)
    assert verdict.notes == "Time ran out after 30 minutes"


def test_limit_that_ends_before_the_window_is_what_ran_out() -> None:
    rules = blueprint(closes_at=DEADLINE + MICROSECOND)
    verdict = judged(rules, DEADLINE, timedelta(minutes=30), EndReason.TIMEOUT)
    assert (verdict.within_time_limit, verdict.within_schedule_window) == (False, True)


@pytest.mark.parametrize("limit", [30, None])
def test_window_that_closes_breaks_the_window_and_not_the_limit(limit: int | None) -> None:
    rules = blueprint(closes_at=WINDOW_END, time_limit_minutes=limit)
    verdict = judged(rules, WINDOW_END, timedelta(minutes=20), EndReason.TIMEOUT)
    assert (verdict.within_time_limit, verdict.within_schedule_window) == (True, False)
    assert verdict.time_limit_minutes == limit
    assert verdict.notes == "The schedule window closed after 20 minutes"


def test_submission_under_a_window_that_ends_first_breaks_nothing() -> None:
    verdict = judged(blueprint(closes_at=WINDOW_END), WINDOW_END, timedelta(minutes=20))
    assert (verdict.within_time_limit, verdict.within_schedule_window) == (True, True)
    assert verdict.notes == "Completed in 20 minutes"


def test_abandoned_assessment_broke_no_limit_since_it_had_none() -> None:
    verdict = judged(blueprint(time_limit_minutes=None), None, timedelta(days=30), EndReason.ABANDONED)
    assert (verdict.within_time_limit, verdict.within_schedule_window) == (True, True)
    assert verdict.notes == "Closed as abandoned after 43200 minutes"


@pytest.mark.parametrize(
    ("taken", "text"),
    [
        (timedelta(0), "0 minutes"),
        (timedelta(seconds=3), "0.1 minutes"),
        (timedelta(seconds=54), "0.9 minutes"),
        (timedelta(seconds=57), "1 minute"),
        (timedelta(seconds=60), "1 minute"),
        (timedelta(seconds=66), "1.1 minutes"),
        (timedelta(minutes=12), "12 minutes"),
        (timedelta(minutes=12, seconds=30), "12.5 minutes"),
        (timedelta(minutes=100_000, seconds=6), "100000.1 minutes"),
        (timedelta(days=3650), "5256000 minutes"),
    ],
)
def test_notes_count_minutes_as_a_person_would(taken: timedelta, text: str) -> None:
    assert judged(blueprint(time_limit_minutes=None), None, taken).notes == f"Completed in {text}"


@pytest.mark.parametrize(
    ("late", "ending"), [(0, ""), (1, "; 1 late answer not counted"), (2, "; 2 late answers not counted")]
)
@pytest.mark.parametrize(
    ("reason", "beginning"),
    [(EndReason.SUBMITTED, "Completed in 30 minutes"), (EndReason.TIMEOUT, "Time ran out after 30 minutes")],
)
def test_notes_name_late_answers(late: int, ending: str, reason: EndReason, beginning: str) -> None:
    verdict = judged(blueprint(), DEADLINE, timedelta(minutes=30), reason, late)
    assert verdict.late_answers == late
    assert verdict.notes == beginning + ending
