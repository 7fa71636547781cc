"""The door before a start: new ones may have to wait or go, who goes on with an open assessment never."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sitting.domain.errors import Unavailable
from sitting.storage.unit_of_work import UnitOfWork
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
    crowded = is_draining or admission.is_crowded(backlog)
    if crowded and await services.storage.together(_go_on, (user_id, test_id), reading=True):
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


async def _go_on(unit: UnitOfWork, asked: Sequence[tuple[int, int]]) -> list[bool | Exception]:
    """Whether each start, of a user_id and a test_id, is none: an assessment is open, and would be resumed."""
    open_ = await unit.assessments.open_ones({user_id for user_id, _ in asked})
    return [each in open_ for each in asked]
