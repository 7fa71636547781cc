"""The one end of an assessment, whoever brings it about."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sitting.domain.assessment import Status
from sitting.domain.compliance import compliance_record
from sitting.domain.deadline import minutes_taken
from sitting.domain.ending import end_time
from sitting.domain.events import EndReason, Finalized
from sitting.domain.live import LiveAssessment, score_of
from sitting.domain.scoring import Score
from sitting.identity.signer import Signer
from sitting.kit.canonical import canonical_json, sha256_hex
from sitting.storage.unit_of_work import Storage, UnitOfWork

_STATUS = {
    EndReason.SUBMITTED: Status.COMPLETED,
    EndReason.ENDED_BY_INVIGILATOR: Status.COMPLETED,
    EndReason.TIMEOUT: Status.TIMEOUT,
    EndReason.ABANDONED: Status.TIMEOUT,
}


async def finalize_assessment(
    storage: Storage,
    signer: Signer,
    *,
    assessment_id: int,
    reason: EndReason,
    now: datetime,
    arrived_at: datetime | None = None,
    attachment: int | None = None,
    by: int | None = None,
    note: str | None = None,
) -> LiveAssessment:
    """Close the assessment, grade what is stored, sign the log's head. Over already: it is returned as it stands.

    Args:
        arrived_at: of a submission: when its frame came in, which decides. None: `now`.
        attachment: the submitter's own; None for the server itself.
        by, note: the user_id of whoever of the staff ended it, and why.

    Raises:
        AttachmentStale: another connection has taken over.
        ClockPaused: a submission came in a pause.
        DeadlinePassed: a submission came after deadline and grace, or a timeout was asked for too early.
        Unavailable: the database failed; the assessment is still open, or the same call finds it closed.
    """

    async def work(unit: UnitOfWork) -> tuple[LiveAssessment, bool]:
        live = await unit.load(assessment_id)
        if live.state.is_over:
            return live, False
        if attachment is not None:
            live.state.require_attachment(attachment)
        await unit.note_resumption(live, arrived_at or now, now)
        ended_at = end_time(live, reason, arrived_at or now)
        score = score_of(live)
        body = replace(_finalized(live, reason, ended_at, score), by=by, note=note)
        event = await unit.append(live, body, now)
        record = canonical_json(compliance_record(live.blueprint, live.state))
        seal = signer.compliance_seal(assessment_id, event.seq, sha256_hex(record))
        await unit.assessments.update_assessment_status(
            assessment_id,
            Status(body.status),
            reason=reason,
            end_time=ended_at,
            minutes=minutes_taken(live.assessment.started_at, ended_at, live.state.schedule.pauses),
            score=score,
            passed=body.passed,
            receipt=signer.receipt(assessment_id, event.seq, event.hash.hex()),
            compliance=record.decode(),
            compliance_signature=seal.signature,
            now=now,
        )
        live.assessment = await unit.assessments.select(assessment_id)
        return live, True

    live, was_open = await storage.work(work)
    if was_open:
        storage.metrics.finalizations[reason].inc()
    return live


def _finalized(live: LiveAssessment, reason: EndReason, ended_at: datetime, score: Score) -> Finalized:
    return Finalized(
        status=_STATUS[reason],
        reason=reason,
        end_time=ended_at,
        total_score=score.total,
        max_score=score.maximum,
        percentage_score=score.percentage,
        passed=score.passed,
        correct_answers=score.correct_answers,
        answered_questions=score.answered_questions,
    )
