"""Scheduler compliance: did the candidate keep to the limits, and how do we know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sitting.domain.blueprint import Blueprint
from sitting.domain.deadline import minutes_taken
from sitting.domain.events import EndReason


@dataclass(frozen=True, slots=True)
class TimeCredit:
    """Time given back, in seconds, and why."""

    seconds: int
    reason: str


@dataclass(frozen=True, slots=True)
class SchedulerCompliance:
    """The verdict on time.

    Attributes:
        within_time_limit: false only where the time limit ran out before the candidate submitted.
        within_schedule_window: false only where the window closed before the candidate submitted.
        late_answers: how many answers arrived too late to count.
        notes: one sentence for a reader.
    """

    within_time_limit: bool
    within_schedule_window: bool
    time_limit_minutes: int | None
    time_taken_minutes: float
    deadline_at: datetime | None
    time_credits: tuple[TimeCredit, ...]
    late_answers: int
    notes: str


def compliance(
    blueprint: Blueprint,
    started_at: datetime,
    deadline_at: datetime | None,
    end_time: datetime,
    reason: EndReason,
    late_answers: int,
) -> SchedulerCompliance:
    """Derive the verdict from the limits and from how the assessment ended."""
    taken = minutes_taken(started_at, end_time)
    ran_out = reason is EndReason.TIMEOUT
    by_window = ran_out and blueprint.closes_at is not None and deadline_at == blueprint.closes_at
    return SchedulerCompliance(
        within_time_limit=not ran_out or by_window,
        within_schedule_window=not by_window,
        time_limit_minutes=blueprint.time_limit_minutes,
        time_taken_minutes=taken,
        deadline_at=deadline_at,
        time_credits=(),
        late_answers=late_answers,
        notes=_notes(taken, reason, by_window, late_answers),
    )


def _notes(taken: float, reason: EndReason, by_window: bool, late_answers: int) -> str:
    minutes = f"{f'{taken:.1f}'.removesuffix('.0')} minute{'' if taken == 1 else 's'}"
    if reason is EndReason.SUBMITTED:
        note = f"Completed in {minutes}"
    elif reason is EndReason.ABANDONED:
        note = f"Closed as abandoned after {minutes}"
    else:
        note = f"{'The schedule window closed' if by_window else 'Time ran out'} after {minutes}"
    if late_answers:
        note += f"; {late_answers} late answer{'' if late_answers == 1 else 's'} not counted"
    return note
