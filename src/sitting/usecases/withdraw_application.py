"""Take an application back, or let it count again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sitting.storage.unit_of_work import Storage
from sitting.usecases.application_view import ApplicationView, view_of


async def withdraw_application(
    storage: Storage, application_id: int, *, withdrawn: bool, now: datetime
) -> ApplicationView:
    """Let no attempt start any more, or, with `withdrawn` false, let them start again. An open one goes on.

    Raises:
        ApplicationNotFound: there is none.
    """
    async with storage.unit_of_work() as unit:
        await unit.applications.lock(application_id)
        application = await unit.applications.select(application_id)
        since = (application.withdrawn_at or now) if withdrawn else None
        changed = replace(application, withdrawn_at=since)
        await unit.applications.store(changed)
        return await view_of(unit, changed, now)
