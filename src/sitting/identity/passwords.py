"""Passwords: Argon2id with the library's own settings (RFC 9106, low-memory profile)."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sitting.domain.errors import InvalidMessage

MIN_LENGTH = 10
MAX_LENGTH = 512
_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """The string to store. Takes tens of milliseconds: call it in a thread.

    Raises:
        InvalidMessage: the password is too short, too long, or no text.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidMessage(f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters.", field="password")
    try:
        return _hasher.hash(password)
    except UnicodeEncodeError:
        raise InvalidMessage("This password cannot be written down.", field="password") from None


def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password fits; a user without one costs the same time. Call it in a thread."""
    try:
        _hasher.verify(stored or _nobodys(), password[:MAX_LENGTH])
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
    return bool(stored) and len(password) <= MAX_LENGTH


@cache
def _nobodys() -> str:
    """A hash to verify against where there is none. Made when first needed: hashing is slow by intent."""
    return _hasher.hash("nobody's password")
