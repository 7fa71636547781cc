"""Who may start, which application is meant, and which of several attempts counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from sitting.domain.application import AttemptRecord, CandidateApplication
from sitting.domain.assessment import OPEN_STATUSES, Status
from sitting.domain.blueprint import Blueprint, CountedAttempt
from sitting.domain.errors import AttemptsExhausted, NotAllowed, NotOpen, SittingError
from sitting.kit.rounding import round_half_away

FINISHED_STATUSES = (Status.COMPLETED, Status.TIMEOUT)


@dataclass(frozen=True, slots=True)
class CountedResult:
    """What an application comes to.

    Attributes:
        assessment_id: the attempt that counts; None where the mean of all counts.
        percentage: in thousandths of a percent.
        attempts: how many attempts it is made from.
    """

    assessment_id: int | None
    percentage: int
    passed: bool
    attempts: int


def open_attempt(attempts: Sequence[AttemptRecord]) -> AttemptRecord | None:
    """The one assessment of the application that is not over, if there is one."""
    return next((attempt for attempt in attempts if attempt.status in OPEN_STATUSES), None)


def attempts_used(attempts: Sequence[AttemptRecord]) -> int:
    """How many count: voided ones do not."""
    return sum(attempt.status != Status.VOIDED for attempt in attempts)


def next_attempt(attempts: Sequence[AttemptRecord]) -> int:
    """The number of the next attempt: the highest so far, voided ones included, plus 1."""
    return max((attempt.attempt for attempt in attempts), default=0) + 1


def refusal_to_start(
    blueprint: Blueprint,
    attempts: Sequence[AttemptRecord],
    now: datetime,
    *,
    application: CandidateApplication | None = None,
) -> SittingError | None:
    """Why a new attempt cannot start now; None if it can.

    Args:
        application: whose withdrawal and expiry are looked at too, and whose being a trial lifts the Test's limits.
    """
    if application is not None and application.withdrawn_at is not None:
        return NotAllowed("This application was withdrawn.", application_id=application.application_id)
    if application is not None and application.is_trial:
        return None
    if not blueprint.is_open(now):
        return NotOpen(opens_at=blueprint.opens_at, closes_at=blueprint.closes_at)
    if application is not None and application.expires_at is not None and now >= application.expires_at:
        return NotOpen("This application has expired.", opens_at=None, closes_at=application.expires_at)
    if attempts_used(attempts) >= blueprint.max_attempts:
        last = max((each for each in attempts if each.status != Status.VOIDED), key=lambda each: each.attempt)
        return AttemptsExhausted(max_attempts=blueprint.max_attempts, last_assessment_id=last.assessment_id)
    opens_at = opens_again_at(blueprint, attempts)
    if opens_at is not None and now < opens_at:
        return NotOpen("The next attempt is not open yet.", opens_at=opens_at, closes_at=blueprint.closes_at)
    return None


def opens_again_at(blueprint: Blueprint, attempts: Sequence[AttemptRecord]) -> datetime | None:
    """When the delay behind the last attempt that counts is over; None where nobody has to wait."""
    ends = [each.end_time for each in attempts if each.end_time is not None and each.status != Status.VOIDED]
    return max(ends) + blueprint.attempt_delay if ends and blueprint.attempt_delay_minutes else None


def counted_result(
    attempts: Sequence[AttemptRecord], policy: CountedAttempt, pass_mark: int, *, is_trial: bool = False
) -> CountedResult | None:
    """What the finished attempts of an application come to; None before the first, and of trials.

    The best is one that passed, if any did, and of those the one with the highest percentage, at a tie the earliest.
    The mean is that of the exact percentages; it passes if it reaches the Test's pass mark, whatever single skills ask.

    Args:
        attempts: all of one application; open and voided ones are passed over.
        pass_mark: of the Test, in thousandths of a percent.
    """
    finished = sorted((each for each in attempts if each.status in FINISHED_STATUSES), key=lambda each: each.attempt)
    if not finished or is_trial:
        return None
    if policy is CountedAttempt.MEAN:
        mean = sum(map(_exact_percentage, finished), Fraction(0)) / len(finished)
        return CountedResult(None, round_half_away(mean.numerator, mean.denominator), mean >= pass_mark, len(finished))
    one = _single(finished, policy)
    return CountedResult(one.assessment_id, one.percentage_score or 0, one.passed is True, len(finished))


def _single(finished: Sequence[AttemptRecord], policy: CountedAttempt) -> AttemptRecord:
    match policy:
        case CountedAttempt.FIRST:
            return finished[0]
        case CountedAttempt.LAST:
            return finished[-1]
        case _:
            return max(finished, key=lambda each: (each.passed is True, _exact_percentage(each), -each.attempt))


def _exact_percentage(attempt: AttemptRecord) -> Fraction:
    """In thousandths of a percent, unrounded."""
    return Fraction((attempt.total_score or 0) * 100_000, attempt.max_score) if attempt.max_score else Fraction(0)
