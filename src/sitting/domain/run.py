"""A run: what is asked of models for one purpose, such as questions for a Test, and what may be spent on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sitting.domain.spending import NOTHING, Account, Cost, Limits

RUN_ID_LENGTH = 16


class RunKind(StrEnum):
    """What a run makes.

    `authoring`: questions for a bank, as an author wished. `live`: the next questions of one assessment.
    `skill_graph`: a skill graph, in one answer to whoever waits for it; no node takes it up where another stopped.
    """

    AUTHORING = "authoring"
    LIVE = "live"
    SKILL_GRAPH = "skill_graph"


class RunStatus(StrEnum):
    """`queued`: waits for a node. `running`: a node has it. `parked`: there is nothing to do for now. Others: over."""

    QUEUED = "queued"
    RUNNING = "running"
    PARKED = "parked"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self in (RunStatus.DONE, RunStatus.FAILED, RunStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one node to work on a run, and to write what belongs to it, until somebody else gets it.

    Attributes:
        number: how often the run had been taken up when this was given. So a node that lost the run and got it back
            does not write what it began before.
    """

    run_id: str
    node_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it is stored.

    Attributes:
        wish: what was asked for, JSON; what stands in it is the graph's matter.
        progress: how far it is, JSON, for whoever watches it.
        failure: one sentence for staff, of a run that failed.
        limits, spent, held: what it may spend, has spent, and has reserved for calls under way.
        leased_by: the node that works on it; None while none does.
        leased_until: from then on any node may take it up; None once it is over.
        leases: how often it was taken up.
        updated_at: when its status or its progress last changed.
    """

    run_id: str
    kind: RunKind
    status: RunStatus
    test_id: int | None
    assessment_id: int | None
    created_by: int | None
    wish: str
    progress: str
    failure: str | None
    limits: Limits
    created_at: datetime
    updated_at: datetime
    spent: Cost = NOTHING
    held: Cost = NOTHING
    leased_by: str | None = None
    leased_until: datetime | None = None
    leases: int = 0
    ended_at: datetime | None = None

    @property
    def account(self) -> Account:
        return Account(self.limits, self.spent, self.held)

    @property
    def lease(self) -> Lease:
        """The right to work on it.

        Raises:
            ValueError: no node has it.
        """
        if self.leased_by is None:
            raise ValueError(f"no node holds the run {self.run_id}")
        return Lease(self.run_id, self.leased_by, self.leases)
