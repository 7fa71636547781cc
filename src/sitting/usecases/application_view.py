"""An application as staff see it: whose it is, where it stands, and what it came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sitting.domain.application import ApplicationStatus, AttemptRecord, CandidateApplication
from sitting.domain.attempts import CountedResult, counted_result
from sitting.domain.blueprint import Blueprint
from sitting.domain.standing import status_of
from sitting.domain.user import User
from sitting.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class ApplicationView:
    """An application with what follows from its attempts, by the Test's newest version."""

    application: CandidateApplication
    candidate: User
    status: ApplicationStatus
    attempts: Sequence[AttemptRecord]
    counted: CountedResult | None


async def view_of(unit: UnitOfWork, application: CandidateApplication, now: datetime) -> ApplicationView:
    """The view of one application."""
    version = await unit.blueprints.current_version(application.test_id)
    [view] = await views_of(unit, version.blueprint, [application], now)
    return view


async def views_of(
    unit: UnitOfWork, blueprint: Blueprint, applications: Sequence[CandidateApplication], now: datetime
) -> list[ApplicationView]:
    """The views of applications to one Test, in their order."""
    attempts = await unit.assessments.attempts_of_many([each.application_id for each in applications])
    users = await unit.users.select_many(each.user_id for each in applications)
    return [
        _view(blueprint, each, users[each.user_id], attempts.get(each.application_id, []), now) for each in applications
    ]


def _view(
    blueprint: Blueprint,
    application: CandidateApplication,
    candidate: User,
    attempts: Sequence[AttemptRecord],
    now: datetime,
) -> ApplicationView:
    return ApplicationView(
        application,
        candidate,
        status_of(application, attempts, blueprint.closes_at, now),
        attempts,
        counted_result(attempts, blueprint.counted_attempt, blueprint.pass_mark, is_trial=application.is_trial),
    )
