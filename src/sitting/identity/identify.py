"""From what a caller shows to who they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sitting.domain.errors import NotAuthenticated
from sitting.domain.proof import Proof
from sitting.domain.user import Role, User
from sitting.identity.tokens import Claims, TokenKeys, read, reference
from sitting.storage.repositories.credentials import TicketHolder
from sitting.storage.unit_of_work import Storage, UnitOfWork


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking.

    Attributes:
        roles: those of the database; a browser session of a candidate never carries more than `candidate`.
        proof: what was shown, or what the ticket that was shown came of.
        expires_at: of the token, where one was shown.
    """

    user_id: int
    roles: frozenset[Role]
    proof: Proof = field(default_factory=Proof)
    expires_at: datetime | None = None


async def identify_by_token(storage: Storage, keys: TokenKeys, token: str, *, now: datetime) -> Identity:
    """Who shows this token.

    Raises:
        NotAuthenticated: nobody that we know, or not any more.
        Unavailable: the published keys that it needs cannot be fetched.
    """
    return await storage.together(_identify_all, await _claims(keys, token, now), reading=True)


async def _identify_all(unit: UnitOfWork, shown: Sequence[Claims]) -> list[Identity | Exception]:
    """Who shows each of these claims, which are proved."""
    by_id = await unit.users.select_many(each.user_id for each in shown if each.user_id is not None)
    by_subject = await unit.users.select_many_by_external_id(each.subject for each in shown if each.user_id is None)
    proofs = [Proof(each.issued_at, each.jti) for each in shown]
    ended = await unit.credentials.ended(proofs)
    found: list[Identity | Exception] = []
    for claims, proof in zip(shown, proofs, strict=True):
        user = by_id.get(claims.user_id) if claims.user_id is not None else by_subject.get(claims.subject or "")
        if user is None or proof in ended or proof.is_void_for(user):
            found.append(NotAuthenticated("This token is not valid."))
        else:
            found.append(Identity(user.user_id, proof.roles_of(user), proof, claims.expires_at))
    return found


async def identify_by_session(storage: Storage, secret: str, *, now: datetime) -> Identity:
    """Whose browser session this is: whoever came by an invitation link acts as a candidate and as nothing else.

    Raises:
        NotAuthenticated: the session is unknown, expired or void.
    """
    async with storage.reading() as unit:
        session = await unit.credentials.find_session(secret, now=now)
        user = None if session is None else await unit.users.select_optional(session.user_id)
    if session is None or user is None or session.proof.is_void_for(user):
        raise NotAuthenticated()
    return Identity(user.user_id, session.proof.roles_of(user), session.proof)


async def identify_by_ticket(storage: Storage, secret: str, *, now: datetime) -> Identity:
    """Whom a ticket stands for; it is used up by this.

    Raises:
        NotAuthenticated: the ticket is unknown, used or expired, or what was shown for it counts no longer, or for
            other roles.
    """
    async with storage.unit_of_work() as unit:
        holder = await unit.credentials.use_ticket(secret, now=now)
        user = None if holder is None else await unit.users.select_optional(holder.user_id)
        ended = holder is not None and await unit.credentials.ended([holder.proof])
    if holder is None or user is None or ended or not _is_as_before(holder, user):
        raise NotAuthenticated("This ticket is not valid any more.")
    return Identity(holder.user_id, holder.roles, holder.proof)


async def _claims(keys: TokenKeys, token: str, now: datetime) -> Claims:
    needed = reference(token)
    if needed is None:
        return read(keys, token, now=now)
    key = None if keys.published is None else await keys.published.find(needed.algorithm, needed.kid, now=now)
    if key is None:
        raise NotAuthenticated("This token is not valid.")
    return read(keys, token, now=now, key=key)


def _is_as_before(holder: TicketHolder, user: User) -> bool:
    return not holder.proof.is_void_for(user) and holder.proof.roles_of(user) == holder.roles
