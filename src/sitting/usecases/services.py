"""What app hands to every way in."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta

from sitting.domain.outage import LONGEST_GAP
from sitting.identity.limits import Limits
from sitting.identity.signer import Signer
from sitting.identity.tokens import TokenKeys
from sitting.kit.clock import Clock
from sitting.kit.ids import random_id
from sitting.metrics import Metrics
from sitting.storage.unit_of_work import Storage
from sitting.usecases.admission import Admission


@dataclass(slots=True)
class NodeState:
    """How this node stands, besides its database.

    Attributes:
        is_draining: it is about to stop; nobody new is to be sent here.
        clock_difference: how far PostgreSQL's clock was ahead of ours when they were last compared; None: never yet.
        file: device and inode of the SQLite file at the first look; None before it.
        looking: the look at the database that is under way, if one is.
        node_id: names this process in heartbeats and in the attachments whose sockets it holds.
        beat_taken_at: when the last heartbeat was committed, by `time.monotonic`; None: never yet.
        owes_time: there was an outage, and not everybody may have got their time back yet.
    """

    is_draining: bool = False
    clock_difference: timedelta | None = None
    file: tuple[int, int] | None = None
    looking: asyncio.Task[str | None] | None = None
    node_id: str = field(default_factory=lambda: random_id("n", 12))
    beat_taken_at: float | None = None
    owes_time: bool = False

    @property
    def knows_the_time(self) -> bool:
        """Whether every deadline stands in the log: no outage may be going on unseen, and none is owed for."""
        if self.beat_taken_at is None or self.owes_time:
            return False
        return time.monotonic() - self.beat_taken_at <= LONGEST_GAP.total_seconds()


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one process takes on.

    Attributes:
        max_connections: open sockets; one more is told to come back later.
        messages_per_second: what one socket may send for ever; ten times as many at once.
    """

    max_connections: int = 10_000
    messages_per_second: int = 30


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that the ways in work with.

    Attributes:
        public_url: scheme and host under which candidates reach us, without a slash at the end; None: as requested.
        allowed_origins: exact origins that may use a browser's cookie beside our own.
        metrics_token: who shows it may read the metrics; None: whoever asks from this machine.
        limits: who tried what how often. admission: lets starts in.
    """

    storage: Storage
    keys: TokenKeys
    signer: Signer
    clock: Clock
    public_url: str | None = None
    allowed_origins: frozenset[str] = field(default_factory=frozenset)
    metrics_token: str | None = None
    node: NodeState = field(default_factory=NodeState)
    capacity: Capacity = field(default_factory=Capacity)
    limits: Limits = field(default_factory=Limits)
    admission: Admission = field(default_factory=Admission)

    @property
    def metrics(self) -> Metrics:
        """What is counted, wherever that is."""
        return self.storage.metrics
