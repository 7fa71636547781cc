"""People."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, insert, not_, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.errors import Conflict, NotFound
from sitting.domain.user import Role, User
from sitting.storage.among import among
from sitting.storage.tables import users


class UserRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(
        self,
        *,
        name: str,
        email: str,
        roles: frozenset[Role],
        now: datetime,
        password_hash: str | None = None,
        external_id: str | None = None,
    ) -> User:
        """Add a person; `email` must be normalised.

        Raises:
            Conflict: the email or the external id is taken.
        """
        values = {
            "name": name,
            "email": email,
            "roles": roles_to_text(roles),
            "password_hash": password_hash,
            "external_id": external_id,
            "created_at": now,
            "updated_at": now,
        }
        try:
            async with self._connection.begin_nested():
                result = await self._connection.execute(insert(users).values(values).returning(*users.c))
        except IntegrityError:
            raise Conflict("There is a user with this email or external_id already.", email=email) from None
        return _user(result.one())

    async def ensure_candidates(self, names: Mapping[str, str], *, now: datetime) -> dict[str, User]:
        """The users with these addresses; whoever is not there yet is added as a candidate, also against a rival.

        Args:
            names: what to call the new ones, by normalised email.

        Returns:
            All of them by email.
        """
        candidate = roles_to_text(frozenset({Role.CANDIDATE}))
        rows = [
            {"name": names[email], "email": email, "roles": candidate, "created_at": now, "updated_at": now}
            for email in sorted(names)  # always in this order, so that two lists cannot wait for each other
        ]
        if rows:
            make = insert_postgresql if self._connection.dialect.name == "postgresql" else insert_sqlite
            await self._connection.execute(make(users).on_conflict_do_nothing(index_elements=["email"]), rows)
        return await self.select_by_emails(names)

    async def select_by_emails(self, emails: Iterable[str]) -> dict[str, User]:
        """Those that exist, by normalised email."""
        rows = await self._connection.execute(select(users).where(users.c.email.in_(sorted(set(emails)))))
        return {row.email: _user(row) for row in rows}

    async def select(self, user_id: int, *, for_update: bool = False) -> User:
        """That user; `for_update` keeps others from changing it until the transaction ends.

        Raises:
            NotFound: there is none.
        """
        if for_update:
            statement = select(users.c.id).where(users.c.id == user_id)
            await self._connection.execute(statement.with_for_update(key_share=True))
        user = await self.select_optional(user_id)
        if user is None:
            raise NotFound("There is no such user.", user_id=user_id)
        return user

    async def select_optional(self, user_id: int) -> User | None:
        return await self._one(users.c.id == user_id)

    async def select_many(self, user_ids: Iterable[int]) -> dict[int, User]:
        """Those that exist, by user_id."""
        wanted = sorted(set(user_ids))
        if not wanted:
            return {}
        rows = await self._connection.execute(select(users).where(among(self._connection, users.c.id, wanted)))
        return {row.id: _user(row) for row in rows}

    async def select_many_by_external_id(self, external_ids: Iterable[str | None]) -> dict[str, User]:
        """Those that exist, by external_id."""
        wanted = sorted({external_id for external_id in external_ids if external_id is not None})
        if not wanted:
            return {}
        rows = await self._connection.execute(select(users).where(among(self._connection, users.c.external_id, wanted)))
        return {row.external_id: _user(row) for row in rows}

    async def select_optional_by_email(self, email: str) -> User | None:
        return await self._one(users.c.email == email)

    async def select_optional_by_external_id(self, external_id: str) -> User | None:
        return await self._one(users.c.external_id == external_id)

    async def password_hash(self, user_id: int) -> str | None:
        """The Argon2 hash of the password; None if the user has none."""
        return await self._connection.scalar(select(users.c.password_hash).where(users.c.id == user_id))

    async def set_password(self, user_id: int, password_hash: str, *, now: datetime) -> None:
        """Store a new password's hash and void all tokens issued so far."""
        await self._connection.execute(
            update(users)
            .where(users.c.id == user_id)
            .values(password_hash=password_hash, not_before=now, updated_at=now)
        )

    async def store(self, user: User, *, now: datetime) -> None:
        """Write all that can change of a person, but the password.

        Raises:
            Conflict: the email or the external id is somebody else's.
        """
        statement = (
            update(users)
            .where(users.c.id == user.user_id)
            .values(
                name=user.name,
                email=user.email,
                external_id=user.external_id,
                roles=roles_to_text(user.roles),
                not_before=user.not_before,
                deactivated_at=user.deactivated_at,
                updated_at=now,
            )
        )
        try:
            async with self._connection.begin_nested():
                await self._connection.execute(statement)
        except IntegrityError:
            raise Conflict("There is a user with this email or external_id already.", email=user.email) from None

    async def lock_administrators(self) -> list[int]:
        """The administrators who are not deactivated; until the transaction ends nobody else changes who that is."""
        statement = (
            select(users.c.id)
            .where(users.c.roles.contains(Role.ADMIN), users.c.deactivated_at.is_(None))
            .order_by(users.c.id)
            .with_for_update(key_share=True)
        )
        return list(await self._connection.scalars(statement))

    async def list_page(
        self,
        *,
        after: int,
        limit: int,
        query: str | None = None,
        role: Role | None = None,
        is_active: bool | None = None,
    ) -> list[User]:
        """Users by id, behind `after`, narrowed as by `is_called` and to those with a role, active or deactivated.

        Whoever was erased is not among them.
        """
        known = users.c.id > after, users.c.erased_at.is_(None)
        statement = select(users).where(*known).order_by(users.c.id).limit(limit)
        if role is not None:
            statement = statement.where(users.c.roles.contains(role))  # no role's name is part of another's
        if is_active is not None:
            inactive = users.c.deactivated_at.is_not(None)
            statement = statement.where(not_(inactive) if is_active else inactive)
        if query:
            statement = statement.where(is_called(query))
        return [_user(row) for row in await self._connection.execute(statement)]

    async def any_exist(self) -> bool:
        return await self._connection.scalar(select(users.c.id).limit(1)) is not None

    async def _one(self, condition: Any) -> User | None:
        row = (await self._connection.execute(select(users).where(condition))).one_or_none()
        return None if row is None else _user(row)


def is_called(query: str) -> ColumnElement[bool]:
    """The condition that a user's name or address contains `query`.

    Case makes no difference in ASCII; beyond that databases do not agree, and it must be as written.
    """
    called = or_(
        func.lower(users.c.name).contains(query.lower(), autoescape=True),
        users.c.name.contains(query, autoescape=True),
        users.c.email.contains(query.lower(), autoescape=True),
    )
    return and_(users.c.erased_at.is_(None), called)


def roles_to_text(roles: frozenset[Role]) -> str:
    return " ".join(sorted(roles))


def roles_from_text(text: str) -> frozenset[Role]:
    return frozenset(Role(name) for name in text.split())


def _user(row: Row[Any]) -> User:
    return User(
        user_id=row.id,
        name=row.name,
        email=row.email,
        external_id=row.external_id,
        roles=roles_from_text(row.roles),
        not_before=row.not_before,
        created_at=row.created_at,
        deactivated_at=row.deactivated_at,
        erased_at=row.erased_at,
    )
