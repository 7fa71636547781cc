"""Give a person a new password."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.errors import NotFound
from sitting.domain.user import User, normalised_email
from sitting.storage.unit_of_work import Storage


async def reset_password(storage: Storage, *, email: str, password_hash: str, now: datetime) -> User:
    """Store the password, and void all tokens and sessions that the person had.

    Raises:
        NotFound: nobody has that email. InvalidMessage: it is none.
    """
    async with storage.unit_of_work() as unit:
        user = await unit.users.select_optional_by_email(normalised_email(email))
        if user is None:
            raise NotFound("There is no user with this email.", email=email)
        await unit.users.set_password(user.user_id, password_hash, now=now)
    return user
