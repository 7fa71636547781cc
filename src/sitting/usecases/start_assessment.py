"""Start an assessment, or go on with the one that is open."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sitting.domain.application import AttemptRecord, CandidateApplication
from sitting.domain.assessment import AssessmentState
from sitting.domain.attempts import next_attempt, open_attempt, refusal_to_start
from sitting.domain.blueprint import PublishedVersion
from sitting.domain.deadline import Schedule, first_deadline, personal_limit, sweep_at
from sitting.domain.errors import ApplicationAmbiguous, ApplicationNotFound, NotOpen
from sitting.domain.events import Started
from sitting.domain.live import LiveAssessment
from sitting.domain.paper import Paper
from sitting.domain.takeover import Claim
from sitting.questions.chance import SEED_BYTES
from sitting.questions.drawing import draw_slots, make_paper, paper_digests
from sitting.questions.redrawing import plan_of
from sitting.storage.unit_of_work import Storage, UnitOfWork


@dataclass(frozen=True, slots=True)
class StartedAssessment:
    """The assessment, attached to the connection that asked; `recovered` if it had been open already."""

    live: LiveAssessment
    recovered: bool


async def start_assessment(
    storage: Storage,
    *,
    user_id: int,
    test_id: int,
    application_id: int | None,
    connection_id: str,
    now: datetime,
    window_id: str | None = None,
    attachment: int | None = None,
    node_id: str | None = None,
) -> StartedAssessment:
    """Create the candidate's instance of the Test with its paper, at once or not at all.

    Args:
        window_id, attachment, node_id: see `domain.takeover.Claim`.

    Raises:
        AttachmentStale: the client asks again by itself, and another window has the assessment; nothing is written.
        BlueprintNotFound, ApplicationNotFound, ApplicationAmbiguous, NotOpen, NotAllowed, AttemptsExhausted: it cannot
            start; no attempt is used up. NotAllowed: the application was withdrawn.
        Unavailable: the database failed; no attempt is used up, or the same call finds the one that was.
    """

    async def work(unit: UnitOfWork) -> StartedAssessment:
        version = await unit.frozen.current_version(unit.blueprints, test_id)
        application = await _application(unit, version, user_id, application_id, now)
        await unit.applications.lock(application.application_id)
        application = await unit.applications.select(application.application_id)  # as staff left it, now locked
        attempts = await unit.assessments.attempts(application.application_id)
        running = open_attempt(attempts)
        if running is not None:
            live = await unit.load(running.assessment_id)
        else:
            live = await _create(unit, version, application, attempts, now)
        await unit.attach(live, Claim(connection_id, window_id, attachment, node_id), now)
        return StartedAssessment(live, recovered=running is not None)

    return await storage.work(work)


async def _application(
    unit: UnitOfWork, version: PublishedVersion, user_id: int, application_id: int | None, now: datetime
) -> CandidateApplication:
    """The application that is meant: the one named, the only one, the one with an open assessment, the usable one.

    A trial run has to be named, unless there is nothing else.
    """
    if application_id is not None:
        named = await unit.applications.select_own(application_id, user_id)
        if named.test_id != version.test_id:
            raise ApplicationNotFound(application_id=application_id)
        return named
    applications = await unit.applications.of_candidate(user_id, version.test_id)
    if not applications:
        raise ApplicationNotFound(test_id=version.test_id)
    applications = [each for each in applications if not each.is_trial] or applications
    if len(applications) == 1:
        return applications[0]
    attempts = {a.application_id: await unit.assessments.attempts(a.application_id) for a in applications}
    running = [a for a in applications if open_attempt(attempts[a.application_id])]
    usable = [
        a
        for a in applications
        if refusal_to_start(version.blueprint, attempts[a.application_id], now, application=a) is None
    ]
    candidates = running or usable or sorted(applications, key=lambda a: a.withdrawn_at is not None)[:1]
    if len(candidates) > 1:
        raise ApplicationAmbiguous(application_ids=[a.application_id for a in candidates])
    return candidates[0]


async def _create(
    unit: UnitOfWork,
    version: PublishedVersion,
    application: CandidateApplication,
    attempts: list[AttemptRecord],
    now: datetime,
) -> LiveAssessment:
    """Insert row, paper and first entry of the log.

    Raises:
        NotOpen, NotAllowed, AttemptsExhausted: the rules forbid it.
    """
    blueprint = version.blueprint
    if await unit.blueprints.is_archived(version.test_id):
        raise NotOpen()
    refusal = refusal_to_start(blueprint, attempts, now, application=application)
    if refusal is not None:
        raise refusal
    seed = secrets.token_hex(SEED_BYTES)
    paper = await _paper(unit, version, seed)
    limit = personal_limit(blueprint.time_limit, application.accommodation)
    deadline = first_deadline(now, limit, None if application.is_trial else blueprint.closes_at)
    attempt = next_attempt(attempts)
    assessment_id = await unit.assessments.create_assessment_instance(
        application_id=application.application_id,
        user_id=application.user_id,
        test_id=application.test_id,
        test_version_id=version.version_id,
        attempt=attempt,
        paper=paper,
        started_at=now,
        deadline_at=deadline,
        sweep_at=sweep_at(now, Schedule(deadline, blueprint.grace), blueprint.abandon_after),
        seed=seed,
        is_trial=application.is_trial,
    )
    live = LiveAssessment(
        await unit.assessments.select(assessment_id), blueprint, paper, AssessmentState(assessment_id)
    )
    await unit.append(live, _started(version, application, attempt, deadline, paper, seed), now)
    return live


async def _paper(unit: UnitOfWork, version: PublishedVersion, seed: str) -> Paper:
    plan = unit.frozen.derived(version, plan_of)
    slots = draw_slots(plan, seed)
    contents = await unit.frozen.contents(unit.questions, paper_digests(plan, slots))
    return make_paper(plan, slots, contents, seed)


def _started(
    version: PublishedVersion,
    application: CandidateApplication,
    attempt: int,
    deadline: datetime | None,
    paper: Paper,
    seed: str,
) -> Started:
    return Started(
        application_id=application.application_id,
        user_id=application.user_id,
        test_id=application.test_id,
        test_version_id=version.version_id,
        attempt=attempt,
        deadline_at=deadline,
        grace_seconds=version.blueprint.grace_seconds,
        paper_digest=paper.digest(),
        seed=seed,
        accommodation=application.accommodation,
        is_trial=application.is_trial,
    )
