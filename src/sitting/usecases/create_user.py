"""Add a person."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.user import Role, User, normalised_email
from sitting.storage.unit_of_work import Storage


async def create_user(
    storage: Storage,
    *,
    name: str,
    email: str,
    roles: frozenset[Role],
    now: datetime,
    password_hash: str | None = None,
    external_id: str | None = None,
) -> User:
    """Add a user; without a password they can come by token or invitation link only.

    Raises:
        InvalidMessage: the email is none. Conflict: the email or the external id is taken.
    """
    address = normalised_email(email)
    async with storage.unit_of_work() as unit:
        return await unit.users.create(
            name=name, email=address, roles=roles, now=now, password_hash=password_hash, external_id=external_id
        )
