"""Who was invited to a Test, and where they stand."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.application import ApplicationStatus
from sitting.storage.repositories.applications import ApplicationFilter
from sitting.storage.unit_of_work import Storage
from sitting.usecases.application_view import ApplicationView, views_of


async def list_applications(
    storage: Storage,
    test_id: int,
    *,
    after: int,
    limit: int,
    status: ApplicationStatus | None,
    query: str | None,
    label: str | None,
    trials: bool,
    now: datetime,
) -> list[ApplicationView]:
    """A Test's applications by id, behind `after`, narrowed by what is given; staff's own trial runs on request.

    Raises:
        BlueprintNotFound: there is no such Test.
    """
    async with storage.reading() as unit:
        test = await unit.blueprints.select(test_id)
        if test.current_version is None:
            return []
        blueprint = (await unit.blueprints.current_version(test_id)).blueprint
        wanted = ApplicationFilter(
            now=now, closes_at=blueprint.closes_at, status=status, query=query, label=label, trials=trials
        )
        found = await unit.applications.of_test(test_id, after=after, limit=limit, wanted=wanted)
        return await views_of(unit, blueprint, found, now)
