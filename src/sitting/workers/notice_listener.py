"""Hears what other nodes did, and tells the hub of this one. Losing it costs seconds, not promises."""

from __future__ import annotations

import asyncio
import random
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import structlog

from sitting.domain.errors import Unavailable
from sitting.storage.hub import Hub
from sitting.storage.notices import decode_notice
from sitting.usecases.services import Services

if TYPE_CHECKING:
    from sitting.storage.listening_postgresql import Listening

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 10.0

log = structlog.get_logger(__name__)


async def run_notice_listener(services: Services) -> None:
    """Listen, for ever, over a connection made anew after each loss; on SQLite there is nobody to listen to."""
    if services.storage.database.url.is_sqlite:
        return
    from sitting.storage.listening_postgresql import listening  # noqa: PLC0415  its driver is an extra

    storage, delay = services.storage, FIRST_DELAY_SECONDS
    while True:
        try:
            await _listen(services, listening(storage.database.url, lambda payload: hear(services, payload)))
            delay = FIRST_DELAY_SECONDS
        except Unavailable:
            log.warning("notices_not_heard")
        except Exception as fault:
            log.error("notices_not_heard", exc_info=fault)
        await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311  not all nodes at once, when it is back
        delay = min(2 * delay, LONGEST_DELAY_SECONDS)


async def _listen(services: Services, connecting: AbstractAsyncContextManager[Listening]) -> None:
    connected = services.metrics.listener_connected
    try:
        async with connecting as heard:
            connected.set(1)
            log.info("notices_heard")
            await heard.until_lost()
    finally:
        connected.set(0)
    log.warning("notices_not_heard")


def hear(services: Services, payload: str) -> None:
    """Pass on what another node said. Our own is known already; what no node says is nothing."""
    hub: Hub = services.storage.hub
    said = decode_notice(payload)
    if said is None:
        services.metrics.notices_ignored["unreadable"].inc()
    elif said[0] == hub.node_id:
        services.metrics.notices_ignored["own"].inc()
    else:
        services.metrics.notices_received.inc()
        hub.publish(said[1])
