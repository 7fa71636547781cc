"""Put a question back into the bank."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.question import QuestionVersion
from sitting.storage.unit_of_work import Storage


async def restore_question(storage: Storage, question_id: str, *, now: datetime) -> QuestionVersion:
    """Take the question out of the archive, in the version that it had.

    Raises:
        QuestionNotFound: the archive has no such question.
    """
    async with storage.unit_of_work() as unit:
        return await unit.questions.restore(question_id, now=now)
