"""Hostile frames against all of Sitting in process: what they may do, and what must stay as it is."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any
from urllib.parse import quote

import structlog
from sqlalchemy import select

from sitting.delivery.endpoint import PATH, AssessmentEndpoint
from sitting.delivery.socket import Message
from sitting.domain.assessment import Status
from sitting.identity.tokens import mint
from sitting.storage.tables import assessments, metadata
from sitting.storage.unit_of_work import Storage
from sitting.usecases.services import Services
from sitting.usecases.verify_log import verify_log
from tests.support.builders import Seat, seated
from tests.support.clock import ManualClock
from tests.support.hostile_frames import Names, hostile_frames, is_refused
from tests.support.rest import KEYS, make_services

PACE = timedelta(milliseconds=100)  # between frames, so that no limit is what turns them away
ALIVE = '{"type":"heartbeat","id":"still there"}'
GOOD_CODES = {4001, 4003, 4004, 4008, 4009, 4010, 4029, 1003, 1009, 1012, 1013}


@dataclass
class Report:
    """What a run came to.

    Attributes:
        refused: of the frames no command could be read; they must have changed nothing at all.
        replies: what the server said, by type, or by code of an error. closes: by close code.
    """

    frames: int = 0
    refused: int = 0
    replies: Counter[str] = field(default_factory=Counter)
    closes: Counter[str] = field(default_factory=Counter)


class Gone(Exception):
    """The server closed the socket with that code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class WireEnd:
    """The client's side of a socket that is served in process."""

    def __init__(self, endpoint: AssessmentEndpoint, query: str, report: Report, *, address: str = "127.0.0.1") -> None:
        self._in: asyncio.Queue[Message] = asyncio.Queue()
        self._out: asyncio.Queue[Message] = asyncio.Queue()
        self._report = report
        scope: Message = {
            "type": "websocket",
            "path": PATH,
            "query_string": quote(query, safe="=").encode(),
            "subprotocols": ["sitting.v1"],
            "headers": [],
            "client": (address, 1),
        }
        self._in.put_nowait({"type": "websocket.connect"})
        self._served = asyncio.create_task(endpoint(scope, self._in.get, self._out.put))

    async def say(self, text: str) -> None:
        self._in.put_nowait({"type": "websocket.receive", "text": text})

    async def hear(self) -> dict[str, Any]:
        """The next frame.

        Raises:
            Gone: there is none, the socket was closed.
        """
        message = await asyncio.wait_for(self._out.get(), 20)
        if message["type"] == "websocket.accept":
            return await self.hear()
        if message["type"] == "websocket.close":
            self._report.closes[str(message["code"])] += 1
            assert message["code"] in GOOD_CODES, message
            await self._served
            raise Gone(message["code"])
        frame: dict[str, Any] = json.loads(message["text"])
        kind = frame["data"]["code"] if frame["type"] == "error" else frame["type"]
        self._report.replies[kind] += 1
        assert kind != "internal_error", frame
        return frame

    async def answered(self, text: str) -> None:
        """Say that, and hear all that comes of it."""
        await self.say(text)
        await self.say(ALIVE)
        while (await self.hear()).get("reply_to") != "still there":
            pass

    async def say_json(self, type_: str, **data: Any) -> None:
        await self.say(json.dumps({"type": type_, "data": data}))

    async def last_words(self) -> int:
        """Hear whatever comes until the server closes, which it must; with which code."""
        while True:
            try:
                await self.hear()
            except Gone as gone:
                return gone.code

    async def leave(self) -> None:
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self._served


@dataclass
class Arena:
    """A hostile candidate, before a server over `storage` where others are at work too."""

    storage: Storage
    services: Services
    clock: ManualClock
    endpoint: AssessmentEndpoint
    own: Seat
    other: Seat
    report: Report = field(default_factory=Report)

    @property
    def names(self) -> Names:
        questions = self.own.live.paper.questions
        options = [option for question in questions for option in question.option_order]
        others = [self.other.assessment_id, self.other.live.assessment.application_id]
        return Names([question.question_id for question in questions], options, [self.own.assessment_id], others)

    def connect(self) -> WireEnd:
        user_id = self.own.live.assessment.user_id
        token = mint(KEYS, user_id, now=self.clock.now(), lifetime=timedelta(hours=1))
        return WireEnd(self.endpoint, f"token={token}", self.report)

    async def resumed(self) -> WireEnd:
        wire = self.connect()
        await wire.answered(f'{{"type":"resume_assessment","data":{{"assessment_id":{self.own.assessment_id}}}}}')
        return wire

    async def state(self, *, without_own: bool) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table; `without_own` leaves out the assessment of the hostile candidate."""
        return await whole_state(self.storage, without=self.own.assessment_id if without_own else None)


async def whole_state(storage: Storage, *, without: int | None = None) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, but for what belongs to the assessment `without`."""
    found: dict[str, list[dict[str, Any]]] = {}
    async with storage.database.reading() as connection:
        for table in metadata.sorted_tables:
            owner = "id" if table is assessments else "assessment_id"
            result = await connection.execute(select(table).order_by(*table.primary_key.columns))
            rows = map(dict, result.mappings().all())
            found[table.name] = [row for row in rows if without is None or row.get(owner) != without]
    return found


@asynccontextmanager
async def arena(storage: Storage, report: Report | None = None) -> AsyncIterator[Arena]:
    """One hostile candidate and one other, each with an assessment that no clock ends; counted is into `report`."""
    clock = ManualClock()
    services = make_services(storage, clock)
    own = await seated(storage, 6, time_limit_minutes=None)
    other = await seated(storage, 6, time_limit_minutes=None)
    await other.answer(1)
    yield Arena(storage, services, clock, AssessmentEndpoint(services), own, other, report or Report())


async def refused_frames(arena: Arena, number: int, seed: int) -> None:
    """So many frames from which no command can be read: each is answered, and no row of any table changes."""
    frames = (frame for frame in hostile_frames(Random(seed), arena.names) if is_refused(frame))
    wire = await arena.resumed()
    before = await arena.state(without_own=False)
    for frame in itertools.islice(frames, number):
        arena.clock.advance(milliseconds=PACE.total_seconds() * 1000)
        errors = arena.report.replies.total() - arena.report.replies["pong"]
        await wire.answered(frame)
        assert arena.report.replies.total() - arena.report.replies["pong"] == errors + 1, frame
        arena.report.frames += 1
        arena.report.refused += 1
    assert await arena.state(without_own=False) == before
    await wire.leave()


async def any_frames(arena: Arena, number: int, seed: int) -> None:
    """So many frames of all kinds: whatever comes of them, nobody else's rows change, and the own log stays whole."""
    frames = hostile_frames(Random(seed), arena.names)
    wire = await arena.resumed()
    before = await arena.state(without_own=True)
    for frame in itertools.islice(frames, number):
        arena.clock.advance(milliseconds=PACE.total_seconds() * 1000)
        arena.report.frames += 1
        arena.report.refused += is_refused(frame)
        try:
            await wire.answered(frame)
        except Gone:
            wire = await arena.resumed()
    assert await arena.state(without_own=True) == before
    await wire.leave()
    await check_whole(arena)


async def check_whole(arena: Arena) -> None:
    """The audit finds nothing, and the assessment can go on."""
    async for verified in verify_log(arena.storage.database, None):
        assert verified.broken is None, verified
    async with arena.storage.reading() as unit:
        live = await unit.load(arena.own.assessment_id)
    assert live.state.status in (Status.STARTED, Status.IN_PROGRESS)


@contextmanager
def overheard(secrets: Iterator[str] | list[str]) -> Iterator[None]:
    """Whatever is logged in the block has no traceback, and none of these secrets."""
    records: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(f"{record.getMessage()} {record.exc_info or ''}")  # type: ignore[method-assign]
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        with structlog.testing.capture_logs() as entries:
            yield
    finally:
        root.removeHandler(handler)
    faults = [entry for entry in entries if entry.get("exc_info")] + [text for text in records if "Traceback" in text]
    assert faults == []
    said = " ".join([*map(str, entries), *records])
    assert [secret for secret in secrets if len(secret) > 8 and secret in said] == []
