"""Go on with an assessment after a lost connection, or take it over from another window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sitting.domain.errors import AssessmentNotFound, AttachmentStale
from sitting.domain.live import LiveAssessment
from sitting.domain.takeover import Claim, attached_by, refuse_stale_return
from sitting.storage.errors import Separately
from sitting.storage.unit_of_work import Storage, UnitOfWork


async def resume_assessment(
    storage: Storage,
    *,
    user_id: int,
    assessment_id: int,
    connection_id: str,
    now: datetime,
    window_id: str | None = None,
    attachment: int | None = None,
    node_id: str | None = None,
) -> LiveAssessment:
    """Attach the connection to the assessment, unless it is over: then it is returned as it stands.

    Args:
        window_id, attachment, node_id: see `domain.takeover.Claim`.

    Raises:
        AttachmentStale: the client comes back by itself, and another window has the assessment; nothing is written.
        AssessmentNotFound: there is none, or it is somebody else's.
        Unavailable: the database failed; the assessment stays resumable.
    """

    claim = Claim(connection_id, window_id, attachment, node_id)
    return await storage.together(_resume_all, _Return(user_id, assessment_id, claim, now))


@dataclass(frozen=True, slots=True)
class _Return:
    """Who wants to go on with which assessment, and when."""

    user_id: int
    assessment_id: int
    claim: Claim
    now: datetime


async def _resume_all(unit: UnitOfWork, returns: Sequence[_Return]) -> list[LiveAssessment | Exception]:
    """Of each assessment the first of those who come back; a takeover from somebody at work is made alone."""
    if len(returns) == 1:
        return [await _resume_alone(unit, returns[0])]
    found = await unit.load_many([each.assessment_id for each in returns])
    judged = [_judged(found.pop(each.assessment_id, None), each) for each in returns]
    attaching = [
        (live, attached_by(live.state, each.claim), each.now)
        for live, each in zip(judged, returns, strict=True)
        if isinstance(live, LiveAssessment) and not live.state.is_over
    ]
    events = [event for event in await unit.append_many(attaching) if event is not None]
    await unit.assessments.update_heads(events)
    stored = {event.assessment_id for event in events}
    return [
        live if isinstance(live, Exception) or live.state.is_over or live.assessment_id in stored else Separately()
        for live in judged
    ]


def _judged(live: LiveAssessment | None, wish: _Return) -> LiveAssessment | Exception:
    if live is None:  # there is none, or somebody else in this batch comes back to it
        return Separately()
    if live.assessment.user_id != wish.user_id:
        return AssessmentNotFound(assessment_id=wish.assessment_id)
    if not live.state.is_over:
        try:
            refuse_stale_return(live.state, wish.claim)
        except AttachmentStale as refusal:
            return refusal
    return live


async def _resume_alone(unit: UnitOfWork, wish: _Return) -> LiveAssessment:
    live = await unit.load(wish.assessment_id)
    if live.assessment.user_id != wish.user_id:
        raise AssessmentNotFound(assessment_id=wish.assessment_id)
    if not live.state.is_over:
        await unit.attach(live, wish.claim, wish.now)
    return live
