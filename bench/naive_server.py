"""The way in which one would write it first: FastAPI, one SQLAlchemy session and one commit per message.

It keeps an entry of a log and the current answer, durably, and nothing else: no hash, no judgement, nobody is asked who
they are. `python -m bench.naive_server PORT DATABASE_URL`, the address as Sitting takes it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, WebSocket
from pydantic import BaseModel
from sqlalchemy import DateTime, String, event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.websockets import WebSocketDisconnect

from bench.echo_server import serve_asgi
from sitting.storage.database import SQLITE_PRAGMAS
from sitting.storage.url import DatabaseUrl


class Base(DeclarativeBase):
    pass


class Event(Base):
    __tablename__ = "naive_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    assessment_id: Mapped[int] = mapped_column(index=True)
    type: Mapped[str] = mapped_column(String(30))
    payload: Mapped[str] = mapped_column(String)
    occurred_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Response(Base):
    __tablename__ = "naive_responses"

    assessment_id: Mapped[int] = mapped_column(primary_key=True)
    question_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    selected_option: Mapped[str | None] = mapped_column(String)
    answered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Answer(BaseModel):
    question_id: str
    selected_option: str | None
    client_id: str
    client_seq: int


class Message(BaseModel):
    type: str
    data: Answer


def make_app(url: str) -> FastAPI:
    """The application over the database at `url`, whose tables it makes."""
    engine = _engine(DatabaseUrl.parse(url))
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        yield
        await engine.dispose()

    app = FastAPI(lifespan=life)

    @app.websocket("/ws/{assessment_id}")
    async def answers(socket: WebSocket, assessment_id: int) -> None:
        await socket.accept()
        try:
            while True:
                message = Message.model_validate(await socket.receive_json())
                async with sessions() as session:
                    saved = await _save(session, assessment_id, message.data)
                await socket.send_json({"type": "answer_saved", "data": saved})
        except WebSocketDisconnect:
            return

    return app


async def _save(session: AsyncSession, assessment_id: int, answer: Answer) -> dict[str, Any]:
    now = datetime.now(UTC)
    payload = json.dumps(answer.model_dump())
    entry = Event(assessment_id=assessment_id, type="answered", payload=payload, occurred_at=now)
    session.add(entry)
    await session.merge(
        Response(
            assessment_id=assessment_id,
            question_id=answer.question_id,
            selected_option=answer.selected_option,
            answered_at=now,
        )
    )
    await session.commit()
    return {**answer.model_dump(), "seq": entry.id, "saved_at": now.isoformat()}


def _engine(url: DatabaseUrl) -> AsyncEngine:
    """As the manual says, but that nobody waits in vain for one of the connections."""
    engine = create_async_engine(url.for_engine, pool_timeout=120)
    if url.is_sqlite:

        def prepare(connection: Any, _record: Any) -> None:
            for pragma in (*SQLITE_PRAGMAS, "PRAGMA busy_timeout = 60000"):
                connection.execute(pragma).close()

        event.listen(engine.sync_engine, "connect", prepare)
    return engine


if __name__ == "__main__":
    serve_asgi(make_app(sys.argv[2]), int(sys.argv[1]))
