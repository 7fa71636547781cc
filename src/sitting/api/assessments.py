"""Assessments, read only: looking changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter

from sitting.api.fields import EntityPath, points
from sitting.api.pagination import Page, Paged
from sitting.api.problems import refusals
from sitting.api.security import Parts, require
from sitting.domain.assessment import Assessment, Status
from sitting.domain.chain import SealedEvent
from sitting.domain.errors import AssessmentNotFound, BlueprintNotFound, Conflict
from sitting.domain.events import EndReason
from sitting.domain.live import receipt_of, results_of
from sitting.domain.results import Receipt, Results
from sitting.identity.access import Action, may
from sitting.identity.identify import Identity
from sitting.usecases.read_assessment import read_assessment
from sitting.usecases.review_responses import ReviewedResponse, review_responses

router = APIRouter(tags=["assessments"])

Reviewer = Annotated[Identity, require(Action.READ_ASSESSMENTS)]
ReviewerOrOwner = Annotated[Identity, require(Action.TAKE_TESTS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentRow:
    """The row of an assessment. Scores are points; they and `percentage_score` are null before the end.

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
    services: Parts, window: Paged, test_id: EntityPath, _who: Reviewer
) -> Page[AssessmentRow]:
    """Assessments of one Test by id."""
    async with services.storage.reading() as unit:
        await unit.blueprints.select(test_id)
        rows = await unit.assessments.list_page(test_id=test_id, after=window.after_number, limit=window.rows)
    return window.page(rows, lambda row: row.assessment_id, _row)


@router.get("/assessments", responses=refusals())
async def list_assessments(services: Parts, window: Paged, _who: Reviewer) -> Page[AssessmentRow]:
    """Assessments of all Tests by id."""
    async with services.storage.reading() as unit:
        rows = await unit.assessments.list_page(after=window.after_number, limit=window.rows)
    return window.page(rows, lambda row: row.assessment_id, _row)


@router.get("/assessments/{assessment_id}", responses=refusals(AssessmentNotFound))
async def read_assessment_row(services: Parts, assessment_id: EntityPath, who: ReviewerOrOwner) -> AssessmentRow:
    """One assessment; a candidate sees their own."""
    live = await read_assessment(services.storage, who, assessment_id)
    return _row(live.assessment)


@router.get("/assessments/{assessment_id}/responses", responses=refusals(AssessmentNotFound))
async def list_responses(services: Parts, assessment_id: EntityPath, _who: Reviewer) -> Page[ReviewedResponse]:
    """The whole paper, question by question, with what was answered and what is right."""
    return Page(await review_responses(services.storage, assessment_id))


@router.get("/assessments/{assessment_id}/events", responses=refusals(AssessmentNotFound))
async def list_events(services: Parts, window: Paged, assessment_id: EntityPath, _who: Reviewer) -> Page[LogEntry]:
    """The log by number."""
    async with services.storage.reading() as unit:
        await unit.assessments.select(assessment_id)
        rows = await unit.events.read(assessment_id, after=window.after_number, limit=window.rows)
    return window.page(rows, lambda event: event.seq, _entry)


@router.get("/assessments/{assessment_id}/results", responses=refusals(AssessmentNotFound, Conflict))
async def read_results(services: Parts, assessment_id: EntityPath, who: ReviewerOrOwner) -> Results:
    """The results. Candidates get their own, once it is over; of an open one staff get the facts without scores."""
    live = await read_assessment(services.storage, who, assessment_id)
    if not live.state.is_over and not may(who, Action.READ_ASSESSMENTS):
        raise _not_over(assessment_id)
    return results_of(live)


@router.get("/assessments/{assessment_id}/receipt", responses=refusals(AssessmentNotFound, Conflict))
async def read_receipt(services: Parts, assessment_id: EntityPath, who: ReviewerOrOwner) -> Receipt:
    """What was signed at the end."""
    live = await read_assessment(services.storage, who, assessment_id)
    receipt = receipt_of(live.assessment)
    if receipt is None:
        raise _not_over(assessment_id)
    return receipt


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
