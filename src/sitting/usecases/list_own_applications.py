"""What a candidate may take, and whether it can begin now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sitting.domain.application import AttemptRecord, CandidateApplication
from sitting.domain.attempts import attempts_used, counted_result, open_attempt, opens_again_at, refusal_to_start
from sitting.domain.blueprint import Blueprint, FeedbackPolicy, Navigation, PublishedVersion, ResultsPolicy
from sitting.domain.deadline import limit_minutes, personal_limit
from sitting.domain.errors import ErrorCode, NotOpen
from sitting.storage.unit_of_work import Storage, UnitOfWork

_SCORED = (ResultsPolicy.SCORE, ResultsPolicy.FULL)


@dataclass(frozen=True, slots=True)
class LastAssessment:
    """The newest assessment of an application."""

    assessment_id: int
    attempt: int
    status: str


@dataclass(frozen=True, slots=True)
class OwnResult:
    """What the attempts came to, by the Test's rule; `assessment_id` is null where the mean of them counts."""

    assessment_id: int | None
    percentage_score: float
    passed: bool
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnApplication:
    """One application, with the rules of what a start would begin or go on with.

    Attributes:
        personal_time_limit_minutes: the limit with what this application grants.
        break_minutes: how long the clock may be stopped, all breaks together.
        opens_again_at: when the delay behind the last attempt is over.
        expires_at: no attempt starts from then on.
        pass_mark: in percent.
        counted_result: null before the end of the first attempt, and where the results policy hides scores.
        can_start: whether a start would begin an attempt or go on with the open one.
        reason: the error that it would meet instead.
    """

    application_id: int
    test_id: int
    label: str
    is_trial: bool
    test_name: str
    description: str
    total_questions: int
    time_limit_minutes: int | None
    personal_time_limit_minutes: float | None
    break_minutes: int
    grace_seconds: int
    navigation: Navigation
    feedback: FeedbackPolicy
    results: ResultsPolicy
    max_attempts: int
    attempts_used: int
    attempt_delay_minutes: int
    opens_again_at: datetime | None
    opens_at: datetime | None
    closes_at: datetime | None
    expires_at: datetime | None
    pass_mark: float
    can_start: bool
    reason: ErrorCode | None
    open_assessment_id: int | None
    last_assessment: LastAssessment | None
    counted_result: OwnResult | None


async def list_own_applications(storage: Storage, user_id: int, *, now: datetime) -> list[OwnApplication]:
    """The user's applications, oldest first."""
    async with storage.reading() as unit:
        return [await _own(unit, application, now) for application in await unit.applications.of_candidate(user_id)]


async def _own(unit: UnitOfWork, application: CandidateApplication, now: datetime) -> OwnApplication:
    attempts = await unit.assessments.attempts(application.application_id)
    running = open_attempt(attempts)
    version = await _version(unit, application, running)
    blueprint = version.blueprint
    reason = None if running else await _reason(unit, application, blueprint, attempts, now)
    return OwnApplication(
        application_id=application.application_id,
        test_id=application.test_id,
        label=application.label,
        is_trial=application.is_trial,
        test_name=blueprint.name,
        description=blueprint.description,
        total_questions=blueprint.total_questions,
        time_limit_minutes=blueprint.time_limit_minutes,
        personal_time_limit_minutes=limit_minutes(personal_limit(blueprint.time_limit, application.accommodation)),
        break_minutes=application.accommodation.break_minutes,
        grace_seconds=blueprint.grace_seconds,
        navigation=blueprint.navigation,
        feedback=blueprint.feedback,
        results=blueprint.results,
        max_attempts=blueprint.max_attempts,
        attempts_used=attempts_used(attempts),
        attempt_delay_minutes=blueprint.attempt_delay_minutes,
        opens_again_at=None if application.is_trial else opens_again_at(blueprint, attempts),
        opens_at=blueprint.opens_at,
        closes_at=blueprint.closes_at,
        expires_at=application.expires_at,
        pass_mark=blueprint.pass_mark / 1000,
        can_start=reason is None,
        reason=reason,
        open_assessment_id=running.assessment_id if running else None,
        last_assessment=_last(attempts),
        counted_result=_counted(application, blueprint, attempts),
    )


async def _reason(
    unit: UnitOfWork,
    application: CandidateApplication,
    blueprint: Blueprint,
    attempts: Sequence[AttemptRecord],
    now: datetime,
) -> ErrorCode | None:
    if await unit.blueprints.is_archived(application.test_id):
        return NotOpen.code
    refusal = refusal_to_start(blueprint, attempts, now, application=application)
    return refusal.code if refusal else None


def _counted(
    application: CandidateApplication, blueprint: Blueprint, attempts: Sequence[AttemptRecord]
) -> OwnResult | None:
    found = counted_result(attempts, blueprint.counted_attempt, blueprint.pass_mark, is_trial=application.is_trial)
    if found is None or blueprint.results not in _SCORED:
        return None
    return OwnResult(found.assessment_id, found.percentage / 1000, found.passed, found.attempts)


async def _version(
    unit: UnitOfWork, application: CandidateApplication, running: AttemptRecord | None
) -> PublishedVersion:
    """What the open assessment pins, or else what a new one would."""
    if running is None:
        return await unit.blueprints.current_version(application.test_id)
    assessment = await unit.assessments.select(running.assessment_id)
    return await unit.frozen.version(unit.blueprints, assessment.test_version_id)


def _last(attempts: Sequence[AttemptRecord]) -> LastAssessment | None:
    if not attempts:
        return None
    last = attempts[-1]
    return LastAssessment(last.assessment_id, last.attempt, last.status)
