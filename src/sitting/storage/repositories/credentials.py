"""What stands for a person for a while: browser sessions, tickets for a socket, and tokens taken back."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.user import Role
from sitting.kit.canonical import sha256_hex
from sitting.storage.repositories.users import roles_from_text, roles_to_text
from sitting.storage.tables import revoked_tokens, sessions, ws_tickets


@dataclass(frozen=True, slots=True)
class TicketHolder:
    """Whom a ticket stands for, with which roles; `issued_at` is known of stored ones."""

    user_id: int
    roles: frozenset[Role]
    issued_at: datetime | None = field(default=None, compare=False)


class CredentialRepository:
    """Secrets are stored as their SHA-256 only: who reads the database cannot use them."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create_session(self, secret: str, user_id: int, *, now: datetime, expires_at: datetime) -> None:
        await self._connection.execute(delete(sessions).where(sessions.c.expires_at < now))
        await self._connection.execute(
            insert(sessions).values(secret_hash=_hash(secret), user_id=user_id, created_at=now, expires_at=expires_at)
        )

    async def session_user(self, secret: str, *, now: datetime) -> tuple[int, datetime] | None:
        """Whose session it is and since when; None if it is unknown or expired."""
        statement = select(sessions.c.user_id, sessions.c.created_at).where(
            sessions.c.secret_hash == _hash(secret), sessions.c.expires_at > now
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return None if row is None else (row.user_id, row.created_at)

    async def delete_session(self, secret: str) -> None:
        await self._connection.execute(delete(sessions).where(sessions.c.secret_hash == _hash(secret)))

    async def end_sessions(self, user_id: int) -> None:
        """End all browser sessions of a user, and void the tickets that came of them."""
        await self._connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
        await self._connection.execute(delete(ws_tickets).where(ws_tickets.c.user_id == user_id))

    async def create_ticket(self, secret: str, holder: TicketHolder, *, now: datetime, expires_at: datetime) -> None:
        await self._connection.execute(delete(ws_tickets).where(ws_tickets.c.expires_at < now))
        await self._connection.execute(
            insert(ws_tickets).values(
                secret_hash=_hash(secret),
                user_id=holder.user_id,
                roles=roles_to_text(holder.roles),
                created_at=now,
                expires_at=expires_at,
            )
        )

    async def use_ticket(self, secret: str, *, now: datetime) -> TicketHolder | None:
        """Take the ticket, once; None if it is unknown, used or expired."""
        statement = delete(ws_tickets).where(ws_tickets.c.secret_hash == _hash(secret)).returning(*ws_tickets.c)
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None or row.expires_at <= now:
            return None
        return TicketHolder(row.user_id, roles_from_text(row.roles), row.created_at)

    async def revoke_token(self, jti: str, user_id: int, *, now: datetime, expires_at: datetime) -> None:
        await self._connection.execute(delete(revoked_tokens).where(revoked_tokens.c.expires_at < now))
        values = {"jti": jti, "user_id": user_id, "revoked_at": now, "expires_at": expires_at}
        with contextlib.suppress(IntegrityError):  # it is revoked already
            async with self._connection.begin_nested():
                await self._connection.execute(insert(revoked_tokens).values(values))

    async def is_revoked(self, jti: str) -> bool:
        found = await self._connection.scalar(select(revoked_tokens.c.jti).where(revoked_tokens.c.jti == jti))
        return found is not None


def _hash(secret: str) -> str:
    return sha256_hex(secret.encode())
