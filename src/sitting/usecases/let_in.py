"""The door before a start: new ones may have to wait or go, who goes on with an open assessment never."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sitting.domain.attempts import open_attempt
from sitting.domain.errors import Unavailable
from sitting.usecases.services import Services

RESTARTS = "This server is about to restart. Please try again in a moment; your time has not begun."


@asynccontextmanager
async def let_in(services: Services, *, user_id: int, test_id: int) -> AsyncIterator[None]:
    """Start that user's assessment of the Test inside of this.

    Raises:
        Unavailable: too many start right now, or the node is about to stop; `details.retry_after_seconds` says when to
            come back.
    """
    admission, backlog = services.admission, services.storage.journal.backlog
    is_draining = services.node.is_draining
    if (is_draining or admission.is_crowded(backlog)) and await _goes_on(services, user_id, test_id):
        yield
        return
    if is_draining:
        raise _restarts()
    async with admission.start(backlog):
        if services.node.is_draining:  # it had to wait in line meanwhile
            raise _restarts()
        yield


def _restarts() -> Unavailable:
    """Spread, since everybody is told so in one moment."""
    return Unavailable(RESTARTS, retry_after_seconds=round(random.uniform(2, 6), 1))  # noqa: S311


async def _goes_on(services: Services, user_id: int, test_id: int) -> bool:
    """Whether the start is none: an assessment is open, and would be resumed."""
    async with services.storage.reading() as unit:
        applications = await unit.applications.of_candidate(user_id, test_id)
        attempts = await unit.assessments.attempts_of_many([each.application_id for each in applications])
    return any(open_attempt(records) is not None for records in attempts.values())
