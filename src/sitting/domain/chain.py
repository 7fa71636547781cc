"""The hash chain of an assessment's log. Its format is fixed for good: docs/decisions/0002-event-chain.md.

hash  = SHA-256(field(format) ‖ field(previous hash) ‖ field(assessment_id) ‖ field(seq) ‖ field(type)
                ‖ field(microseconds) ‖ field(inner))
inner = SHA-256(salt ‖ payload)
field(x) = length of x as four bytes ‖ x

Numbers are unsigned and big-endian, of eight bytes; microseconds count from 1970-01-01 UTC.
"""

from __future__ import annotations

import secrets
import struct
from datetime import datetime
from hashlib import sha256

from sitting.kit.clock import to_microseconds
from sitting.kit.value import Value

FORMAT = b"sitting.event/1"
GENESIS = bytes(32)
SALT_BYTES = 16

_LENGTH = struct.Struct(">I")
_NUMBER_FIELD = struct.Struct(">IQ")
_NUMBERS = struct.Struct(">IQIQ")  # two of them


class SealedEvent(Value, frozen=True):
    """One entry of an assessment's log, as it is stored.

    Attributes:
        payload: the exact bytes that were hashed; None once erased. So is salt (16 bytes).
        inner: SHA-256 of salt and payload, 32 bytes; it outlives an erasure.
        hash: 32 bytes, over everything above and the previous entry's hash.
    """

    assessment_id: int
    seq: int
    type: str
    occurred_at: datetime
    salt: bytes | None
    payload: bytes | None
    inner: bytes
    hash: bytes


def _field(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


_FORMAT_FIELD = _field(FORMAT)


def inner_digest(salt: bytes, payload: bytes) -> bytes:
    """The digest that stands for a payload in the chain, 32 bytes."""
    return sha256(salt + payload).digest()


def event_hash(previous: bytes, assessment_id: int, seq: int, type_: str, occurred_at: datetime, inner: bytes) -> bytes:
    """The hash of one entry, 32 bytes, by the formula at the head of this module."""
    fields = (
        _FORMAT_FIELD,
        _field(previous),
        _NUMBERS.pack(8, assessment_id, 8, seq),
        _field(type_.encode()),
        _NUMBER_FIELD.pack(8, to_microseconds(occurred_at)),
        _field(inner),
    )
    return sha256(b"".join(fields)).digest()


def seal(
    previous: bytes, assessment_id: int, seq: int, type_: str, occurred_at: datetime, payload: bytes
) -> SealedEvent:
    """Make the entry that follows the one whose hash is `previous` (GENESIS before the first)."""
    salt = secrets.token_bytes(SALT_BYTES)
    inner = inner_digest(salt, payload)
    hash_ = event_hash(previous, assessment_id, seq, type_, occurred_at, inner)
    return SealedEvent(assessment_id, seq, type_, occurred_at, salt, payload, inner, hash_)
