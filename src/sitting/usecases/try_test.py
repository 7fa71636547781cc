"""Let staff see a Test as candidates do."""

from __future__ import annotations

from datetime import datetime

from sitting.kit.ids import random_secret
from sitting.storage.repositories.applications import NewApplication
from sitting.storage.unit_of_work import Storage
from sitting.usecases.application_view import ApplicationView, view_of
from sitting.usecases.invitees import published_test

LABEL = "Trial run"


async def try_test(storage: Storage, test_id: int, *, user_id: int, now: datetime) -> ApplicationView:
    """The application by which that user tries the Test out, made at the first time; nothing in it ever counts.

    Raises:
        BlueprintNotFound: there is no such Test. Conflict: it was never published.
    """
    async with storage.unit_of_work() as unit:
        await published_test(unit, test_id, for_update=True)
        application = await unit.applications.trial_of(user_id, test_id)
        if application is None:
            new = NewApplication(user_id, random_secret(), LABEL, is_trial=True)
            [application] = await unit.applications.create_many([new], test_id, by=user_id, now=now)
        return await view_of(unit, application, now)
