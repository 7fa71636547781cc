"""Give an application another link."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sitting.kit.ids import random_secret
from sitting.storage.unit_of_work import Storage
from sitting.usecases.application_view import ApplicationView, view_of


async def renew_link(storage: Storage, application_id: int, *, now: datetime) -> ApplicationView:
    """Put a new secret into the link. The old link is void, and so are the candidate's browser sessions and tickets.

    Raises:
        ApplicationNotFound: there is none.
    """
    async with storage.unit_of_work() as unit:
        await unit.applications.lock(application_id)
        changed = replace(await unit.applications.select(application_id), secret=random_secret())
        await unit.applications.store(changed)
        await unit.credentials.end_sessions(changed.user_id)
        unit.access_changed(changed.user_id)
        return await view_of(unit, changed, now)
