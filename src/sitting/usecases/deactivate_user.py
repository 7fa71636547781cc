"""Let nothing that stands for a person work any more, or let it work again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sitting.domain.errors import Conflict
from sitting.domain.user import User
from sitting.storage.unit_of_work import Storage


async def deactivate_user(storage: Storage, user_id: int, *, deactivated: bool, now: datetime) -> User:
    """Shut a person out, or, with `deactivated` false, let them in again.

    Tokens, sessions, tickets and invitation links are refused from now on, and open sockets are closed. An assessment
    that is under way stays as it is, and ends by its own time. Sessions do not come back with the person; tokens that
    have not expired do.

    Raises:
        NotFound: there is no such user. Conflict: this is the last administrator, or was erased.
    """
    async with storage.unit_of_work() as unit:
        administrators = await unit.users.lock_administrators()
        user = await unit.users.select(user_id, for_update=True)
        user.require_known()
        if deactivated and administrators == [user_id]:
            raise Conflict("This is the last administrator.", user_id=user_id)
        changed = replace(user, deactivated_at=(user.deactivated_at or now) if deactivated else None)
        await unit.users.store(changed, now=now)
        if deactivated:
            await unit.credentials.end_sessions(user_id)
        unit.access_changed(user_id)
    return changed
