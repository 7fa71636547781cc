"""Make the first user of an empty server."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.errors import Conflict, InvalidMessage
from sitting.domain.user import Role, User, normalised_email
from sitting.storage.unit_of_work import Storage


async def create_first_administrator(
    storage: Storage, *, name: str, email: str, password_hash: str, now: datetime
) -> User:
    """Add an administrator, if there is no user at all.

    Raises:
        Conflict: there is one. InvalidMessage: the name is empty or the email is none.
    """
    if not name.strip() or "\0" in name:
        raise InvalidMessage("Please give a name.", field="name")
    async with storage.unit_of_work() as unit:
        if await unit.users.any_exist():
            raise Conflict("There is an administrator already.")
        return await unit.users.create(
            name=name.strip(),
            email=normalised_email(email),
            roles=frozenset({Role.ADMIN}),
            now=now,
            password_hash=password_hash,
        )
