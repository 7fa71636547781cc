"""From what a caller shows to who they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sitting.domain.errors import NotAuthenticated
from sitting.domain.user import Role, User
from sitting.identity.tokens import Claims, TokenKeys, read, reference
from sitting.storage.unit_of_work import Storage, UnitOfWork


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking.

    Attributes:
        roles: those of the database; a browser session of a candidate never carries more than `candidate`.
        jti, expires_at: of the token, where one was shown.
    """

    user_id: int
    roles: frozenset[Role]
    jti: str | None = None
    expires_at: datetime | None = None


async def identify_by_token(storage: Storage, keys: TokenKeys, token: str, *, now: datetime) -> Identity:
    """Who shows this token.

    Raises:
        NotAuthenticated: nobody that we know, or not any more.
        Unavailable: the published keys that it needs cannot be fetched.
    """
    claims = await _claims(keys, token, now)
    async with storage.reading() as unit:
        user = await _user(unit, claims)
        revoked = claims.jti is not None and await unit.credentials.is_revoked(claims.jti)
    if user is None or user.deactivated_at is not None or revoked or _is_void(user, claims.issued_at):
        raise NotAuthenticated("This token is not valid.")
    return Identity(user.user_id, user.roles, claims.jti, claims.expires_at)


async def identify_by_session(storage: Storage, secret: str, *, now: datetime) -> Identity:
    """Whose browser session this is: whoever came by an invitation link acts as a candidate and as nothing else.

    Raises:
        NotAuthenticated: the session is unknown, expired or void.
    """
    async with storage.reading() as unit:
        session = await unit.credentials.session_user(secret, now=now)
        user = None if session is None else await unit.users.select_optional(session[0])
    if session is None or user is None or _is_locked_out(user, session[1]):
        raise NotAuthenticated()
    return Identity(user.user_id, frozenset({Role.CANDIDATE}))


async def identify_by_ticket(storage: Storage, secret: str, *, now: datetime) -> Identity:
    """Whom a ticket stands for; it is used up by this.

    Raises:
        NotAuthenticated: the ticket is unknown, used, expired or void.
    """
    async with storage.unit_of_work() as unit:
        holder = await unit.credentials.use_ticket(secret, now=now)
        user = None if holder is None else await unit.users.select_optional(holder.user_id)
    if holder is None or user is None or _is_locked_out(user, holder.issued_at):
        raise NotAuthenticated("This ticket is not valid any more.")
    return Identity(holder.user_id, holder.roles)


async def _claims(keys: TokenKeys, token: str, now: datetime) -> Claims:
    needed = reference(token)
    if needed is None:
        return read(keys, token, now=now)
    key = None if keys.published is None else await keys.published.find(needed.algorithm, needed.kid, now=now)
    if key is None:
        raise NotAuthenticated("This token is not valid.")
    return read(keys, token, now=now, key=key)


async def _user(unit: UnitOfWork, claims: Claims) -> User | None:
    if claims.user_id is not None:
        return await unit.users.select_optional(claims.user_id)
    assert claims.subject is not None
    return await unit.users.select_optional_by_external_id(claims.subject)


def _is_locked_out(user: User, issued_at: datetime | None) -> bool:
    """Whether the person is deactivated, or what was issued at that instant is void by now."""
    if user.deactivated_at is not None or user.not_before is None:
        return user.deactivated_at is not None
    return issued_at is None or issued_at < user.not_before


def _is_void(user: User, issued_at: datetime | None) -> bool:
    """Tokens carry whole seconds, so one issued in the very second of `not_before` still counts."""
    if user.not_before is None:
        return False
    return issued_at is None or issued_at < user.not_before.replace(microsecond=0)
