"""Change what an application grants."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sitting.domain.application import ApplicationChanges, CandidateApplication, check_accommodation
from sitting.storage.unit_of_work import Storage
from sitting.usecases.application_view import ApplicationView, view_of


async def change_application(
    storage: Storage, application_id: int, changes: ApplicationChanges, *, now: datetime
) -> ApplicationView:
    """Store the changes. Attempts that start later go by them; an open one keeps the rules that it began with.

    Raises:
        ApplicationNotFound: there is none. InvalidMessage: a number is out of its range.
    """
    async with storage.unit_of_work() as unit:
        await unit.applications.lock(application_id)
        changed = _changed(await unit.applications.select(application_id), changes)
        check_accommodation(changed.accommodation)
        await unit.applications.store(changed)
        return await view_of(unit, changed, now)


def _changed(application: CandidateApplication, changes: ApplicationChanges) -> CandidateApplication:
    given = application.accommodation
    return replace(
        application,
        label=changes.get("label", application.label),
        expires_at=changes.get("expires_at", application.expires_at),
        accommodation=replace(
            given,
            extra_time_factor=changes.get("extra_time_factor", given.extra_time_factor),
            extra_minutes=changes.get("extra_minutes", given.extra_minutes),
            break_minutes=changes.get("break_minutes", given.break_minutes),
        ),
    )
