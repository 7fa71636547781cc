"""Sign in by password."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from anyio import CapacityLimiter, to_thread

from sitting.domain.errors import InvalidMessage, NotAuthenticated, Unavailable
from sitting.domain.user import User, normalised_email
from sitting.identity.passwords import verify_password
from sitting.identity.tokens import TokenKeys, mint
from sitting.storage.unit_of_work import Storage

TOKEN_LIFETIME = timedelta(hours=8)
# Each check takes 64 MiB for its time: a burst of guesses must not take the memory of the server.
_checks = CapacityLimiter(2)
MAX_WAITING = 50  # some ten seconds of checking


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who it is, and the token that says so from now on."""

    user: User
    token: str
    lifetime: timedelta


async def sign_in(storage: Storage, keys: TokenKeys, *, email: str, password: str, now: datetime) -> SignedIn:
    """Exchange email and password for a token.

    Raises:
        NotAuthenticated: they do not fit, or the person is deactivated; it takes the same time as without such a user.
        Unavailable: too many passwords wait to be checked.
    """
    if _checks.statistics().tasks_waiting >= MAX_WAITING:
        raise Unavailable()
    user, password_hash = await _find(storage, email)
    fits = await to_thread.run_sync(verify_password, password_hash, password, limiter=_checks)
    if user is None or not fits or user.deactivated_at is not None:
        storage.metrics.sign_ins_refused.inc()
        raise NotAuthenticated("Email and password do not fit.")
    return SignedIn(user, mint(keys, user.user_id, now=now, lifetime=TOKEN_LIFETIME), TOKEN_LIFETIME)


async def _find(storage: Storage, email: str) -> tuple[User | None, str | None]:
    try:
        address = normalised_email(email)
    except InvalidMessage:
        return None, None
    async with storage.reading() as unit:
        user = await unit.users.select_optional_by_email(address)
        return user, None if user is None else await unit.users.password_hash(user.user_id)
