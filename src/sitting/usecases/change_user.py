"""Change what is known of a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sitting.domain.errors import Conflict
from sitting.domain.user import Role, User, UserChanges, normalised_email
from sitting.storage.unit_of_work import Storage


async def change_user(storage: Storage, user_id: int, changes: UserChanges, *, now: datetime) -> User:
    """Store the changes; other roles count from the person's next request on, and open sockets are closed.

    Raises:
        NotFound: there is no such user. InvalidMessage: the email is none.
        Conflict: the email or the external id is somebody else's, or nobody would be administrator any more, or
            this person was erased.
    """
    if "email" in changes:
        changes = {**changes, "email": normalised_email(changes["email"])}
    async with storage.unit_of_work() as unit:
        administrators = await unit.users.lock_administrators()
        user = await unit.users.select(user_id, for_update=True)
        user.require_known()
        changed = replace(user, **changes)
        if Role.ADMIN not in changed.roles and administrators == [user_id]:
            raise Conflict("This is the last administrator.", user_id=user_id)
        await unit.users.store(changed, now=now)
        unit.access_changed(user_id)
    return changed
