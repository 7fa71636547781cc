"""When nodes were alive, and the outages in which none was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.outage import NodeBeat, Outage
from sitting.kit.canonical import canonical_json
from sitting.storage.tables import node_heartbeats, outages


@dataclass(frozen=True, slots=True)
class OwedOutage:
    """An outage for which not everybody may have got their time back yet."""

    outage_id: int
    outage: Outage


class HeartbeatRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite

    async def last_beats(self) -> dict[str, NodeBeat]:
        """The last heartbeat of every node, by node."""
        rows = await self._connection.execute(select(node_heartbeats))
        return {row.node_id: NodeBeat(row.beat_at, row.is_serving) for row in rows}

    async def beat(self, node_id: str, now: datetime, *, is_serving: bool) -> datetime:
        """Note that the node is alive; returns when: by the database's clock on PostgreSQL, else `now`."""
        shared = self._connection.dialect.name == "postgresql"
        at: ColumnElement[datetime] = func.clock_timestamp() if shared else literal(now, node_heartbeats.c.beat_at.type)
        statement = self._insert(node_heartbeats).values(node_id=node_id, beat_at=at, is_serving=is_serving)
        fresh = {"beat_at": statement.excluded.beat_at, "is_serving": statement.excluded.is_serving}
        beat_at: datetime | None = await self._connection.scalar(
            statement.on_conflict_do_update(index_elements=["node_id"], set_=fresh).returning(node_heartbeats.c.beat_at)
        )
        assert beat_at is not None
        return beat_at

    async def forget_nodes(self, before: datetime) -> None:
        """Drop nodes that have not been alive since then."""
        await self._connection.execute(delete(node_heartbeats).where(node_heartbeats.c.beat_at < before))

    async def record(self, outage: Outage) -> bool:
        """Note an outage; false if another node has noted one that began then, which stands."""
        statement = self._insert(outages).values(
            began_at=outage.began_at,
            ended_at=outage.ended_at,
            nodes=canonical_json(sorted(outage.nodes)).decode(),
        )
        made = await self._connection.scalar(
            statement.on_conflict_do_nothing(index_elements=["began_at"]).returning(outages.c.id)
        )
        return made is not None

    async def latest_nodes(self) -> frozenset[str]:
        """Who was alive before the newest outage; nobody if there was none."""
        nodes = await self._connection.scalar(select(outages.c.nodes).order_by(outages.c.began_at.desc()).limit(1))
        return _nodes(nodes or "[]")

    async def owed(self) -> list[OwedOutage]:
        """Outages that are not settled, in their order."""
        statement = select(outages).where(outages.c.credited_at.is_(None)).order_by(outages.c.began_at)
        return [
            OwedOutage(row.id, Outage(row.began_at, row.ended_at, _nodes(row.nodes)))
            for row in await self._connection.execute(statement)
        ]

    async def settle(self, outage_id: int, now: datetime) -> None:
        """Everybody has their time back."""
        await self._connection.execute(
            update(outages).where(outages.c.id == outage_id, outages.c.credited_at.is_(None)).values(credited_at=now)
        )


def _nodes(text: str) -> frozenset[str]:
    return frozenset(msgspec.json.decode(text, type=list[str]))
