"""Publish a Test."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.blueprint import PublishedVersion, check_blueprint, publish
from sitting.storage.unit_of_work import Storage


async def publish_blueprint(storage: Storage, test_id: int, *, by: int | None, now: datetime) -> PublishedVersion:
    """Make an immutable version of the draft, with the questions as they stand now. New assessments use it.

    Raises:
        BlueprintNotFound: there is no such Test.
        PublicationRefused: the draft has no questions, or names some that the bank does not have.
    """
    async with storage.unit_of_work() as unit:
        await unit.blueprints.select(test_id, for_update=True)
        # Read again behind the lock: the number before it may be that of a publication that we waited for.
        test = await unit.blueprints.select(test_id)
        check_blueprint(test.draft)
        bank = await unit.questions.select_many(question.question_id for question in test.draft.questions)
        questions = publish(test.draft, bank)
        number = (test.current_version or 0) + 1
        return await unit.blueprints.add_version(test_id, number, test.draft, questions, by=by, now=now)
