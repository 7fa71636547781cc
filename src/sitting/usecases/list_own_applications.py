"""What a candidate may take, and whether it can begin now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sitting.domain.application import AttemptRecord, CandidateApplication
from sitting.domain.attempts import attempts_used, open_attempt, refusal_to_start
from sitting.domain.blueprint import PublishedVersion
from sitting.domain.errors import ErrorCode
from sitting.storage.unit_of_work import Storage, UnitOfWork


@dataclass(frozen=True, slots=True)
class LastAssessment:
    """The newest assessment of an application."""

    assessment_id: int
    attempt: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnApplication:
    """One application, with the rules of what a start would begin or go on with.

    Attributes:
        pass_mark: in percent.
        can_start: whether a start would begin an attempt or go on with the open one.
        reason: the error that it would meet instead.
    """

    application_id: int
    test_id: int
    test_name: str
    description: str
    total_questions: int
    time_limit_minutes: int | None
    grace_seconds: int
    max_attempts: int
    attempts_used: int
    opens_at: datetime | None
    closes_at: datetime | None
    pass_mark: float
    can_start: bool
    reason: ErrorCode | None
    open_assessment_id: int | None
    last_assessment: LastAssessment | None


async def list_own_applications(storage: Storage, user_id: int, *, now: datetime) -> list[OwnApplication]:
    """The user's applications, oldest first."""
    async with storage.reading() as unit:
        return [await _own(unit, application, now) for application in await unit.applications.of_candidate(user_id)]


async def _own(unit: UnitOfWork, application: CandidateApplication, now: datetime) -> OwnApplication:
    attempts = await unit.assessments.attempts(application.application_id)
    running = open_attempt(attempts)
    version = await _version(unit, application, running)
    blueprint = version.blueprint
    refusal = None if running else refusal_to_start(blueprint, attempts, now)
    return OwnApplication(
        application_id=application.application_id,
        test_id=application.test_id,
        test_name=blueprint.name,
        description=blueprint.description,
        total_questions=len(version.questions),
        time_limit_minutes=blueprint.time_limit_minutes,
        grace_seconds=blueprint.grace_seconds,
        max_attempts=blueprint.max_attempts,
        attempts_used=attempts_used(attempts),
        opens_at=blueprint.opens_at,
        closes_at=blueprint.closes_at,
        pass_mark=blueprint.pass_mark / 1000,
        can_start=refusal is None,
        reason=refusal.code if refusal else None,
        open_assessment_id=running.assessment_id if running else None,
        last_assessment=_last(attempts),
    )


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
