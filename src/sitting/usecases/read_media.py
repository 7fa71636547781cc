"""Look at an image of a question."""

from __future__ import annotations

from sitting.domain.errors import NotFound
from sitting.storage.repositories.media import Medium
from sitting.storage.unit_of_work import Storage


async def read_media(storage: Storage, sha256: str, *, user_id: int, any_image: bool) -> Medium:
    """The image: for `any_image` whichever, for others one that a paper of theirs shows.

    Raises:
        NotFound: there is none, or not for this person.
    """
    async with storage.reading() as unit:
        if not any_image and not await unit.media.is_shown_to(user_id, sha256):
            raise NotFound("There is no such image.")
        return await unit.media.select(sha256)
