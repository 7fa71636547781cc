"""Telling the other nodes, with the commit."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.storage.notices import CHANNEL

_SEND = text("SELECT count(pg_notify(:channel, said)) FROM unnest(:payloads) AS said").bindparams(
    bindparam("payloads", type_=ARRAY(Text))
)


class NoticeRepository:
    """PostgreSQL only: SQLite has one process, and nobody to tell."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def send(self, payloads: Sequence[str]) -> None:
        """Have these said to all nodes if this transaction commits, and not before."""
        await self._connection.execute(_SEND, {"channel": CHANNEL, "payloads": list(payloads)})
