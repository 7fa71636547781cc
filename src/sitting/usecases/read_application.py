"""Look at one application."""

from __future__ import annotations

from datetime import datetime

from sitting.storage.unit_of_work import Storage
from sitting.usecases.application_view import ApplicationView, view_of


async def read_application(
    storage: Storage, application_id: int, *, test_id: int | None = None, now: datetime
) -> ApplicationView:
    """The application, if it is one to `test_id`, where that is given.

    Raises:
        ApplicationNotFound: there is none.
    """
    async with storage.reading() as unit:
        return await view_of(unit, await unit.applications.select(application_id, test_id=test_id), now)
