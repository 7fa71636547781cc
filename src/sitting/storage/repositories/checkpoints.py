"""How far the graphs of runs are: bytes, of which only the saver knows what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.storage.among import among
from sitting.storage.graph_tables import run_checkpoints, run_writes
from sitting.storage.inserting import insert_into


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A state of a graph, in a namespace of its run ("" is the graph itself, others are graphs within it).

    Attributes:
        parent_id: the checkpoint before it.
        encoding: of `body`, as the saver names it.
    """

    run_id: str
    namespace: str
    checkpoint_id: str
    parent_id: str | None
    encoding: str
    body: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class StoredWrite:
    """What a task of the step behind a checkpoint has brought already.

    Attributes:
        place: among the writes of the task; below 0: a special one, of which a later one replaces an earlier.
    """

    task_id: str
    place: int
    task_path: str
    channel: str
    encoding: str
    body: bytes


class CheckpointRepository:
    """Whoever writes holds the run (`RunRepository.hold`), so that numbers are given out one by one."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, made: StoredCheckpoint) -> None:
        """Store a checkpoint as the newest of its run; one that is there keeps its place and gets this content."""
        table = run_checkpoints
        last = await self._connection.scalar(select(func.max(table.c.number)).where(table.c.run_id == made.run_id))
        content = {name: getattr(made, name) for name in ("parent_id", "encoding", "body", "created_at")}
        key = {name: getattr(made, name) for name in ("run_id", "namespace", "checkpoint_id")}
        statement = insert_into(self._connection, table).values(**key, number=(last or 0) + 1, **content)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=content))

    async def put_writes(self, run_id: str, namespace: str, checkpoint_id: str, writes: Sequence[StoredWrite]) -> None:
        """Store what a task brought. What it brought before stays, but for special writes."""
        key = {"run_id": run_id, "namespace": namespace, "checkpoint_id": checkpoint_id}
        rows = [(key | {name: getattr(write, name) for name in StoredWrite.__slots__}, write.place) for write in writes]
        ordinary = [row for row, place in rows if place >= 0]
        if ordinary:
            await self._connection.execute(insert_into(self._connection, run_writes).on_conflict_do_nothing(), ordinary)
        for row in (row for row, place in rows if place < 0):
            statement = insert_into(self._connection, run_writes).values(row)
            elements = [*key, "task_id", "place"]
            await self._connection.execute(statement.on_conflict_do_update(index_elements=elements, set_=row))

    async def find(self, run_id: str, namespace: str, checkpoint_id: str | None = None) -> StoredCheckpoint | None:
        """That checkpoint, or the newest one of the namespace; None if there is none."""
        found = await self.list(run_id, namespace, checkpoint_id=checkpoint_id, limit=1)
        return found[0] if found else None

    async def list(
        self,
        run_id: str,
        namespace: str | None = None,
        *,
        checkpoint_id: str | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> Sequence[StoredCheckpoint]:
        """Checkpoints of a run, the newest first; None asks for nothing.

        Args:
            before: only those older than this one.
        """
        table = run_checkpoints
        statement = select(table).where(table.c.run_id == run_id).order_by(table.c.number.desc()).limit(limit)
        for column, value in ((table.c.namespace, namespace), (table.c.checkpoint_id, checkpoint_id)):
            if value is not None:
                statement = statement.where(column == value)
        if before is not None:
            other = table.alias()
            its = select(func.min(other.c.number)).where(other.c.run_id == run_id, other.c.checkpoint_id == before)
            statement = statement.where(table.c.number < its.scalar_subquery())
        rows = await self._connection.execute(statement)
        return [StoredCheckpoint(**{name: row._mapping[name] for name in StoredCheckpoint.__slots__}) for row in rows]

    async def writes(self, run_id: str, namespace: str, checkpoint_id: str) -> Sequence[StoredWrite]:
        """What tasks have brought behind that checkpoint, in the order in which LangGraph takes it in."""
        table = run_writes
        statement = select(*(table.c[name] for name in StoredWrite.__slots__)).where(
            table.c.run_id == run_id, table.c.namespace == namespace, table.c.checkpoint_id == checkpoint_id
        )
        found = [StoredWrite(*row) for row in await self._connection.execute(statement)]
        # Not by the database, whose order of texts may be that of a language.
        return sorted(found, key=lambda each: (each.task_path, each.task_id, each.place))

    async def keep_newest(self, run_id: str) -> None:
        """Drop all but the newest checkpoint of each namespace: a run is resumed, and never wound back."""
        table = run_checkpoints
        newest = select(func.max(table.c.number)).where(table.c.run_id == run_id).group_by(table.c.namespace)
        numbers = list(await self._connection.scalars(newest))
        await self._connection.execute(delete(table).where(table.c.run_id == run_id, table.c.number.not_in(numbers)))
        kept = select(table.c.namespace, table.c.checkpoint_id).where(table.c.run_id == run_id)
        place = tuple_(run_writes.c.namespace, run_writes.c.checkpoint_id)
        await self._connection.execute(delete(run_writes).where(run_writes.c.run_id == run_id, place.not_in(kept)))

    async def forget(self, *run_ids: str) -> None:
        """Drop all checkpoints of these runs, and what their tasks brought."""
        for table in (run_writes, run_checkpoints):
            await self._connection.execute(delete(table).where(among(self._connection, table.c.run_id, run_ids)))
