"""Change the draft of a Test."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.blueprint import Blueprint, DraftedTest, check_blueprint
from sitting.storage.unit_of_work import Storage


async def replace_draft(storage: Storage, test_id: int, draft: Blueprint, *, now: datetime) -> DraftedTest:
    """Store the draft in place of the one before; what is published does not change.

    Raises:
        BlueprintNotFound: there is no such Test. InvalidMessage: no bank could make this draft right.
    """
    check_blueprint(draft)
    async with storage.unit_of_work() as unit:
        return await unit.blueprints.replace_draft(test_id, draft, now=now)
