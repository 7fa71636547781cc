"""Change what is known of a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sitting.domain.errors import Conflict
from sitting.domain.user import Role, User, UserChanges, normalised_email
from sitting.storage.unit_of_work import Storage


async def change_user(storage: Storage, user_id: int, changes: UserChanges, *, now: datetime) -> User:
    """Store the changes; other roles count from the person's next request or connection on.

    Raises:
        NotFound: there is no such user. InvalidMessage: the email is none.
        Conflict: the email or the external id is somebody else's, or nobody would be administrator any more.
    """
    if "email" in changes:
        changes = {**changes, "email": normalised_email(changes["email"])}
    async with storage.unit_of_work() as unit:
        administrators = await unit.users.lock_administrators()
        changed = replace(await unit.users.select(user_id, for_update=True), **changes)
        if Role.ADMIN not in changed.roles and administrators == [user_id]:
            raise Conflict("This is the last administrator.", user_id=user_id)
        await unit.users.store(changed, now=now)
    return changed
