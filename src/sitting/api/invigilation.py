"""What invigilators do to a candidate's clock, and the record of how time went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

import msgspec
from fastapi import APIRouter
from pydantic import Field, model_validator

from sitting.api.fields import Body, EntityPath, Why
from sitting.api.idempotency import IdempotentRoute
from sitting.api.problems import refusals
from sitting.api.security import Now, Parts, require
from sitting.domain.assessment import Status
from sitting.domain.compliance import ComplianceRecord, compliance_record
from sitting.domain.errors import AssessmentNotFound, AssessmentOver, Conflict
from sitting.domain.events import EndReason
from sitting.domain.live import LiveAssessment
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.usecases.extend_assessment import extend_assessment
from sitting.usecases.finalize_assessment import finalize_assessment
from sitting.usecases.pause_assessment import pause_assessment
from sitting.usecases.read_assessment import read_assessment
from sitting.usecases.unpause_assessment import unpause_assessment
from sitting.usecases.void_assessment import void_assessment

router = APIRouter(prefix="/assessments/{assessment_id}", tags=["invigilation"], route_class=IdempotentRoute)

Invigilator = Annotated[Identity, require(Action.INVIGILATE)]
Reviewer = Annotated[Identity, require(Action.READ_ASSESSMENTS)]
MAX_EXTENSION_MINUTES = 7 * 24 * 60

Seconds = Annotated[int, Field(strict=True, ge=1, le=60 * MAX_EXTENSION_MINUTES)]
Minutes = Annotated[int, Field(strict=True, ge=1, le=MAX_EXTENSION_MINUTES)]


class Reason(Body):
    """Why. The log keeps it, and the candidate reads the reason of a pause."""

    reason: Why


class Extension(Body):
    """More time: either `seconds` or `minutes`."""

    reason: Why
    seconds: Seconds | None = None
    minutes: Minutes | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.seconds is None) == (self.minutes is None):
            raise ValueError("either seconds or minutes is needed")
        return self

    @property
    def in_seconds(self) -> int:
        return self.seconds or 60 * (self.minutes or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockState:
    """How the clock of an assessment stands.

    Attributes:
        deadline_at: null where nothing limits the time, and in a pause.
        remaining_seconds: null where nothing limits the time; in a pause it does not change.
        paused_until: when the pause ends by itself; null if it is not paused.
        seq: number of the log's last entry.
    """

    assessment_id: int
    status: Status
    deadline_at: datetime | None
    remaining_seconds: float | None
    paused_until: datetime | None
    end_time: datetime | None
    end_reason: EndReason | None
    seq: int


@dataclass(frozen=True, slots=True)
class SignedCompliance:
    """The record, and the server's signature under it, whose form docs/time.md describes.

    Attributes:
        text: the record's exact bytes, as they were signed.
        signature, key_id: null, as is the text, while it is not over, and where it was voided before its end.
    """

    record: ComplianceRecord
    text: str | None
    signature: str | None
    key_id: str | None


@router.post("/extend", responses=refusals(AssessmentNotFound, AssessmentOver, Conflict))
async def extend(services: Parts, now: Now, assessment_id: EntityPath, who: Invigilator, body: Extension) -> ClockState:
    """Give more time, also where the deadline is over and the assessment not closed yet."""
    live = await extend_assessment(
        services.storage, assessment_id, seconds=body.in_seconds, reason=body.reason, by=who.user_id, now=now
    )
    return _clock(live, now)


@router.post("/pause", responses=refusals(AssessmentNotFound, AssessmentOver, Conflict))
async def pause(services: Parts, now: Now, assessment_id: EntityPath, who: Invigilator, body: Reason) -> ClockState:
    """Stop the clock. It goes on by itself after the Test's `max_pause_minutes`."""
    live = await pause_assessment(services.storage, assessment_id, reason=body.reason, by=who.user_id, now=now)
    return _clock(live, now)


@router.post("/unpause", responses=refusals(AssessmentNotFound, AssessmentOver, Conflict))
async def unpause(services: Parts, now: Now, assessment_id: EntityPath, who: Invigilator) -> ClockState:
    """Let the clock run again, behind a break too."""
    live = await unpause_assessment(services.storage, assessment_id, by=who.user_id, now=now)
    return _clock(live, now)


@router.post("/end", responses=refusals(AssessmentNotFound, AssessmentOver))
async def end(services: Parts, now: Now, assessment_id: EntityPath, who: Invigilator, body: Reason) -> ClockState:
    """End it for the candidate, with what is stored."""
    if (await read_assessment(services.storage, who, assessment_id)).state.is_over:
        raise AssessmentOver()
    live = await finalize_assessment(
        services.storage,
        services.signer,
        assessment_id=assessment_id,
        reason=EndReason.ENDED_BY_INVIGILATOR,
        now=now,
        by=who.user_id,
        note=body.reason,
    )
    return _clock(live, now)


@router.post("/void", responses=refusals(AssessmentNotFound, Conflict))
async def void(services: Parts, now: Now, assessment_id: EntityPath, who: Invigilator, body: Reason) -> ClockState:
    """It does not count as an attempt any more, open or over."""
    live = await void_assessment(services.storage, assessment_id, reason=body.reason, by=who.user_id, now=now)
    return _clock(live, now)


@router.get("/compliance", responses=refusals(AssessmentNotFound, Conflict))
async def read_compliance(services: Parts, assessment_id: EntityPath, who: Reviewer) -> SignedCompliance:
    """How time went, step by step: as signed at the end, or, while there is no end, as it stands."""
    live = await read_assessment(services.storage, who, assessment_id)
    row = live.assessment
    if live.state.erased is not None:
        raise Conflict("This candidate was erased, and the record with them.", assessment_id=assessment_id)
    if row.compliance is None:
        return SignedCompliance(compliance_record(live.blueprint, live.state), None, None, None)
    record = msgspec.json.decode(row.compliance, type=ComplianceRecord)
    return SignedCompliance(record, row.compliance, row.compliance_signature, row.receipt_key_id)


def _clock(live: LiveAssessment, now: datetime) -> ClockState:
    pause_ = live.state.schedule.lasting_pause
    return ClockState(
        assessment_id=live.assessment_id,
        status=live.state.status,
        deadline_at=live.state.schedule.deadline_at,
        remaining_seconds=live.remaining_seconds(now),
        paused_until=pause_.until if pause_ else None,
        end_time=live.assessment.end_time,
        end_reason=live.assessment.end_reason,
        seq=live.state.seq,
    )
