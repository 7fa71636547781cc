"""Keep an image that questions may show."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.errors import InvalidMessage
from sitting.kit.canonical import sha256_hex
from sitting.storage.repositories.media import Medium
from sitting.storage.unit_of_work import Storage

MAX_MEDIA_BYTES = 2 * 1024 * 1024
IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""No SVG: it is a document, with scripts and links."""


async def store_media(storage: Storage, body: bytes, *, content_type: str, by: int | None, now: datetime) -> Medium:
    """Store the image under its SHA-256; one that is there already stays as it is.

    Raises:
        InvalidMessage: it is too large, of a type that is not taken, or of another one than was said.
    """
    if len(body) > MAX_MEDIA_BYTES:
        raise InvalidMessage("This image is too large.", max_bytes=MAX_MEDIA_BYTES)
    if content_type not in IMAGE_TYPES:
        raise InvalidMessage("Images are PNG, JPEG, GIF or WebP.", content_types=list(IMAGE_TYPES))
    found = image_type(body)
    if found != content_type:
        raise InvalidMessage("This is not an image of the type that was said.", said=content_type, found=found)
    medium = Medium(sha256_hex(body), content_type, body)
    async with storage.unit_of_work() as unit:
        await unit.media.add(medium, by=by, now=now)
    return medium


def image_type(body: bytes) -> str | None:
    """The type that the first bytes of an image tell; None if they tell none that is taken."""
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if body.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if body.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if body[:4] == b"RIFF" and body[8:12] == b"WEBP" else None
