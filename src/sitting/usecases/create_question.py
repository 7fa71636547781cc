"""Add a question to the bank."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.question import QuestionVersion
from sitting.kit.ids import random_id
from sitting.storage.unit_of_work import Storage
from sitting.usecases.question_draft import QuestionDraft, content_of

QUESTION_ID_LENGTH = 12


async def create_question(
    storage: Storage, draft: QuestionDraft, *, slug: str | None, by: int | None, now: datetime
) -> QuestionVersion:
    """Store the question as version 1, under new identifiers.

    Raises:
        InvalidMessage: it cannot be used. Conflict: the slug is taken.
    """
    content = content_of(draft)
    async with storage.unit_of_work() as unit:
        return await unit.questions.create(random_id("q", QUESTION_ID_LENGTH), content, slug=slug, by=by, now=now)
