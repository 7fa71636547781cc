"""One spelling for each value: JSON whose bytes can be hashed, stored and made again."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no white space, of a dataclass or of plain containers."""
    return msgspec.json.encode(value, order="sorted")


def is_storable(text: str) -> bool:
    """Whether both databases can keep it: it holds neither NUL nor half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def sha256_hex(data: bytes) -> str:
    """The SHA-256 of `data` as 64 hexadecimal characters."""
    return hashlib.sha256(data).hexdigest()
