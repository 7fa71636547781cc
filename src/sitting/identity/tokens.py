"""JSON Web Tokens: signed with the shared secret, or with a private key whose public half is published."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from sitting.domain.errors import NotAuthenticated
from sitting.identity.key_sets import PublishedKeys
from sitting.identity.public_keys import ALGORITHMS, PublicKey
from sitting.kit.ids import ID_LIMIT, random_secret

ALGORITHM = "HS256"
MIN_SECRET_BYTES = 32
LEEWAY = timedelta(seconds=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says, its signature and times checked. One of `user_id` and `subject` is set."""

    user_id: int | None
    subject: str | None
    issued_at: datetime | None
    expires_at: datetime
    jti: str | None


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """What tokens are checked against.

    Attributes:
        secret: shared with whoever else mints tokens, at least 32 bytes.
        issuer, audience: required of a token where set.
        published: the keys of those who mint tokens without the secret; None: there are none.
    """

    secret: str
    issuer: str | None = None
    audience: str | None = None
    published: PublishedKeys | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if len(self.secret.encode()) < MIN_SECRET_BYTES:
            raise ValueError(f"the token secret needs at least {MIN_SECRET_BYTES} bytes")

    def __repr__(self) -> str:
        return "TokenKeys(…)"


def mint(keys: TokenKeys, user_id: int, *, now: datetime, lifetime: timedelta, role: str | None = None) -> str:
    """A token for that user. The role in it informs its reader; the roles of the database decide."""
    claims: dict[str, Any] = {
        "user_id": user_id,
        "jti": random_secret(),
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
        "iss": keys.issuer,
        "aud": keys.audience,
        "role": role,
    }
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, keys.secret, algorithm=ALGORITHM)


@dataclass(frozen=True, slots=True)
class KeyReference:
    """Which published key a token says it is signed with. Nothing of that is proved."""

    algorithm: str
    kid: str | None


def reference(token: str) -> KeyReference | None:
    """The published key that is needed to check the token; None for one that is signed with the secret.

    Whatever else its header has (a key, the address of one) is not looked at.

    Raises:
        NotAuthenticated: it is no token that could be checked.
    """
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError, TypeError, RecursionError):
        raise _invalid() from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm == ALGORITHM:
        return None
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or not isinstance(kid, str | None):
        raise _invalid()
    return KeyReference(algorithm, kid)


def read(keys: TokenKeys, token: str, *, now: datetime, key: PublicKey | None = None) -> Claims:
    """Check signature, times, issuer and audience.

    Args:
        key: the published key that the token refers to; None: the shared secret.

    Raises:
        NotAuthenticated: something is wrong with it; the message does not say what.
    """
    try:
        claims = jwt.decode(
            token,
            keys.secret if key is None else key.key,
            algorithms=[ALGORITHM if key is None else key.algorithm],
            issuer=keys.issuer,
            audience=keys.audience,
            # Times are held against our own clock, below.
            options={
                "require": ["exp"],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": keys.audience is not None,
            },
        )
        return _claims(claims, now)
    except (jwt.InvalidTokenError, jwt.InvalidKeyError, ValueError, TypeError, OverflowError, RecursionError):
        raise _invalid() from None


def _invalid() -> NotAuthenticated:
    return NotAuthenticated("This token is not valid.")


def _claims(claims: dict[str, Any], now: datetime) -> Claims:
    expires_at = _instant(claims["exp"])
    not_before = _instant(claims["nbf"]) if "nbf" in claims else None
    issued_at = _instant(claims["iat"]) if "iat" in claims else None
    if expires_at <= now - LEEWAY or (not_before is not None and not_before > now + LEEWAY):
        raise ValueError("not at this time")
    user_id, subject, jti = claims.get("user_id"), claims.get("sub"), claims.get("jti")
    if jti is not None:
        _check_text(jti)
    if user_id is None:
        _check_text(subject)
        return Claims(None, subject, issued_at, expires_at, jti)
    if not isinstance(user_id, int) or isinstance(user_id, bool) or not 1 <= user_id < ID_LIMIT:
        raise ValueError("user_id is no number of a user")
    return Claims(user_id, None, issued_at, expires_at, jti)


def _check_text(value: Any) -> None:
    """Refuse what no database could look up."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("not a text")
    value.encode()  # fails for half a surrogate pair


def _instant(value: Any) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a time is a number")
    return _EPOCH + timedelta(seconds=value)
