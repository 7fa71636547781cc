"""Publish a Test."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.blueprint import PublishedVersion
from sitting.domain.blueprint_check import check_blueprint
from sitting.domain.errors import PublicationRefused
from sitting.domain.window import with_window
from sitting.questions.publication import publish
from sitting.storage.unit_of_work import Storage
from sitting.usecases.bank import bank_for


async def publish_blueprint(storage: Storage, test_id: int, *, by: int | None, now: datetime) -> PublishedVersion:
    """Make an immutable version of the draft, with the questions as they stand now. New assessments use it.

    Raises:
        BlueprintNotFound: there is no such Test.
        InvalidMessage: no bank could make the draft right.
        PublicationRefused: the bank has no full paper for it, or the Test is archived.
    """
    async with storage.unit_of_work() as unit:
        await unit.blueprints.select(test_id, for_update=True)
        # Read again behind the lock: the number before it may be that of a publication that we waited for.
        test = await unit.blueprints.select(test_id)
        if test.archived_at is not None:
            raise PublicationRefused(problems=["it is archived"], missing=[], clashes=[])
        blueprint = with_window(test.draft)
        check_blueprint(blueprint)
        made = publish(blueprint, await bank_for(unit, blueprint))
        number = (test.current_version or 0) + 1
        return await unit.blueprints.add_version(
            test_id,
            number,
            blueprint,
            made.snapshot,
            overlap=made.overlap,
            overlap_error=made.overlap_error,
            by=by,
            now=now,
        )
