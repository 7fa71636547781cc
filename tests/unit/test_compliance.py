from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from sitting.domain.application import Accommodation
from sitting.domain.assessment import fold
from sitting.domain.blueprint import Blueprint
from sitting.domain.compliance import (
    ComplianceRecord,
    DeadlineStep,
    GapRecord,
    SchedulerCompliance,
    TimeCredit,
    compliance,
    compliance_record,
    deadline_faults,
    first_deadline_of,
)
from sitting.domain.events import (
    AnswerRecord,
    Attached,
    Credited,
    Detached,
    EndReason,
    Extended,
    LateAnswered,
    Paused,
    PauseKind,
    Started,
    Unpaused,
    Verdict,
)
from sitting.domain.window import ZoneRule
from sitting.kit.canonical import canonical_json
from tests.support.replacing import replace
from tests.support.samples import DEADLINE, MICROSECOND, START, Log, blueprint, finalized, started

WINDOW_END = START + timedelta(minutes=20)
LATE = LateAnswered(DEADLINE + timedelta(days=4000), (AnswerRecord("q_1", "o_1a", None, None, None, Verdict.LATE),))


def judged(
    rules: Blueprint,
    deadline_at: datetime | None,
    taken: timedelta,
    reason: EndReason = EndReason.SUBMITTED,
    late_answers: int = 0,
) -> SchedulerCompliance:
    log = Log()
    log.write(started(deadline_at))
    for _ in range(late_answers):
        log.write(LATE)
    log.write(finalized(reason=reason, end_time=START + taken))
    return compliance(rules, log.state)


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


@pytest.mark.parametrize("closes_at", [None, WINDOW_END])
def test_ending_by_an_invigilator_breaks_no_limit(closes_at: datetime | None) -> None:
    rules = blueprint(closes_at=closes_at)
    verdict = judged(rules, closes_at or DEADLINE, timedelta(minutes=20), EndReason.ENDED_BY_INVIGILATOR)
    assert (verdict.within_time_limit, verdict.within_schedule_window) == (True, True)
    assert verdict.notes == "Ended by an invigilator after 20 minutes"


# --- the record -------------------------------------------------------------------------------------------------------


def minutes(number: float) -> datetime:
    return START + timedelta(minutes=number)


def begun(rules: Blueprint, **changes: Any) -> Log:
    """A log that began by these rules; `changes` go to its first entry."""
    body: Started = replace(started(None, rules.grace_seconds), **changes)
    log = Log()
    log.write(replace(body, deadline_at=first_deadline_of(rules, body, START)))
    log.write(Attached("c_1", "start"))
    return log


def recorded(
    rules: Blueprint, log: Log, *, taken: float = 12, reason: EndReason = EndReason.SUBMITTED
) -> ComplianceRecord:
    log.write(finalized(reason=reason, end_time=minutes(taken)), minutes(taken))
    assert list(deadline_faults(rules, log.state)) == []
    return compliance_record(rules, log.state)


def test_record_says_step_by_step_how_the_deadline_came_about() -> None:
    rules = blueprint(closes_at=minutes(45))
    log = begun(rules, accommodation=Accommodation(1500, 10, 5))
    log.write(Extended(60, "slow", 9, minutes(46)), minutes(1))
    log.write(Paused(PauseKind.STAFF, "alarm", 9, minutes(2), minutes(62)), minutes(2))
    log.write(Unpaused(9, minutes(5), minutes(49)), minutes(5))
    log.write(Credited(30, "outage", minutes(49.5)), minutes(6))
    assert recorded(rules, log).deadline_steps == (
        DeadlineStep("start", 1, START, None, None),
        DeadlineStep("time_limit", 1, START, 1800, DEADLINE),
        DeadlineStep("extra_time_factor", 1, START, 900, minutes(45)),
        DeadlineStep("extra_minutes", 1, START, 600, minutes(55)),
        DeadlineStep("window", 1, START, None, minutes(45)),
        DeadlineStep("extended", 3, minutes(1), 60, minutes(46), "slow", 9),
        DeadlineStep("paused", 4, minutes(2), None, None, "alarm", 9),
        DeadlineStep("unpaused", 5, minutes(5), 180, minutes(49), "staff", 9),
        DeadlineStep("credited", 6, minutes(6), 30, minutes(49.5), "outage"),
    )


def test_record_counts_pauses_credits_and_the_personal_limit() -> None:
    log = begun(blueprint(), accommodation=Accommodation(1255, 5))
    log.write(Paused(PauseKind.BREAK, "break", 5, minutes(2), minutes(12)), minutes(2))
    log.write(Unpaused(5, minutes(4), minutes(44.65)), minutes(4))
    log.write(Credited(30, "outage", minutes(45.15)), minutes(6))
    record = recorded(blueprint(), log)
    assert record.limit.personal_limit_minutes == 42.65
    assert (record.paused_seconds, record.time_taken_minutes) == (120, 10.0)
    assert record.time_credits == (TimeCredit(30, "outage"),)
    verdict = compliance(blueprint(), log.state)
    assert (verdict.time_limit_minutes, verdict.time_taken_minutes) == (42.65, 10.0)
    assert (verdict.deadline_at, verdict.time_credits) == (minutes(45.15), record.time_credits)


def test_record_measures_the_gaps_without_a_connection() -> None:
    log = begun(blueprint())
    log.write(Detached(2), minutes(1))
    log.write(Attached("c_2", "resume"), minutes(3))
    log.write(Attached("c_3", "takeover"), minutes(4))
    log.write(Detached(4), minutes(5))  # the one that was replaced: nobody was away
    log.write(Detached(5), minutes(11.5))
    assert recorded(blueprint(), log).gaps == GapRecord(2, 150, 120)


@pytest.mark.parametrize("trial", [False, True])
def test_window_is_recorded_with_its_zone_and_binds_no_trial(trial: bool) -> None:
    local = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001
    rules = blueprint(time_zone="Europe/Berlin", closes_local=local, closes_at=minutes(20))
    log = begun(rules, is_trial=trial)
    record = recorded(rules, log)
    assert record.deadline_at == (DEADLINE if trial else minutes(20))
    assert record.window.closes is not None
    assert (record.window.closes.local, record.window.closes.rule) == (local, ZoneRule.OVERLAP)
    assert (record.window.opens, record.window.applies) == (None, not trial)


def test_extension_may_pass_the_window_and_the_verdict_says_so() -> None:
    rules = blueprint(closes_at=minutes(20))
    log = begun(rules)
    log.write(Extended(600, "slow", 9, minutes(30)), minutes(1))
    record = recorded(rules, log, taken=25)
    assert record.schedule_window.kept
    assert "behind the window" in record.schedule_window.why


def test_time_that_ran_out_behind_an_extension_is_still_that_of_the_window() -> None:
    rules = blueprint(closes_at=minutes(20))
    log = begun(rules)
    log.write(Extended(600, "slow", 9, minutes(30)), minutes(1))
    record = recorded(rules, log, taken=30, reason=EndReason.TIMEOUT)
    assert (record.time_limit.kept, record.schedule_window.kept) == (True, False)


def test_record_is_as_of_the_end_and_late_answers_behind_it_do_not_change_it() -> None:
    log = begun(blueprint())
    log.write(LATE, minutes(40))
    before = canonical_json(recorded(blueprint(), log, taken=30, reason=EndReason.TIMEOUT))
    log.write(LATE, minutes(41))
    end = next(event.seq for event in log.events if event.type == "finalized")
    assert canonical_json(compliance_record(blueprint(), fold(42, log.events[:end]))) == before
    assert compliance(blueprint(), log.state).late_answers == 2


def test_record_of_an_open_assessment_has_no_end() -> None:
    record = compliance_record(blueprint(), begun(blueprint()).state)
    assert (record.end_time, record.end_reason, record.time_taken_minutes) == (None, None, None)
    assert record.time_limit.kept


@pytest.mark.parametrize(
    "body",
    [Extended(60, "slow", 9, minutes(32)), Credited(60, "outage", minutes(30)), Extended(60, "slow", 9, None)],
)
def test_deadline_in_the_log_that_does_not_follow_is_found(body: Extended | Credited) -> None:
    log = begun(blueprint())
    log.write(body, minutes(1))
    assert list(deadline_faults(blueprint(), log.state)) == [(3, body.deadline_at, minutes(31))]


def test_first_deadline_that_does_not_follow_is_found() -> None:
    log = Log()
    log.write(started(DEADLINE + MICROSECOND))
    assert list(deadline_faults(blueprint(), log.state)) == [(1, DEADLINE + MICROSECOND, DEADLINE)]
