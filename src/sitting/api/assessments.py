"""Assessments, read only: looking changes nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query

from sitting.api.fields import EntityPath, points
from sitting.api.pagination import Page, Paged
from sitting.api.problems import refusals
from sitting.api.security import Now, Parts, require
from sitting.domain.assessment import Assessment, Status
from sitting.domain.chain import SealedEvent
from sitting.domain.errors import AssessmentNotFound, BlueprintNotFound, Conflict, NotAllowed
from sitting.domain.events import EndReason
from sitting.domain.feedback import may_review
from sitting.domain.live import LiveAssessment, own_results_of, receipt_of, results_of
from sitting.domain.results import BareResults, Receipt, Results, ScoreResults, StatusResults, shows_score
from sitting.identity.access import Action, may
from sitting.identity.identify import Identity
from sitting.kit.ids import ID_LIMIT
from sitting.usecases.read_assessment import read_assessment
from sitting.usecases.review_responses import ReviewedResponse, review_responses

router = APIRouter(tags=["assessments"])

Reviewer = Annotated[Identity, require(Action.READ_ASSESSMENTS)]
ReviewerOrOwner = Annotated[Identity, require(Action.TAKE_TESTS)]
ShownResults = Results | ScoreResults | StatusResults | BareResults


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentRow:
    """The row of an assessment. Scores are points.

    Scores and `passed` are null before the end, and to candidates where the Test's results policy hides them.

    `head_seq` and `head_hash` (hex) are the log's head as of the last attach, the end, or an entry behind the end.
    """

    assessment_id: int
    application_id: int
    user_id: int
    test_id: int
    test_version_id: int
    attempt: int
    status: Status
    started_at: datetime
    deadline_at: datetime | None
    end_time: datetime | None
    end_reason: EndReason | None
    total_score: float | None
    max_score: float
    percentage_score: float | None
    passed: bool | None
    total_questions: int
    time_taken_minutes: float | None
    created_at: datetime
    updated_at: datetime
    head_seq: int
    head_hash: str
    is_trial: bool


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What a list of assessments is narrowed to; None asks for nothing."""

    application_id: int | None
    user_id: int | None
    status: Status | None
    trials: bool


async def _narrowed(
    application_id: Annotated[int | None, Query(ge=1, lt=ID_LIMIT)] = None,
    user_id: Annotated[int | None, Query(ge=1, lt=ID_LIMIT)] = None,
    status: Status | None = None,
    trials: Annotated[bool, Query(description="whether staff's trial runs are in the list")] = False,
) -> Narrowed:
    return Narrowed(application_id, user_id, status, trials)


Wanted = Annotated[Narrowed, Depends(_narrowed)]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of the log, with all that its hash is made of (docs/decisions/0002-event-chain.md).

    Attributes:
        payload: the body, for reading. payload_text: the same to the letter, as it was hashed.
        salt, inner_digest, hash: in hex. Salt and payload are null once erased.
    """

    seq: int
    type: str
    occurred_at: datetime
    payload: Any
    payload_text: str | None
    salt: str | None
    inner_digest: str
    hash: str


@router.get("/tests/{test_id}/assessments", responses=refusals(BlueprintNotFound))
async def list_assessments_of_test(
    services: Parts, window: Paged, test_id: EntityPath, _who: Reviewer, wanted: Wanted
) -> Page[AssessmentRow]:
    """Assessments of one Test by id, without trial runs unless they are asked for."""
    async with services.storage.reading() as unit:
        await unit.blueprints.select(test_id)
        rows = await unit.assessments.list_page(
            after=window.after_number, limit=window.rows, test_id=test_id, **asdict(wanted)
        )
    return window.page(rows, lambda row: row.assessment_id, _row)


@router.get("/assessments", responses=refusals())
async def list_assessments(
    services: Parts,
    window: Paged,
    _who: Reviewer,
    wanted: Wanted,
    test_id: Annotated[int | None, Query(ge=1, lt=ID_LIMIT)] = None,
) -> Page[AssessmentRow]:
    """Assessments of all Tests by id, without trial runs unless they are asked for."""
    async with services.storage.reading() as unit:
        rows = await unit.assessments.list_page(
            after=window.after_number, limit=window.rows, test_id=test_id, **asdict(wanted)
        )
    return window.page(rows, lambda row: row.assessment_id, _row)


@router.get("/assessments/{assessment_id}", responses=refusals(AssessmentNotFound))
async def read_assessment_row(services: Parts, assessment_id: EntityPath, who: ReviewerOrOwner) -> AssessmentRow:
    """One assessment; a candidate sees their own, without what the results policy hides."""
    live = await read_assessment(services.storage, who, assessment_id)
    row = _row(live.assessment)
    if not may(who, Action.READ_ASSESSMENTS) and not live.state.is_over:
        row = replace(row, max_score=live.paper.told_score / 1000)  # or it would tell that some count for nothing
    if _sees_scores(who, live):
        return row
    return replace(row, total_score=None, percentage_score=None, passed=None)


@router.get("/assessments/{assessment_id}/responses", responses=refusals(AssessmentNotFound))
async def list_responses(
    services: Parts, now: Now, assessment_id: EntityPath, who: ReviewerOrOwner
) -> Page[ReviewedResponse]:
    """The whole paper, question by question, with what was answered and what is right.

    Candidates read their own, once it is over and the Test's feedback policy allows.
    """
    if not may(who, Action.READ_ASSESSMENTS):
        live = await read_assessment(services.storage, who, assessment_id)
        if not may_review(live.blueprint, live.state.status, now):
            raise NotAllowed("The answers to this test are not shown, or not yet.")
        shown = await review_responses(services.storage, assessment_id)
        return Page(shown if _sees_scores(who, live) else [replace(each, points=None, credit=None) for each in shown])
    return Page(await review_responses(services.storage, assessment_id))


@router.get("/assessments/{assessment_id}/events", responses=refusals(AssessmentNotFound))
async def list_events(services: Parts, window: Paged, assessment_id: EntityPath, _who: Reviewer) -> Page[LogEntry]:
    """The log by number."""
    async with services.storage.reading() as unit:
        await unit.assessments.select(assessment_id)
        rows = await unit.events.read(assessment_id, after=window.after_number, limit=window.rows)
    return window.page(rows, lambda event: event.seq, _entry)


@router.get("/assessments/{assessment_id}/results", responses=refusals(AssessmentNotFound, Conflict))
async def read_results(services: Parts, assessment_id: EntityPath, who: ReviewerOrOwner) -> ShownResults:
    """The results. Staff get all of them, of an open assessment the facts without scores.

    Candidates get their own, once it is over, as far as the Test's results policy shows them.
    """
    live = await read_assessment(services.storage, who, assessment_id)
    if may(who, Action.READ_ASSESSMENTS):
        return results_of(live)
    if not live.state.is_over:
        raise _not_over(assessment_id)
    return own_results_of(live)


@router.get("/assessments/{assessment_id}/receipt", responses=refusals(AssessmentNotFound, Conflict))
async def read_receipt(services: Parts, assessment_id: EntityPath, who: ReviewerOrOwner) -> Receipt:
    """What was signed at the end."""
    live = await read_assessment(services.storage, who, assessment_id)
    receipt = receipt_of(live.assessment)
    if receipt is None:
        raise _not_over(assessment_id)
    return receipt


def _sees_scores(who: Identity, live: LiveAssessment) -> bool:
    return may(who, Action.READ_ASSESSMENTS) or shows_score(live.blueprint.results)


def _not_over(assessment_id: int) -> Conflict:
    return Conflict("This assessment is not over yet.", assessment_id=assessment_id)


def _row(row: Assessment) -> AssessmentRow:
    return AssessmentRow(
        assessment_id=row.assessment_id,
        application_id=row.application_id,
        user_id=row.user_id,
        test_id=row.test_id,
        test_version_id=row.test_version_id,
        attempt=row.attempt,
        status=row.status,
        started_at=row.started_at,
        deadline_at=row.deadline_at,
        end_time=row.end_time,
        end_reason=row.end_reason,
        total_score=points(row.total_score),
        max_score=row.max_score / 1000,
        percentage_score=points(row.percentage_score),
        passed=row.passed,
        total_questions=row.total_questions,
        time_taken_minutes=row.time_taken_minutes,
        created_at=row.created_at,
        updated_at=row.updated_at,
        head_seq=row.head_seq,
        head_hash=row.head_hash.hex(),
        is_trial=row.is_trial,
    )


def _entry(event: SealedEvent) -> LogEntry:
    text = None if event.payload is None else event.payload.decode()
    return LogEntry(
        seq=event.seq,
        type=event.type,
        occurred_at=event.occurred_at,
        payload=None if text is None else msgspec.json.decode(text),
        payload_text=text,
        salt=None if event.salt is None else event.salt.hex(),
        inner_digest=event.inner.hex(),
        hash=event.hash.hex(),
    )
