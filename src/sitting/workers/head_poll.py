"""Asks how far the logs have come that sockets of this node work on, since notices of other nodes may be lost."""

from __future__ import annotations

import asyncio

import structlog

from sitting.domain.errors import SittingError
from sitting.storage.hub import Change
from sitting.storage.unit_of_work import Storage
from sitting.usecases.services import Services

INTERVAL_SECONDS = 5.0
CHUNK = 500

log = structlog.get_logger(__name__)


async def run_head_poll(services: Services) -> None:
    """Ask every 5 s, for ever; a failure is logged and the next time makes up for it. On SQLite nobody else writes."""
    if services.storage.database.url.is_sqlite:
        return
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        outcome = "failed"
        try:
            await poll_heads(services.storage)
            outcome = "done"
        except SittingError as error:
            log.warning("heads_not_polled", code=error.code)
        except Exception as fault:
            log.error("heads_not_polled", exc_info=fault)
        services.metrics.head_polls[outcome].inc()


async def poll_heads(storage: Storage) -> None:
    """Tell the hub of the newest entry of every log that somebody listens to; who knows it already looks at nothing.

    Raises:
        Unavailable: the database cannot be reached.
    """
    held = storage.hub.subscribed()
    if not held:
        return
    heads: dict[int, int] = {}
    async with storage.reading() as unit:
        for first in range(0, len(held), CHUNK):
            heads |= await unit.events.heads(held[first : first + CHUNK])
    for assessment_id, seq in heads.items():
        storage.hub.publish(Change(assessment_id, seq))
