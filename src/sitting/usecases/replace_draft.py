"""Change the draft of a Test."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sitting.domain.blueprint import Blueprint, DraftedTest
from sitting.domain.blueprint_check import check_blueprint
from sitting.domain.errors import Conflict
from sitting.domain.window import with_window
from sitting.storage.unit_of_work import Storage


async def replace_draft(
    storage: Storage, test_id: int, draft: Blueprint, *, now: datetime, replaces: Collection[str] | None = None
) -> DraftedTest:
    """Store the draft in place of the one before; what is published does not change.

    Args:
        replaces: digests of drafts, one of which must be the stored one; None replaces whatever is there.

    Raises:
        BlueprintNotFound: there is no such Test. InvalidMessage: no bank could make this draft right.
        Conflict: somebody else has replaced the draft meanwhile.
    """
    draft = with_window(draft)
    check_blueprint(draft)
    async with storage.unit_of_work() as unit:
        await unit.blueprints.select(test_id, for_update=True)
        stored = (await unit.blueprints.select(test_id)).draft
        if replaces is not None and stored.digest() not in replaces:
            raise Conflict("Somebody else has changed this draft meanwhile.", draft_digest=stored.digest())
        return await unit.blueprints.replace_draft(test_id, draft, now=now)
