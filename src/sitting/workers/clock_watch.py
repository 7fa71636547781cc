"""Compares our clock with PostgreSQL's: all nodes must go by the same time."""

from __future__ import annotations

import asyncio

import structlog

from sitting.domain.errors import Unavailable
from sitting.storage.clocks import MAX_CLOCK_DIFFERENCE, clock_difference
from sitting.usecases.services import Services

INTERVAL_SECONDS = 30.0

log = structlog.get_logger(__name__)


async def run_clock_watch(services: Services) -> None:
    """Compare every 30 s, for ever; the first time is the caller's."""
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        try:
            await compare_clocks(services)
        except Exception as fault:
            log.error("clock_not_compared", exc_info=fault)


async def compare_clocks(services: Services) -> None:
    """Note how far they differ. Without an answer the last difference stays; on SQLite there is one clock only."""
    database = services.storage.database
    if database.url.is_sqlite:
        return
    try:
        difference = await clock_difference(database, services.clock)
    except Unavailable:
        return
    services.node.clock_difference = difference
    services.metrics.clock_differs(difference)
    if abs(difference) > MAX_CLOCK_DIFFERENCE:
        log.error("clocks_differ", seconds=round(difference.total_seconds(), 3))
