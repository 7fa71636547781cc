"""Take a question out of the bank."""

from __future__ import annotations

from datetime import datetime

from sitting.storage.unit_of_work import Storage


async def archive_question(storage: Storage, question_id: str, *, now: datetime) -> None:
    """Nobody can choose the question any more; what was published with it goes on.

    Raises:
        QuestionNotFound: the bank has no such question.
    """
    async with storage.unit_of_work() as unit:
        await unit.questions.archive(question_id, now=now)
