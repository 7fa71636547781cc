"""What the log still says of an assessment whose candidate is erased."""

from __future__ import annotations

from dataclasses import replace

from sitting.domain.assessment import AssessmentState
from sitting.domain.deadline import minutes_taken
from sitting.domain.errors import Conflict
from sitting.domain.events import Erased, Started


def erasure(state: AssessmentState, *, reason: str, by: int | None) -> Erased | None:
    """The entry that goes with the erasure of this log; None if there is nothing left to erase.

    All of it follows from the log and not from the rows, which the entry is to vouch for.

    Raises:
        Conflict: the assessment is still open.
    """
    if not state.is_over:
        raise Conflict(
            "An assessment of this person is still open: end or void it first.", assessment_id=state.assessment_id
        )
    before = state.erased
    if before is not None and before.last == state.seq - 1:
        return None
    return Erased(
        reason=reason,
        by=by,
        last=state.seq,
        status=state.status,
        paper_digest=before.paper_digest if before else _paper_digest(state),
        ended=replace(state.ended, note=None) if state.ended else None,
        time_taken_minutes=before.time_taken_minutes if before else _minutes(state),
    )


def _paper_digest(state: AssessmentState) -> str:
    started = state.moments[0].body
    assert isinstance(started, Started)
    return started.paper_digest


def _minutes(state: AssessmentState) -> float | None:
    if state.ended is None or state.started_at is None:
        return None
    return minutes_taken(state.started_at, state.ended.end_time, state.schedule.pauses)
