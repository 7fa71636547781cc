"""Take a Test out of use."""

from __future__ import annotations

from datetime import datetime

from sitting.storage.unit_of_work import Storage


async def archive_blueprint(storage: Storage, test_id: int, *, now: datetime) -> None:
    """Nobody can start it any more, and no list shows it unasked. Whoever has begun goes on; versions stay.

    Raises:
        BlueprintNotFound: there is no such Test.
    """
    async with storage.unit_of_work() as unit:
        await unit.blueprints.archive(test_id, now=now)
