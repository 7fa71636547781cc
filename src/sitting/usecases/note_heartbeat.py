"""Note that this node is alive, and the outage that ends with that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sitting.domain.outage import ABSURD_GAP, Outage, outage_before
from sitting.kit.clock import Clock
from sitting.storage.repositories.heartbeats import OwedOutage
from sitting.storage.unit_of_work import Storage


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A heartbeat that is committed.

    Attributes:
        taken_at: when it was stamped, in seconds of the caller's own clock.
        outage: the one that it ended, if this node was the first to see it.
        owed: the outages for which candidates have to get time back, in their order.
    """

    taken_at: float
    outage: Outage | None
    owed: tuple[OwedOutage, ...]


async def note_heartbeat(
    storage: Storage,
    node_id: str,
    *,
    clock: Clock,
    stopwatch: Callable[[], float],
    last_taken_at: float | None,
    is_serving: bool,
) -> Heartbeat:
    """Write one heartbeat, and in the same transaction the outage before it: whoever sees the one sees the other.

    Both clocks are read inside the transaction, together: waiting for the database must not look like a step of one.

    Args:
        stopwatch: seconds by a clock that nobody sets. last_taken_at: what it said at this node's last heartbeat.
        is_serving: whether the node lets candidates in.

    Raises:
        Unavailable: the database failed.
    """
    async with storage.unit_of_work() as unit:
        beats = unit.heartbeats
        earlier = await beats.last_beats()
        beat_at = await beats.beat(node_id, clock.now(), is_serving=is_serving)
        taken_at = stopwatch()
        elapsed = None if last_taken_at is None else timedelta(seconds=taken_at - last_taken_at)
        outage = outage_before(beat_at, earlier, elapsed, await beats.latest_nodes())
        is_new = outage is not None and await beats.record(outage)
        if last_taken_at is None:
            await beats.forget_nodes(beat_at - ABSURD_GAP)
        return Heartbeat(taken_at, outage if is_new else None, tuple(await beats.owed()))
