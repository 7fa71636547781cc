"""What app hands to every way in."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta

from sitting.domain.errors import Conflict
from sitting.domain.outage import LONGEST_GAP
from sitting.domain.spending import Limits as Spending
from sitting.identity.limits import Limits
from sitting.identity.signer import Signer
from sitting.identity.tokens import TokenKeys
from sitting.kit.clock import Clock
from sitting.kit.ids import random_id
from sitting.metrics import Metrics
from sitting.questions.embedding import Embedder
from sitting.questions.gates.meaning import MEANING_SIMILARITY
from sitting.questions.gates.settings import DEFAULTS, GateSettings
from sitting.questions.provider import Provider
from sitting.questions.solving import SOLVE_DEFAULTS, SolveSettings
from sitting.storage.unit_of_work import Storage
from sitting.usecases.admission import Admission
from sitting.usecases.bank_index import BankIndex


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
class MeaningAccess:
    """The model that makes vectors of questions; `least` is the cosine from which on two mean the same."""

    embedder: Embedder
    least: float = MEANING_SIMILARITY


@dataclass(frozen=True, slots=True)
class ModelAccess:
    """The model that this node asks, and what that may cost.

    Attributes:
        run_limits: what one run may spend. test_limits: what all runs of a Test may spend together.
        runs_at_once: how many runs this node works on, those not counted that are parked.
        runs_code: Python in questions is run, in a sandbox.
        solve: how often a model is asked about an item, and what its answers are held against.
        meaning: None where duplicates are looked for by words alone.
    """

    provider: Provider
    run_limits: Spending = field(default_factory=Spending)
    test_limits: Spending = field(default_factory=Spending)
    runs_at_once: int = 8
    runs_code: bool = False
    solve: SolveSettings = SOLVE_DEFAULTS
    meaning: MeaningAccess | None = None

    async def close(self) -> None:
        """Hang up, on both."""
        await self.provider.close()
        if self.meaning is not None:
            await self.meaning.embedder.close()


def require_model(model: ModelAccess | None) -> ModelAccess:
    """The model, for what cannot be done without.

    Raises:
        Conflict: there is none.
    """
    if model is None:
        raise Conflict("This server asks no model: SITTING_MODEL_URL and SITTING_MODEL_NAME are not set.")
    return model


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that the ways in work with.

    Attributes:
        public_url: scheme and host under which candidates reach us, without a slash at the end; None: as requested.
        allowed_origins: exact origins that may use a browser's cookie beside our own.
        metrics_token: who shows it may read the metrics; None: whoever asks from this machine.
        limits: who tried what how often. admission: lets starts in.
        model: None where no model is asked. gates: what the gates hold questions against.
        bank: finds near-duplicates, for whatever checks new questions in this process.
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
    model: ModelAccess | None = None
    gates: GateSettings = DEFAULTS
    bank: BankIndex = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bank", BankIndex(self.storage, self.gates))

    @property
    def live_run_limits(self) -> Spending | None:
        """What may be spent on the questions of one candidate; None where no model is asked."""
        return None if self.model is None else self.model.run_limits

    @property
    def metrics(self) -> Metrics:
        """What is counted, wherever that is."""
        return self.storage.metrics
