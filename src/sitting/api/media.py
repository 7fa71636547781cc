"""Images that questions show, each under its SHA-256."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response, status

from sitting.api.problems import refusals
from sitting.api.security import Now, Parts, require
from sitting.domain.errors import NotFound
from sitting.identity.access import Action, may
from sitting.identity.identify import Identity
from sitting.usecases.read_media import read_media
from sitting.usecases.store_media import IMAGE_TYPES, store_media

router = APIRouter(prefix="/media", tags=["media"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_IMAGES = dict.fromkeys(IMAGE_TYPES, _BINARY)
# An image says nothing that a browser could run, whatever somebody has hidden in it, and never becomes another one.
_HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class StoredMedia:
    """A stored image. `markdown` shows it in a text; `alt` in it stands for a description."""

    sha256: str
    url: str
    content_type: str
    size: int
    markdown: str


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses=refusals(),
    openapi_extra={"requestBody": {"required": True, "content": _IMAGES}},
)
async def add_media(
    request: Request, services: Parts, now: Now, who: Annotated[Identity, require(Action.EDIT_BANK)]
) -> StoredMedia:
    """Store an image (PNG, JPEG, GIF or WebP, 2 MiB at most); the same image again gives the same answer."""
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    stored = await store_media(services.storage, await request.body(), content_type=said, by=who.user_id, now=now)
    return StoredMedia(
        sha256=stored.sha256,
        url=f"/api/v1/media/{stored.sha256}",
        content_type=stored.content_type,
        size=len(stored.body),
        markdown=f"![alt](media:{stored.sha256})",
    )


@router.get(
    "/{sha256}",
    response_class=Response,
    responses={200: {"description": "The image.", "content": _IMAGES}, **refusals(NotFound)},
)
async def show_media(
    services: Parts,
    who: Annotated[Identity, require(Action.TAKE_TESTS)],
    sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$")],
) -> Any:
    """An image: any for those who may read the bank, for others those that a paper of theirs shows."""
    found = await read_media(services.storage, sha256, user_id=who.user_id, any_image=may(who, Action.READ_BANK))
    return Response(found.body, headers=_HEADERS, media_type=found.content_type)
