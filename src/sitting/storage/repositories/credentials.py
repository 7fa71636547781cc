"""What stands for a person for a while: browser sessions, tickets for a socket, and tokens taken back."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Column, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.proof import Proof
from sitting.domain.user import Role
from sitting.kit.canonical import sha256_hex
from sitting.storage.among import among
from sitting.storage.repositories.users import roles_from_text, roles_to_text
from sitting.storage.tables import revoked_tokens, sessions, ws_tickets

# A socket may outlive what opened it, and its watch tells what ended by its own time from what was ended by what it
# finds here: so rows are kept for longer than they let anybody in.
KEPT_BEHIND_THE_END = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class TicketHolder:
    """Whom a ticket stands for, with which roles, and what they showed when they asked for it."""

    user_id: int
    roles: frozenset[Role]
    proof: Proof = field(default_factory=Proof)


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """Whose session it is."""

    user_id: int
    proof: Proof


class CredentialRepository:
    """Secrets are stored as their SHA-256 only: who reads the database cannot use them."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create_session(self, secret: str, user_id: int, *, now: datetime, expires_at: datetime) -> None:
        await self._connection.execute(delete(sessions).where(sessions.c.expires_at < now - KEPT_BEHIND_THE_END))
        await self._connection.execute(
            insert(sessions).values(secret_hash=_hash(secret), user_id=user_id, created_at=now, expires_at=expires_at)
        )

    async def find_session(self, secret: str, *, now: datetime) -> BrowserSession | None:
        """The session with that secret; None if it is unknown or expired."""
        statement = select(sessions).where(sessions.c.secret_hash == _hash(secret), sessions.c.expires_at > now)
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            return None
        return BrowserSession(row.user_id, Proof(row.created_at, session_hash=row.secret_hash))

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
                proof_issued_at=holder.proof.issued_at,
                jti=holder.proof.jti,
                session_hash=holder.proof.session_hash,
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
        proof = Proof(row.proof_issued_at, row.jti, row.session_hash)
        return TicketHolder(row.user_id, roles_from_text(row.roles), proof)

    async def revoke_token(self, jti: str, user_id: int, *, now: datetime, expires_at: datetime) -> None:
        await self._connection.execute(
            delete(revoked_tokens).where(revoked_tokens.c.expires_at < now - KEPT_BEHIND_THE_END)
        )
        values = {"jti": jti, "user_id": user_id, "revoked_at": now, "expires_at": expires_at}
        with contextlib.suppress(IntegrityError):  # it is revoked already
            async with self._connection.begin_nested():
                await self._connection.execute(insert(revoked_tokens).values(values))

    async def ended(self, proofs: Collection[Proof]) -> set[Proof]:
        """Of these, at most some hundred, the revoked tokens and the sessions that were ended."""
        jtis = {proof.jti for proof in proofs if proof.jti is not None}
        hashes = {proof.session_hash for proof in proofs if proof.session_hash is not None}
        revoked = await self._present(revoked_tokens.c.jti, jtis)
        gone = hashes - await self._present(sessions.c.secret_hash, hashes)
        return {proof for proof in proofs if proof.jti in revoked or proof.session_hash in gone}

    async def _present(self, column: Column[str], values: Collection[str]) -> set[str]:
        """Those of these values that stand in that column."""
        if not values:
            return set()
        return set(await self._connection.scalars(select(column).where(among(self._connection, column, values))))


def _hash(secret: str) -> str:
    return sha256_hex(secret.encode())
