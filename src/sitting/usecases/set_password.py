"""Give a person, by number, a new password."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.user import User
from sitting.storage.unit_of_work import Storage


async def set_password(storage: Storage, user_id: int, *, password_hash: str, now: datetime) -> User:
    """Store the password, and void all tokens, sessions and tickets that the person had.

    Raises:
        NotFound: there is no such user. Conflict: this person was erased.
    """
    async with storage.unit_of_work() as unit:
        (await unit.users.select(user_id, for_update=True)).require_known()
        await unit.users.set_password(user_id, password_hash, now=now)
        await unit.credentials.end_sessions(user_id)
        unit.access_changed(user_id)
        return await unit.users.select(user_id)
