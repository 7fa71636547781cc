"""Take back all that stands for a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sitting.domain.user import User, first_valid_instant
from sitting.storage.unit_of_work import Storage


async def revoke_tokens(storage: Storage, user_id: int, *, now: datetime) -> User:
    """Void all tokens, sessions and tickets of a person that were issued until now; invitation links stay.

    Their sockets are closed.

    Returns:
        The user, whose `not_before` is the first instant from which tokens count again, at most a second away.

    Raises:
        NotFound: there is no such user.
    """
    async with storage.unit_of_work() as unit:
        user = await unit.users.select(user_id, for_update=True)
        changed = replace(user, not_before=first_valid_instant(now))
        await unit.users.store(changed, now=now)
        await unit.credentials.end_sessions(user_id)
        unit.access_changed(user_id)
    return changed
