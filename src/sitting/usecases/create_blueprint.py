"""Begin a Test."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.blueprint import Blueprint, DraftedTest
from sitting.domain.blueprint_check import check_blueprint
from sitting.domain.window import with_window
from sitting.storage.unit_of_work import Storage


async def create_blueprint(storage: Storage, draft: Blueprint, *, by: int | None, now: datetime) -> DraftedTest:
    """Store a new Test as a draft; nobody can take it before it is published.

    Raises:
        InvalidMessage: no bank could make this draft right.
    """
    draft = with_window(draft)
    check_blueprint(draft)
    async with storage.unit_of_work() as unit:
        return await unit.blueprints.create(draft, by=by, now=now)
