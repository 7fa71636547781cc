"""The one end of an assessment, whoever brings it about."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.assessment import Status
from sitting.domain.deadline import Phase, minutes_taken
from sitting.domain.errors import AttachmentStale, DeadlinePassed
from sitting.domain.events import EndReason, Finalized
from sitting.domain.live import LiveAssessment, score_of
from sitting.domain.scoring import Score, passes
from sitting.identity.signer import Signer
from sitting.storage.unit_of_work import Storage, UnitOfWork


async def finalize_assessment(
    storage: Storage,
    signer: Signer,
    *,
    assessment_id: int,
    reason: EndReason,
    now: datetime,
    arrived_at: datetime | None = None,
    attachment: int | None = None,
) -> LiveAssessment:
    """Close the assessment, grade what is stored, sign the log's head. Over already: it is returned as it stands.

    Args:
        arrived_at: of a submission: when its frame came in, which decides. None: `now`.
        attachment: the submitter's own; None for the server itself.

    Raises:
        AttachmentStale: another connection has taken over.
        DeadlinePassed: a submission came after deadline and grace, or a timeout was asked for too early.
        Unavailable: the database failed; the assessment is still open, or the same call finds it closed.
    """

    async def work(unit: UnitOfWork) -> LiveAssessment:
        live = await unit.load(assessment_id)
        if live.state.is_over:
            return live
        if attachment is not None and live.state.attachment != attachment:
            raise AttachmentStale()
        end_time = _end_time(live, reason, arrived_at or now)
        score = score_of(live)
        body = _finalized(live, reason, end_time, score)
        event = await unit.append(live, body, now)
        await unit.assessments.update_assessment_status(
            assessment_id,
            Status(body.status),
            reason=reason,
            end_time=end_time,
            minutes=minutes_taken(live.assessment.started_at, end_time),
            score=score,
            passed=body.passed,
            receipt=signer.receipt(assessment_id, event.seq, event.hash.hex()),
            now=now,
        )
        live.assessment = await unit.assessments.select(assessment_id)
        return live

    return await storage.work(work)


def _end_time(live: LiveAssessment, reason: EndReason, now: datetime) -> datetime:
    """When the assessment ended: not when the server got round to it.

    Raises:
        DeadlinePassed: at `now` it cannot end for this reason.
    """
    schedule = live.state.schedule
    deadline = schedule.deadline_at
    match reason:
        case EndReason.SUBMITTED:
            if not schedule.accepts_answers(now):
                raise DeadlinePassed()
            return now if deadline is None else min(now, deadline)
        case EndReason.TIMEOUT:
            if deadline is None or schedule.phase(now) is not Phase.CLOSABLE:
                raise DeadlinePassed("The time for this assessment is not over yet.")
            return deadline
        case EndReason.ABANDONED:
            if deadline is not None or now < live.assessment.started_at + live.blueprint.abandon_after:
                raise DeadlinePassed("This assessment does not count as abandoned yet.")
            return now


def _finalized(live: LiveAssessment, reason: EndReason, end_time: datetime, score: Score) -> Finalized:
    return Finalized(
        status=Status.COMPLETED if reason is EndReason.SUBMITTED else Status.TIMEOUT,
        reason=reason,
        end_time=end_time,
        total_score=score.total,
        max_score=score.maximum,
        percentage_score=score.percentage,
        passed=passes(score.total, score.maximum, live.blueprint.pass_mark),
        correct_answers=score.correct_answers,
        answered_questions=score.answered_questions,
    )
