"""What contents mean: vectors of float32 numbers, the lowest byte first, by content and by the model that made them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import delete, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.storage.among import among
from sitting.storage.graph_tables import content_vectors
from sitting.storage.inserting import insert_into
from sitting.storage.tables import question_versions, questions


class VectorRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, model: str, vectors: Mapping[str, bytes]) -> None:
        """Keep these vectors, by the digests of contents that are stored; those that are there already stay."""
        table = content_vectors
        rows = [{"content_digest": digest, "model": model, "vector": vectors[digest]} for digest in sorted(vectors)]
        if rows:
            await self._connection.execute(insert_into(self._connection, table).on_conflict_do_nothing(), rows)

    async def of(self, model: str, digests: Collection[str]) -> dict[str, bytes]:
        """The vectors that this model has made of these contents, by digest."""
        table = content_vectors.c
        statement = select(table.content_digest, table.vector).where(
            table.model == model, among(self._connection, table.content_digest, digests)
        )
        return {row.content_digest: row.vector for row in await self._connection.execute(statement)}

    async def missing(self, model: str, limit: int) -> list[str]:
        """So many digests of questions of the bank, as they are now, that this model has made no vector of."""
        versions, table = question_versions.c, content_vectors.c
        current = (versions.question_id == questions.c.id) & (versions.version == questions.c.current_version)
        made = exists().where(table.content_digest == versions.content_digest, table.model == model)
        statement = select(versions.content_digest).join(questions, current).distinct()
        statement = statement.where(questions.c.archived_at.is_(None), ~made).limit(limit)
        return list(await self._connection.scalars(statement))

    async def drop(self, digests: Collection[str]) -> None:
        """Forget what these contents mean, by whatever model."""
        table = content_vectors
        await self._connection.execute(delete(table).where(among(self._connection, table.c.content_digest, digests)))
