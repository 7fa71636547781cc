"""Keep what a candidate says of themselves."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.errors import InvalidMessage
from sitting.domain.resume import MAX_CHARACTERS, Resume
from sitting.storage.unit_of_work import Storage


async def keep_resume(storage: Storage, application_id: int, text: str, *, now: datetime) -> Resume:
    """Store the text in the place of what there was. Questions that are written later go by it.

    Raises:
        ApplicationNotFound: there is no such application. Conflict: the candidate was erased.
        InvalidMessage: the text is empty or too long.
    """
    if not text.strip() or len(text) > MAX_CHARACTERS:
        raise InvalidMessage(f"A résumé has 1 to {MAX_CHARACTERS} characters.", field="text")
    resume = Resume(application_id, text, now)
    async with storage.unit_of_work() as unit:
        await unit.applications.lock(application_id)  # so that no erasure comes between
        application = await unit.applications.select(application_id)
        (await unit.users.select(application.user_id)).require_known()
        await unit.resumes.put(resume)
    return resume
