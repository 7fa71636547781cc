"""Answers kept under the key that a request carried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.errors import Conflict
from sitting.kit.canonical import sha256_hex
from sitting.storage.tables import idempotency_keys as kept

LIFETIME = timedelta(hours=24)
PRUNED_AT_ONCE = 100


class StillInProgress(Conflict):
    """The first request under this key has not ended yet."""

    retryable = True


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request under a key of its sender's choosing.

    Attributes:
        digest: SHA-256, in hex, of all that was sent beside method and path.
        at: when it came.
    """

    user_id: int
    key: str
    method: str
    path: str
    digest: str
    at: datetime


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What a request was answered with."""

    status: int
    content_type: str | None
    body: bytes


class IdempotencyRepository:
    """One row for each key of a user; none without an answer."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, request: KeyedRequest) -> KeptAnswer | None:
        """What the same request was answered with before; None if its key is new, or old enough to be used again.

        Raises:
            Conflict: the key came with another request.
        """
        statement = select(kept).where(
            kept.c.user_id == request.user_id, kept.c.key == request.key, kept.c.created_at > request.at - LIFETIME
        )
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            return None
        if (row.method, row.path, row.request_digest) != (request.method, request.path, request.digest):
            raise Conflict("This Idempotency-Key was used for another request.", reason="key_reused")
        return KeptAnswer(row.status, row.content_type, row.body)

    async def claim(self, request: KeyedRequest) -> None:
        """Keep all others with this key out until the end of the transaction.

        On SQLite whoever writes is alone already, and others wait their turn.

        Raises:
            StillInProgress: another transaction has the key.
        """
        if self._connection.dialect.name == "sqlite":
            return
        lock = func.pg_try_advisory_xact_lock(_lock_number(request))
        if not await self._connection.scalar(select(lock)):
            raise StillInProgress("The first request with this Idempotency-Key is not done yet.", reason="in_progress")

    async def keep(self, request: KeyedRequest, answer: KeptAnswer) -> None:
        """Store the answer, and drop some that have expired."""
        await self._connection.execute(
            delete(kept).where(kept.c.user_id == request.user_id, kept.c.key == request.key)  # an expired one
        )
        await self._connection.execute(
            insert(kept).values(
                user_id=request.user_id,
                key=request.key,
                method=request.method,
                path=request.path,
                request_digest=request.digest,
                status=answer.status,
                content_type=answer.content_type,
                body=answer.body,
                created_at=request.at,
            )
        )
        await self._prune(request.at - LIFETIME)

    async def _prune(self, until: datetime) -> None:
        """Rows that another transaction is dropping are left to it: nobody waits, and nobody waits in a circle."""
        id_ = tuple_(kept.c.user_id, kept.c.key)
        expired = select(kept.c.user_id, kept.c.key).where(kept.c.created_at <= until).limit(PRUNED_AT_ONCE)
        await self._connection.execute(delete(kept).where(id_.in_(expired.with_for_update(skip_locked=True))))


def _lock_number(request: KeyedRequest) -> int:
    """A lock's 64 bits. Two keys that share them get in each other's way for a moment, and nothing worse."""
    digest = sha256_hex(f"{request.user_id}:{request.key}".encode())
    return int.from_bytes(bytes.fromhex(digest[:16]), signed=True)
