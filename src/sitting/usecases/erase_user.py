"""Forget a person, and keep what proves that nothing else was changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sitting.domain.erasing import erasure
from sitting.domain.errors import Conflict
from sitting.domain.user import User, first_valid_instant
from sitting.storage.unit_of_work import Storage, UnitOfWork


async def erase_user(storage: Storage, user_id: int, *, reason: str, by: int | None, now: datetime) -> User:
    """Erase all that is known of a person but the number and what their assessments came to. It cannot be undone.

    Doing it again changes nothing, unless something has been added to one of the logs since: that is erased then.

    Args:
        by: user_id of the administrator; None where the operator does it by the command line.

    Raises:
        NotFound: there is no such user.
        Conflict: this is the last administrator, or an assessment of theirs is still open; nothing is erased.
        Unavailable: the database failed; nothing is erased.
    """

    async def work(unit: UnitOfWork) -> User:
        administrators = await unit.users.lock_administrators()
        user = await unit.users.select(user_id, for_update=True)
        if administrators == [user_id]:
            raise Conflict("This is the last administrator.", user_id=user_id)
        await unit.erasure.overwrite_what_is_freed()
        for application in await unit.applications.of_candidate(user_id):
            await unit.applications.lock(application.application_id)  # so that none is started meanwhile
        for assessment_id in await unit.erasure.assessment_ids(user_id):
            await _erase_assessment(unit, assessment_id, reason, by, now)
        return user if user.erased_at is not None else await _erase_person(unit, user, now)

    erased = await storage.work(work)
    await storage.database.empty_log()
    return erased


async def _erase_assessment(unit: UnitOfWork, assessment_id: int, reason: str, by: int | None, now: datetime) -> None:
    live = await unit.load(assessment_id)
    body = erasure(live.state, live.paper, reason=reason, by=by)
    if body is not None:
        await unit.append(live, body, now)
        await unit.erasure.erase_assessment(assessment_id, body.last, now=now)


async def _erase_person(unit: UnitOfWork, user: User, now: datetime) -> User:
    gone = replace(
        user,
        not_before=first_valid_instant(now),
        deactivated_at=user.deactivated_at or now,
        erased_at=now,
    )
    await unit.erasure.drop_kept_answers(user)
    await unit.erasure.erase_runs(user.user_id, now=now)
    await unit.erasure.erase_written(user.user_id)
    await unit.erasure.erase_applications(user.user_id, now=now)
    await unit.erasure.erase_user(gone, now=now)
    await unit.credentials.end_sessions(user.user_id)
    unit.access_changed(user.user_id)
    return await unit.users.select(user.user_id)
