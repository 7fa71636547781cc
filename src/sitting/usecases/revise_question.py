"""Change a question of the bank. Papers and published Tests keep the version that they have."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.question import QuestionVersion
from sitting.storage.unit_of_work import Storage
from sitting.usecases.question_draft import QuestionDraft, content_of


async def revise_question(
    storage: Storage, question_id: str, draft: QuestionDraft, *, by: int | None, now: datetime
) -> QuestionVersion:
    """Store the draft as the next version; if nothing changed, the current one stays.

    Raises:
        QuestionNotFound: the bank has no such question. InvalidMessage: the draft cannot be used.
    """
    async with storage.unit_of_work() as unit:
        current = await unit.questions.select(question_id, for_update=True)
        return await unit.questions.revise(question_id, content_of(draft, current.content.options), by=by, now=now)
