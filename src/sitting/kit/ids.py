"""Identifiers that outsiders see, and secrets that they hold."""

from __future__ import annotations

import secrets
from hashlib import sha256

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: nothing that looks like something else
SECRET_BYTES = 24
ID_LIMIT = 2**53
"""Numbers that identify are below this, so that a client that knows only floating point can hold them."""


def random_id(prefix: str, length: int) -> str:
    """An opaque identifier such as `q_7h2k…`: the prefix, an underscore, `length` random characters of 5 bits each."""
    return f"{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(length))}"


def derived_id(prefix: str, length: int, text: str) -> str:
    """An identifier of the same form that is always the same for the same text."""
    digest = int.from_bytes(sha256(text.encode()).digest())
    return f"{prefix}_{''.join(_ALPHABET[digest >> 5 * place & 31] for place in range(length))}"


def random_secret() -> str:
    """A secret of 192 random bits, safe in an address."""
    return secrets.token_urlsafe(SECRET_BYTES)
