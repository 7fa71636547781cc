"""Images of questions, each stored once under its own SHA-256. Rows never change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert as insert_or_ignore_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_or_ignore_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.errors import NotFound
from sitting.storage.tables import assessments, content_media, media, paper_questions


@dataclass(frozen=True, slots=True)
class Medium:
    """An image with its type (`image/png` …)."""

    sha256: str
    content_type: str
    body: bytes


class MediaRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, medium: Medium, *, by: int | None, now: datetime) -> None:
        """Store an image; one that is there stays as it is."""
        dialect = self._connection.dialect.name
        make = insert_or_ignore_postgresql if dialect == "postgresql" else insert_or_ignore_sqlite
        values = {
            "sha256": medium.sha256,
            "content_type": medium.content_type,
            "size": len(medium.body),
            "body": medium.body,
            "created_by": by,
            "created_at": now,
        }
        await self._connection.execute(make(media).values(values).on_conflict_do_nothing())

    async def select(self, sha256: str) -> Medium:
        """The image.

        Raises:
            NotFound: none is stored under this SHA-256.
        """
        statement = select(media.c.sha256, media.c.content_type, media.c.body).where(media.c.sha256 == sha256)
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            raise NotFound("There is no such image.")
        return Medium(*row)

    async def is_shown_to(self, user_id: int, sha256: str) -> bool:
        """Whether a paper of this person has a question that shows the image."""
        shown = (
            select(paper_questions.c.assessment_id)
            .join(assessments, assessments.c.id == paper_questions.c.assessment_id)
            .join(content_media, content_media.c.content_digest == paper_questions.c.content_digest)
            .where(assessments.c.user_id == user_id, content_media.c.sha256 == sha256)
        )
        return bool(await self._connection.scalar(select(exists(shown))))
