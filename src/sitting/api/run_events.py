"""How far a run is, as server-sent events, whichever node works on it: what goes out is read from its row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter

from sitting.api.run_bodies import ShownRun, shown_run
from sitting.domain.errors import NotFound, Unavailable
from sitting.domain.run import Run
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.identity.standing import lost_access
from sitting.usecases.services import Services

LOOK_SECONDS = 0.5
ACCESS_SECONDS = 5.0
SILENCE_SECONDS = 15.0
LONGEST_SECONDS = 3600.0
_RUN = TypeAdapter(ShownRun)
_COME_BACK = b"retry: 2000\n\n"
_STILL_THERE = b": still there\n\n"


class EventStream(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


def event_stream(services: Services, who: Identity, run: Run) -> EventStream:
    """Events `run`, each the whole run as it stands, at once and whenever it changes; `end` is the last of a run.

    The stream ends without `end` after an hour, when the node stops, when the database fails, and when the caller may
    not read on: who wants to know more asks again.
    """
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventStream(_events(services, who, run), headers=headers)


async def _events(services: Services, who: Identity, run: Run) -> AsyncIterator[bytes]:
    yield _COME_BACK
    clock = asyncio.get_running_loop().time
    said, said_at, began, looked_at = b"", clock(), clock(), clock()
    while True:
        news = _RUN.dump_json(shown_run(run))
        if run.status.is_over:
            yield _event(b"end", news)
            return
        if news != said:
            said, said_at = news, clock()
            yield _event(b"run", news)
        elif clock() - said_at > SILENCE_SECONDS:
            said_at = clock()
            yield _STILL_THERE
        await asyncio.sleep(LOOK_SECONDS)
        if services.node.is_draining or clock() - began > LONGEST_SECONDS:
            return
        try:
            if clock() - looked_at > ACCESS_SECONDS:
                looked_at = clock()
                if await lost_access(services.storage, [who], Action.READ_BANK):
                    return
            async with services.storage.reading() as unit:
                run = await unit.runs.select(run.run_id)
        except (NotFound, Unavailable):
            return


def _event(kind: bytes, data: bytes) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind, data)
