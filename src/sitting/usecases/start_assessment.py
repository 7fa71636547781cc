"""Start an assessment, or go on with the one that is open."""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sitting.domain.application import AttemptRecord, CandidateApplication
from sitting.domain.assessment import Assessment, AssessmentState, Status
from sitting.domain.attempts import next_attempt, open_attempt, refusal_to_start
from sitting.domain.blueprint import PublishedVersion
from sitting.domain.deadline import Schedule, first_deadline, personal_limit, sweep_at
from sitting.domain.errors import ApplicationAmbiguous, ApplicationNotFound, NotOpen
from sitting.domain.events import Started
from sitting.domain.live import LiveAssessment
from sitting.domain.paper import Paper
from sitting.domain.piloting import with_pilots, wordings_to_count
from sitting.domain.run import RunKind
from sitting.domain.spending import Limits
from sitting.domain.takeover import Claim, attached_by
from sitting.kit.clock import Clock
from sitting.kit.ids import random_id
from sitting.questions.chance import SEED_BYTES
from sitting.questions.drawing import draw_slots, make_paper, paper_digests
from sitting.questions.redrawing import plan_of
from sitting.storage.errors import Separately
from sitting.storage.hub import Move
from sitting.storage.repositories.assessments import NewAssessment
from sitting.storage.repositories.runs import EMPTY, NewRun
from sitting.storage.unit_of_work import Storage, UnitOfWork


@dataclass(frozen=True, slots=True)
class StartedAssessment:
    """The assessment, attached to the connection that asked; `recovered` if it had been open already."""

    live: LiveAssessment
    recovered: bool


@dataclass(frozen=True, slots=True)
class _Wish:
    """Who wants to start what; `at` says what time it is once the application is held."""

    user_id: int
    test_id: int
    application_id: int | None
    claim: Claim
    at: Callable[[], datetime]
    live_run: Limits | None


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
    clock: Clock | None = None,
    live_run: Limits | None = None,
) -> StartedAssessment:
    """Create the candidate's instance of the Test with its paper, at once or not at all.

    Args:
        window_id, attachment, node_id: see `domain.takeover.Claim`.
        clock: asked anew once nobody else has to be waited for, so that a crowd costs nobody time; None: `now` stands.
        live_run: at most so much is spent on questions that are written for this candidate, where the Test wants such,
            even if the Test would allow more; None: there is no model, and the bank serves.

    Raises:
        AttachmentStale: the client asks again by itself, and another window has the assessment; nothing is written.
        BlueprintNotFound, ApplicationNotFound, ApplicationAmbiguous, NotOpen, NotAllowed, AttemptsExhausted: it cannot
            start; no attempt is used up. NotAllowed: the application was withdrawn.
        Unavailable: the database failed; no attempt is used up, or the same call finds the one that was.
    """
    claim = Claim(connection_id, window_id, attachment, node_id)
    at = (lambda: now) if clock is None else clock.now
    return await storage.together(_start_all, _Wish(user_id, test_id, application_id, claim, at, live_run))


async def _start_all(unit: UnitOfWork, wishes: Sequence[_Wish]) -> list[StartedAssessment | Exception]:
    """Those that only have to be created, together; whatever else there is to it, in a transaction of its own."""
    doors = await _doors(unit, wishes)
    new = [(wish, door) for wish, door in zip(wishes, doors, strict=True) if isinstance(door, _Door)]
    made = iter(await _create(unit, new))
    results = [next(made) if isinstance(door, _Door) else door for door in doors]
    if len(wishes) == 1 and isinstance(results[0], Separately):
        return [await _start_alone(unit, wishes[0])]
    return results


async def _start_alone(unit: UnitOfWork, wish: _Wish) -> StartedAssessment:
    version = await unit.frozen.current_version(unit.blueprints, wish.test_id)
    application = await _application(unit, version, wish.user_id, wish.application_id, wish.at())
    await unit.applications.lock(application.application_id)
    application = await unit.applications.select(application.application_id)  # as staff left it, now locked
    attempts = await unit.assessments.attempts(application.application_id)
    now = wish.at()
    running = open_attempt(attempts)
    if running is not None:
        live = await unit.load(running.assessment_id)
        await unit.attach(live, wish.claim, now)
        return StartedAssessment(live, recovered=True)
    if await unit.blueprints.is_archived(version.test_id):
        raise NotOpen()
    refusal = refusal_to_start(version.blueprint, attempts, now, application=application)
    if refusal is not None:
        raise refusal
    (made,) = await _create(unit, [(wish, _Door(version, application, next_attempt(attempts), now))])
    return made


@dataclass(frozen=True, slots=True)
class _Door:
    """A start that the rules allow, as of `now`, of an application that is held."""

    version: PublishedVersion
    application: CandidateApplication
    attempt: int
    now: datetime


async def _doors(unit: UnitOfWork, wishes: Sequence[_Wish]) -> list[_Door | Exception]:
    """For each wish what it opens. An application that somebody else holds is waited for by nobody here."""
    test_ids = {wish.test_id for wish in wishes}
    versions = await unit.frozen.current_versions(unit.blueprints, test_ids)
    archived = await unit.blueprints.archived(test_ids)
    usable = {test_id: version for test_id, version in versions.items() if test_id not in archived}
    held: defaultdict[tuple[int, int], list[CandidateApplication]] = defaultdict(list)
    for each in await unit.applications.hold({wish.user_id for wish in wishes}, test_ids):
        held[each.user_id, each.test_id].append(each)
    attempts = await unit.assessments.attempts_of_many([each.application_id for own in held.values() for each in own])
    return [_door(wish, usable, held.pop((wish.user_id, wish.test_id), []), attempts) for wish in wishes]


def _door(
    wish: _Wish,
    versions: Mapping[int, PublishedVersion],
    applications: Sequence[CandidateApplication],
    attempts: Mapping[int, list[AttemptRecord]],
) -> _Door | Exception:
    version = versions.get(wish.test_id)
    if version is None or len(applications) != 1:
        return Separately()
    (application,) = applications
    if application.is_trial or wish.application_id not in (None, application.application_id):
        return Separately()
    former, now = attempts.get(application.application_id, []), wish.at()
    if open_attempt(former) is not None:
        return Separately()
    refusal = refusal_to_start(version.blueprint, former, now, application=application)
    return refusal or _Door(version, application, next_attempt(former), now)


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


async def _create(unit: UnitOfWork, new: Sequence[tuple[_Wish, _Door]]) -> list[StartedAssessment]:
    """Insert row, paper and the first two entries of the log of each."""
    if not new:
        return []
    papers = await _papers(unit, [door.version for _, door in new])
    ids = await unit.assessments.next_ids(len(new))
    made, events = [], []
    for assessment_id, (wish, door), (seed, paper) in zip(ids, new, papers, strict=True):
        live = _instance(assessment_id, door, paper, seed)
        for body in (_started(door, paper, seed, live.assessment.deadline_at), attached_by(live.state, wish.claim)):
            event = live.state.next_event(body, door.now)
            live.state.apply(event)
            events.append(event)
        live.assessment = replace(live.assessment, head_seq=live.state.seq, head_hash=live.state.head)
        made.append(live)
    await unit.assessments.create_assessment_instance(*map(_new, made))
    await unit.insert_first(events)
    for live, (wish, _) in zip(made, new, strict=True):
        await _queue_live_run(unit, live, wish.live_run)
    return [StartedAssessment(live, recovered=False) for live in made]


async def _queue_live_run(unit: UnitOfWork, live: LiveAssessment, limits: Limits | None) -> None:
    """With the start, or not at all: so no assessment is without its run, and no run without its assessment."""
    if limits is None or not live.blueprint.is_generated:
        return
    run = NewRun(
        run_id=random_id("r", 12),
        kind=RunKind.LIVE,
        wish=EMPTY,  # what is wanted stands in the Test and in the paper
        limits=limits.lowered(live.blueprint.written_budget),
        test_id=live.assessment.test_id,
        assessment_id=live.assessment_id,
    )
    await unit.runs.insert(run, now=live.assessment.started_at)
    unit.moved(live.assessment_id, Move.BEGIN)


async def _papers(unit: UnitOfWork, versions: Sequence[PublishedVersion]) -> list[tuple[str, Paper]]:
    """A paper of each version, with the seed of which it is drawn; between them others have their turn."""
    drawn: list[tuple[str, Paper]] = []
    for version in versions:
        plan = unit.frozen.derived(version, plan_of)
        seed = secrets.token_hex(SEED_BYTES)
        slots = draw_slots(plan, seed)
        contents = await unit.frozen.contents(unit.questions, paper_digests(plan, slots))
        drawn.append((seed, make_paper(plan, slots, contents, seed)))
        if len(drawn) % 4 == 0:
            await asyncio.sleep(0)
    return await _piloted(unit, versions, drawn)


async def _piloted(
    unit: UnitOfWork, versions: Sequence[PublishedVersion], drawn: list[tuple[str, Paper]]
) -> list[tuple[str, Paper]]:
    """The same, where the Test says so with its new questions as pilots: as of now, and for good."""
    papers = [(version.blueprint, *each) for version, each in zip(versions, drawn, strict=True)]
    wanted = {each for blueprint, _, paper in papers for each in wordings_to_count(blueprint, paper)}
    if not wanted:
        return drawn
    responses = await unit.response_counts.of(wanted)
    return [(seed, with_pilots(blueprint, paper, responses)) for blueprint, seed, paper in papers]


def _instance(assessment_id: int, door: _Door, paper: Paper, seed: str) -> LiveAssessment:
    version, application, now = door.version, door.application, door.now
    blueprint = version.blueprint
    limit = personal_limit(blueprint.time_limit, application.accommodation)
    row = Assessment(
        assessment_id=assessment_id,
        application_id=application.application_id,
        user_id=application.user_id,
        test_id=application.test_id,
        test_version_id=version.version_id,
        attempt=door.attempt,
        status=Status.STARTED,
        started_at=now,
        deadline_at=first_deadline(now, limit, None if application.is_trial else blueprint.closes_at),
        max_score=paper.max_score,
        total_questions=len(paper.questions),
        created_at=now,
        updated_at=now,
        seed=seed,
        is_trial=application.is_trial,
    )
    return LiveAssessment(row, blueprint, paper, AssessmentState(assessment_id))


def _new(live: LiveAssessment) -> NewAssessment:
    row, blueprint = live.assessment, live.blueprint
    first_look = sweep_at(row.started_at, Schedule(row.deadline_at, blueprint.grace), blueprint.abandon_after)
    return NewAssessment(row, first_look, live.paper)


def _started(door: _Door, paper: Paper, seed: str, deadline: datetime | None) -> Started:
    version, application = door.version, door.application
    return Started(
        application_id=application.application_id,
        user_id=application.user_id,
        test_id=application.test_id,
        test_version_id=version.version_id,
        attempt=door.attempt,
        deadline_at=deadline,
        grace_seconds=version.blueprint.grace_seconds,
        paper_digest=paper.digest(),
        seed=seed,
        accommodation=application.accommodation,
        is_trial=application.is_trial,
    )
