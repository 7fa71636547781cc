"""The door before a start: new ones may have to wait or go, who goes on with an open assessment never."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sitting.domain.attempts import open_attempt
from sitting.usecases.services import Services


@asynccontextmanager
async def let_in(services: Services, *, user_id: int, test_id: int) -> AsyncIterator[None]:
    """Start that user's assessment of the Test inside of this.

    Raises:
        Unavailable: too many start right now; `details.retry_after_seconds` says when to come back.
    """
    admission, backlog = services.admission, services.storage.journal.backlog
    if admission.is_crowded(backlog) and await _goes_on(services, user_id, test_id):
        yield
        return
    async with admission.start(backlog):
        yield


async def _goes_on(services: Services, user_id: int, test_id: int) -> bool:
    """Whether the start is none: an assessment is open, and would be resumed."""
    async with services.storage.reading() as unit:
        applications = await unit.applications.of_candidate(user_id, test_id)
        attempts = await unit.assessments.attempts_of_many([each.application_id for each in applications])
    return any(open_attempt(records) is not None for records in attempts.values())
