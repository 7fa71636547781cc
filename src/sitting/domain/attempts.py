"""Who may start: attempts, window, and which application is meant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sitting.domain.application import AttemptRecord
from sitting.domain.assessment import OPEN_STATUSES, Status
from sitting.domain.blueprint import Blueprint
from sitting.domain.errors import AttemptsExhausted, NotOpen, SittingError


def open_attempt(attempts: Sequence[AttemptRecord]) -> AttemptRecord | None:
    """The one assessment of the application that is not over, if there is one."""
    return next((attempt for attempt in attempts if attempt.status in OPEN_STATUSES), None)


def attempts_used(attempts: Sequence[AttemptRecord]) -> int:
    """How many count: voided ones do not."""
    return sum(attempt.status != Status.VOIDED for attempt in attempts)


def next_attempt(attempts: Sequence[AttemptRecord]) -> int:
    """The number of the next attempt: the highest so far, voided ones included, plus 1."""
    return max((attempt.attempt for attempt in attempts), default=0) + 1


def refusal_to_start(blueprint: Blueprint, attempts: Sequence[AttemptRecord], now: datetime) -> SittingError | None:
    """Why a new attempt cannot start now; None if it can."""
    if not blueprint.is_open(now):
        return NotOpen(opens_at=blueprint.opens_at, closes_at=blueprint.closes_at)
    if attempts_used(attempts) >= blueprint.max_attempts:
        last = max((each for each in attempts if each.status != Status.VOIDED), key=lambda each: each.attempt)
        return AttemptsExhausted(max_attempts=blueprint.max_attempts, last_assessment_id=last.assessment_id)
    return None
