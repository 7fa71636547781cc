"""Begin a Test with the draft of another."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sitting.domain.blueprint import DraftedTest
from sitting.domain.blueprint_check import check_blueprint
from sitting.storage.unit_of_work import Storage

MAX_NAME = 200


async def clone_blueprint(
    storage: Storage, test_id: int, *, name: str | None, by: int | None, now: datetime
) -> DraftedTest:
    """Store a new Test, unpublished, with the same draft; `name` None says whose copy it is.

    Raises:
        BlueprintNotFound: there is no such Test. InvalidMessage: no bank could make the draft right.
    """
    async with storage.unit_of_work() as unit:
        draft = (await unit.blueprints.select(test_id)).draft
        draft = replace(draft, name=name or f"Copy of {draft.name}"[:MAX_NAME])
        check_blueprint(draft)
        return await unit.blueprints.create(draft, by=by, now=now)
