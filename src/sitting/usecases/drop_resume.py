"""Drop what a candidate says of themselves."""

from __future__ import annotations

from sitting.storage.unit_of_work import Storage


async def drop_resume(storage: Storage, application_id: int) -> None:
    """Forget the résumé, if there is one. What was written in view of it stays.

    Raises:
        ApplicationNotFound: there is no such application.
    """
    async with storage.unit_of_work() as unit:
        await unit.applications.select(application_id)
        await unit.resumes.remove(application_id)
