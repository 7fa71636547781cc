"""Where an application stands, as staff see it: from its own instants, its attempts and the window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sitting.domain.application import ApplicationStatus, AttemptRecord, CandidateApplication
from sitting.domain.assessment import OPEN_STATUSES, Status

FINISHED = (Status.COMPLETED, Status.TIMEOUT)


def status_of(
    application: CandidateApplication, attempts: Sequence[AttemptRecord], closes_at: datetime | None, now: datetime
) -> ApplicationStatus:
    """The status at `now`. Withdrawn goes before all; what somebody has begun never expires.

    Args:
        attempts: all assessments of the application; voided ones are passed over.
        closes_at: the end of the window that a new attempt would meet; it means nothing to a trial.
    """
    statuses = {attempt.status for attempt in attempts}
    if application.withdrawn_at is not None:
        return ApplicationStatus.WITHDRAWN
    if not statuses.isdisjoint(OPEN_STATUSES):
        return ApplicationStatus.STARTED
    if not statuses.isdisjoint(FINISHED):
        return ApplicationStatus.FINISHED
    ends = () if application.is_trial else (application.expires_at, closes_at)
    if any(end is not None and now >= end for end in ends):
        return ApplicationStatus.EXPIRED
    return ApplicationStatus.INVITED if application.opened_at is None else ApplicationStatus.OPENED
