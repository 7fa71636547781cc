"""Storage without a database: the use cases write into one log in memory, and a test decides how each commit ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from sitting.domain.answer import GivenAnswer
from sitting.domain.assessment import Assessment, AssessmentState, Status, fold
from sitting.domain.blueprint import Blueprint
from sitting.domain.chain import SealedEvent
from sitting.domain.errors import Unavailable
from sitting.domain.live import LiveAssessment
from sitting.domain.paper import Paper
from sitting.domain.piloting import Wording
from sitting.metrics import Metrics
from sitting.storage.database import Database
from sitting.storage.errors import OutcomeUnknown, SequenceTaken
from sitting.storage.hub import Hub
from sitting.storage.journal import Entry, Journal
from sitting.storage.repositories.assessments import AssessmentRepository, ClockRow, Outcome
from sitting.storage.repositories.events import EventRepository
from sitting.storage.repositories.response_counts import ResponseCountRepository
from sitting.storage.turns import Urgency
from sitting.storage.unit_of_work import K, R, Storage, UnitOfWork, Work
from tests.support.replacing import replace


class Fate(StrEnum):
    """What becomes of a commit: whether it is stored, and whether the node lives to learn it."""

    STORED = "stored"
    UNTOLD = "stored, but the link broke before that was said"
    LOST = "not stored, and the link broke before that was said"
    DEAD_BEHIND = "stored, and the node died"
    DEAD_BEFORE = "not stored, and the node died"


class NodeDied(BaseException):
    """Nothing of this process is left. No code may catch that."""


@dataclass
class Ledger:
    """The one database of all nodes.

    Attributes:
        table: assessment_responses, by question. fate: that of the next commit.
        meanwhile: what somebody else does just before the next number of the log is asked for.
        on_commit: told of each entry, in the order of the log.
    """

    row: Assessment
    blueprint: Blueprint
    paper: Paper
    events: list[SealedEvent] = field(default_factory=list)
    table: dict[str, GivenAnswer] = field(default_factory=dict)
    fate: Fate = Fate.STORED
    meanwhile: Callable[[], None] | None = None
    on_commit: Callable[[SealedEvent], None] = lambda _event: None

    def require_free(self, seq: int, last: int) -> None:
        """Ask for a number of the log, `last` being the highest that is taken if nobody was faster.

        Raises:
            SequenceTaken: somebody was.
        """
        interloper, self.meanwhile = self.meanwhile, None
        if interloper is not None:
            ours, self.fate = self.fate, Fate.STORED
            interloper()
            self.fate = ours
        if seq != len(self.events) + 1 + last:
            raise SequenceTaken()

    def commit(self, events: Sequence[SealedEvent], row: dict[str, Any], given: dict[str, GivenAnswer]) -> None:
        """Store the entries, the changes of the row and the current answers, or nothing, as `fate` says.

        Raises:
            OutcomeUnknown: it may be stored or not. NodeDied: the same, and nobody is left to care.
        """
        fate, self.fate = self.fate, Fate.STORED
        if fate not in (Fate.LOST, Fate.DEAD_BEFORE):
            self.row = replace(self.row, **row)
            self.table |= given
            for event in events:
                self.events.append(event)
                self.on_commit(event)
        if fate in (Fate.DEAD_BEFORE, Fate.DEAD_BEHIND):
            raise NodeDied()
        if fate is not Fate.STORED:
            raise OutcomeUnknown()


class PureJournal:
    """A journal that writes each entry alone, at once."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def append(self, entry: Entry) -> None:
        ledger = self._ledger
        ledger.require_free(entry.event.seq, 0)
        row = {"status": Status.IN_PROGRESS} if entry.begins_progress else {}
        ledger.commit([entry.event], row, {each.question_id: each.given for each in entry.responses})


class PureEvents:
    """The log as one transaction sees it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.added: list[SealedEvent] = []

    async def read(self, _assessment_id: int, *, after: int = 0) -> list[SealedEvent]:
        return [*self._ledger.events, *self.added][after:]

    async def read_newer(self, known: Mapping[int, int]) -> dict[int, list[SealedEvent]]:
        return {assessment_id: await self.read(assessment_id, after=seq) for assessment_id, seq in known.items()}

    async def append(self, event: SealedEvent) -> None:
        self._ledger.require_free(event.seq, len(self.added))
        self.added.append(event)


class PureAssessments:
    """The row as one transaction sees and changes it; the methods are those of the repository."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.changes: dict[str, Any] = {}

    @property
    def row(self) -> Assessment:
        return replace(self._ledger.row, **self.changes)

    async def select(self, _assessment_id: int) -> Assessment:
        return self.row

    async def select_many(self, _assessment_ids: Sequence[int]) -> list[Assessment]:
        return [self.row]

    async def update_head(self, _assessment_id: int, seq: int, head: bytes, *, now: datetime) -> None:
        self.changes |= {"head_seq": seq, "head_hash": head, "updated_at": now}

    async def update_times(self, clocks: Sequence[ClockRow]) -> None:
        (clock,) = clocks
        self.changes |= {"status": clock.status, "deadline_at": clock.deadline_at}

    async def update_voided(self, _assessment_id: int, **_: Any) -> None:
        self.changes["status"] = Status.VOIDED

    async def update_assessment_status(self, outcomes: Sequence[Outcome]) -> dict[int, Assessment]:
        (outcome,) = outcomes
        row = outcome.row
        self.changes |= {
            "status": row.status,
            "end_reason": row.end_reason,
            "end_time": row.end_time,
            "total_score": row.total_score,
            "receipt_seq": row.receipt_seq,
            "receipt_head": row.receipt_head,
            "receipt_signature": row.receipt_signature,
            "receipt_key_id": row.receipt_key_id,
        }
        return {row.assessment_id: row}


class PureCounts:
    """Takes what the end of an assessment adds to the counts of its questions; nobody here asks for them."""

    async def add(self, responses: Mapping[Wording, int]) -> None:
        pass


class PureUnit(UnitOfWork):
    """A unit of work whose repositories are in memory; those that assessments under way never use are missing."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.changes, self.for_other_nodes = [], []
        self.log, self.rows = PureEvents(ledger), PureAssessments(ledger)
        self.events = cast(EventRepository, self.log)
        self.assessments = cast(AssessmentRepository, self.rows)
        self.response_counts = cast(ResponseCountRepository, PureCounts())

    async def load(self, assessment_id: int) -> LiveAssessment:
        state = fold(assessment_id, await self.log.read(assessment_id))
        return LiveAssessment(self.rows.row, self.ledger.blueprint, self.ledger.paper, state)


class PureStorage(Storage):
    """One node's way to the ledger. Its hub stays silent: a test says when a node hears of a change."""

    def __init__(self, ledger: Ledger, metrics: Metrics) -> None:
        super().__init__(cast(Database, None), cast(Journal, PureJournal(ledger)), Hub(), metrics)
        self.ledger = ledger

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[UnitOfWork]:
        yield PureUnit(self.ledger)

    @asynccontextmanager
    async def unit_of_work(self, urgency: Urgency = Urgency.SOON) -> AsyncIterator[UnitOfWork]:
        del urgency  # nobody waits
        unit = PureUnit(self.ledger)
        yield unit
        if unit.log.added:
            try:
                self.ledger.commit(unit.log.added, unit.rows.changes, {})
            except OutcomeUnknown as fault:
                raise Unavailable() from fault

    async def together(self, work: Work[K, R], item: K, *, reading: bool = False) -> R:
        return await self.alone(work, item)


def clone(state: AssessmentState) -> AssessmentState:
    """A state of its own that is equal: what it holds is never changed in place, the containers are."""
    return replace(
        state,
        responses=dict(state.responses),
        answers=dict(state.answers),
        newest_numbers=dict(state.newest_numbers),
        flags=state.flags,
        moments=list(state.moments),
    )
