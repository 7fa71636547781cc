"""Look at what a candidate says of themselves."""

from __future__ import annotations

from sitting.domain.resume import Resume
from sitting.storage.unit_of_work import Storage


async def read_resume(storage: Storage, application_id: int) -> Resume:
    """The résumé of that application.

    Raises:
        ApplicationNotFound: there is no such application. NotFound: it has none.
    """
    async with storage.reading() as unit:
        await unit.applications.select(application_id)
        return await unit.resumes.select(application_id)
