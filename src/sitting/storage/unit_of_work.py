"""One transaction with its repositories; the one place that commits."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.assessment import Assessment, fold
from sitting.domain.chain import SealedEvent
from sitting.domain.deadline import sweep_at
from sitting.domain.errors import Unavailable
from sitting.domain.events import EVENT_TYPES, Erased, EventBody, Finalized, Presented, Voided, changes_paper
from sitting.domain.live import LiveAssessment
from sitting.domain.paper import Paper
from sitting.domain.pausing import pause_that_ran_out
from sitting.domain.question import QuestionContent
from sitting.domain.takeover import Claim, attached_by, refuse_stale_return
from sitting.metrics import Metrics
from sitting.storage.database import Database
from sitting.storage.errors import SequenceTaken
from sitting.storage.frozen import Frozen
from sitting.storage.gathering import Gathering
from sitting.storage.hub import AccessChange, Change, Hub, Move, Moved, Notice
from sitting.storage.journal import Journal
from sitting.storage.notices import concerns_other_nodes, encode_notice
from sitting.storage.repositories.applications import ApplicationRepository
from sitting.storage.repositories.assessments import AssessmentRepository, ClockRow, paper_from_slots
from sitting.storage.repositories.blueprints import BlueprintRepository
from sitting.storage.repositories.checkpoints import CheckpointRepository
from sitting.storage.repositories.credentials import CredentialRepository
from sitting.storage.repositories.erasure import ErasureRepository
from sitting.storage.repositories.events import EventRepository
from sitting.storage.repositories.heartbeats import HeartbeatRepository
from sitting.storage.repositories.media import MediaRepository
from sitting.storage.repositories.notices import NoticeRepository
from sitting.storage.repositories.proposals import PreparedRepository, ProposalRepository
from sitting.storage.repositories.questions import QuestionRepository
from sitting.storage.repositories.response_counts import ResponseCountRepository
from sitting.storage.repositories.resumes import ResumeRepository
from sitting.storage.repositories.runs import RunRepository
from sitting.storage.repositories.spending import ModelCallRepository, SpendingRepository
from sitting.storage.repositories.users import UserRepository
from sitting.storage.repositories.vectors import VectorRepository
from sitting.storage.turns import Urgency

K = TypeVar("K")
R = TypeVar("R")
T = TypeVar("T")
Work = Callable[["UnitOfWork", Sequence[K]], Awaitable[Sequence[R | Exception]]]
MAX_LOSSES = 5
ENDS = frozenset(EVENT_TYPES[body] for body in (Finalized, Voided, Erased))


class UnitOfWork:
    """The repositories of one transaction.

    Attributes:
        changes: what the hub is told once this is committed. for_other_nodes: what of that concerns them.
    """

    def __init__(self, connection: AsyncConnection, frozen: Frozen) -> None:
        self.frozen = frozen
        self.users = UserRepository(connection)
        self.credentials = CredentialRepository(connection)
        self.questions = QuestionRepository(connection)
        self.media = MediaRepository(connection)
        self.blueprints = BlueprintRepository(connection)
        self.applications = ApplicationRepository(connection)
        self.assessments = AssessmentRepository(connection)
        self.events = EventRepository(connection)
        self.erasure = ErasureRepository(connection)
        self.notices = NoticeRepository(connection)
        self.heartbeats = HeartbeatRepository(connection)
        self.runs = RunRepository(connection)
        self.checkpoints = CheckpointRepository(connection)
        self.spending = SpendingRepository(connection)
        self.model_calls = ModelCallRepository(connection)
        self.proposals = ProposalRepository(connection)
        self.prepared = PreparedRepository(connection)
        self.resumes = ResumeRepository(connection)
        self.vectors = VectorRepository(connection)
        self.response_counts = ResponseCountRepository(connection)
        self.changes: list[Notice | Moved] = []
        self.for_other_nodes: list[Notice] = []

    def access_changed(self, user_id: int) -> None:
        """Tell all nodes, once this is committed, that what lets that person in has to be looked at anew."""
        self._tell(AccessChange(user_id), far=True)

    def moved(self, assessment_id: int, move: Move) -> None:
        """Tell whoever writes questions on this node, once this is committed, that the candidate has moved."""
        self.changes.append(Moved(assessment_id, move))

    async def load(self, assessment_id: int) -> LiveAssessment:
        """The assessment with its rules, its paper and the fold of its log.

        Raises:
            AssessmentNotFound: there is none.
        """
        # The log first: each statement may see more than the one before, and the row must not lack an end that is told.
        state = fold(assessment_id, await self.events.read(assessment_id))
        assessment = await self.assessments.select(assessment_id)
        version = await self.frozen.version(self.blueprints, assessment.test_version_id)
        paper = await self.paper(assessment_id, erased=state.erased is not None)
        return LiveAssessment(assessment, version.blueprint, paper, state)

    async def paper(self, assessment_id: int, *, erased: bool = False) -> Paper:
        """The paper as it stands; `erased`: of a person who is, so that words that are remembered here may be gone."""
        slots = await self.assessments.paper_slots(assessment_id)
        contents = await self._contents({slot.content_digest for slot in slots}, erased=erased)
        return paper_from_slots(slots, contents)

    async def _contents(self, digests: Collection[str], *, erased: bool = False) -> Mapping[str, QuestionContent]:
        if erased:
            return await self.questions.contents(digests)
        return await self.frozen.contents(self.questions, digests)

    async def papers(self, assessment_ids: Collection[int], *, erased: bool = False) -> dict[int, Paper]:
        """Several papers as they stand, by assessment_id; `erased` as for one."""
        slots = await self.assessments.slots_of_many(assessment_ids)
        contents = await self._contents(
            {slot.content_digest for paper in slots.values() for slot in paper}, erased=erased
        )
        return {assessment_id: paper_from_slots(paper, contents) for assessment_id, paper in slots.items()}

    async def load_many(self, assessment_ids: Collection[int]) -> dict[int, LiveAssessment]:
        """The same of several assessments, by assessment_id; those that do not exist are left out."""
        logs = await self.events.read_many(assessment_ids)
        rows = await self.assessments.select_many(assessment_ids)
        states = {row.assessment_id: fold(row.assessment_id, logs.get(row.assessment_id, ())) for row in rows}
        erased = [id_ for id_, state in states.items() if state.erased is not None]
        papers = await self.papers(states.keys() - erased)
        if erased:
            papers |= await self.papers(erased, erased=True)
        return {
            row.assessment_id: LiveAssessment(
                row,
                (await self.frozen.version(self.blueprints, row.test_version_id)).blueprint,
                papers.get(row.assessment_id, Paper(())),
                states[row.assessment_id],
            )
            for row in rows
        }

    async def append_many(
        self, entries: Sequence[tuple[LiveAssessment, EventBody, datetime]]
    ) -> list[SealedEvent | None]:
        """Add the next entry to each of these logs, each of which occurs once; the row's head is left to the caller.

        Returns:
            The entries in the same order, None where somebody else wrote that number.
        """
        events = [live.state.next_event(body, now) for live, body, now in entries]
        stored = await self.events.append_many(events)
        for (live, body, _), event in zip(entries, events, strict=True):
            if event.assessment_id in stored:
                live.state.apply(event)
                self._tell_of(live, event, body)
        return [event if event.assessment_id in stored else None for event in events]

    async def insert_first(self, events: Sequence[SealedEvent]) -> None:
        """Add the first entries of logs that nobody else knows yet."""
        await self.events.insert_first(events)
        for event in events:
            self._tell(Change(event.assessment_id, event.seq), far=False)

    async def append(self, live: LiveAssessment, body: EventBody, now: datetime) -> SealedEvent:
        """Add the next entry to the log, note the new head, and tell the hub once this is committed.

        Raises:
            SequenceTaken: somebody else wrote that number; give the unit of work up.
        """
        event = live.state.next_event(body, now)
        await self.events.append(event)
        await self.assessments.update_head(event.assessment_id, event.seq, event.hash, now=now)
        live.state.apply(event)
        self._tell_of(live, event, body)
        return event

    async def exchange(self, live: LiveAssessment, body: Presented, content: QuestionContent, now: datetime) -> None:
        """Show a question that was written for the candidate; it stands in the paper from here on.

        Args:
            content: of the question that the entry brings.

        Raises:
            SequenceTaken: somebody else wrote that number; give the unit of work up.
        """
        assert body.question is not None
        await self.append(live, body, now)
        contents = {body.question.content_digest: content}
        live.paper = live.paper.with_slots({body.position: body.question}, contents)
        question = live.paper.at_position(body.position)
        await self.assessments.replace_slot(live.assessment_id, question, max_score=live.paper.max_score, now=now)
        live.assessment = replace(live.assessment, max_score=live.paper.max_score)

    async def append_time(self, live: LiveAssessment, body: EventBody, now: datetime) -> None:
        """Add an entry that moves the clock of an open assessment, and write into the row how it stands then.

        Raises:
            SequenceTaken: somebody else wrote that number; give the unit of work up.
        """
        await self.append(live, body, now)
        await self.assessments.update_times([_clock_row(live, now)])
        live.assessment = await self.assessments.select(live.assessment_id)

    async def append_times(self, entries: Sequence[tuple[LiveAssessment, EventBody, datetime]]) -> list[bool]:
        """As `append_time` for several open assessments; False where somebody else wrote that number.

        The rows that these assessments hold in memory stay as they were.
        """
        events = await self.append_many(entries)
        moved = [(live, now) for (live, _, now), event in zip(entries, events, strict=True) if event is not None]
        await self.assessments.update_heads([event for event in events if event is not None])
        await self.assessments.update_times([_clock_row(live, now) for live, now in moved])
        return [event is not None for event in events]

    async def note_resumption(self, live: LiveAssessment, at: datetime, now: datetime) -> bool:
        """If a pause ran out by `at` and no entry says so yet, add that entry; returns whether it did.

        Raises:
            SequenceTaken: somebody else wrote that number; give the unit of work up.
        """
        body = pause_that_ran_out(live.state, at)
        if body is not None:
            await self.append_time(live, body, now)
        return body is not None

    async def attach(self, live: LiveAssessment, claim: Claim, now: datetime) -> None:
        """Give the right to write to that connection, and take it from whichever had it.

        Whoever has it may be writing fast. So a number that is lost is no reason to begin the unit of work again: that
        takes longer than the next answer, and would be lost again and again.

        Raises:
            AttachmentStale: it comes back by itself, and another window has it; nothing is written.
            SequenceTaken: somebody else wrote too often, or the end; give the unit of work up.
        """
        for _ in range(MAX_LOSSES):
            refuse_stale_return(live.state, claim)  # each time: whoever took the number may have attached
            with contextlib.suppress(SequenceTaken):
                await self.append(live, attached_by(live.state, claim), now)
                return
            events = await self.events.read(live.assessment_id, after=live.state.seq)
            for event in events:
                live.state.apply(event)
            if any(map(changes_paper, events)):
                live.paper = await self.paper(live.assessment_id)
            if live.state.is_over:
                break
        raise SequenceTaken()

    def _tell_of(self, live: LiveAssessment, event: SealedEvent, body: EventBody) -> None:
        self._tell(Change(event.assessment_id, event.seq), far=concerns_other_nodes(body))
        if isinstance(body, Presented | Finalized | Voided) and live.blueprint.is_generated:
            self.moved(event.assessment_id, Move.STEP if isinstance(body, Presented) else Move.END)

    def _tell(self, notice: Notice, *, far: bool) -> None:
        self.changes.append(notice)
        if far:
            self.for_other_nodes.append(notice)


def _clock_row(live: LiveAssessment, now: datetime) -> ClockRow:
    schedule = live.state.schedule
    first_look = sweep_at(live.assessment.started_at, schedule, live.blueprint.abandon_after)
    return ClockRow(live.assessment_id, live.state.status, schedule.deadline_at, first_look, now)


class Storage:
    """What use cases write to and read from.

    Attributes:
        journal: for the entries of running assessments, many in one commit.
        hub: tells what was committed.
        metrics: what is counted on the way; None makes new ones.
    """

    def __init__(self, database: Database, journal: Journal, hub: Hub, metrics: Metrics | None = None) -> None:
        self.database = database
        self.journal = journal
        self.hub = hub
        self.metrics = metrics or Metrics()
        self.frozen = Frozen()
        self._gatherings: dict[Any, Gathering[Any, Any]] = {}

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[UnitOfWork]:
        """Repositories over one consistent state, for reading only."""
        async with self.database.reading() as connection:
            yield UnitOfWork(connection, self.frozen)

    @asynccontextmanager
    async def unit_of_work(self, urgency: Urgency = Urgency.SOON) -> AsyncIterator[UnitOfWork]:
        """Repositories over one transaction: committed at the end of the block, rolled back if it raises."""
        async with self.database.writing(urgency) as connection:
            unit = UnitOfWork(connection, self.frozen)
            yield unit
            await self.tell_other_nodes(unit)
        for change in unit.changes:
            self.hub.publish(change)

    async def tell_other_nodes(self, unit: UnitOfWork) -> None:
        """Have what concerns them said with the commit. On SQLite there are none."""
        if unit.for_other_nodes and not self.database.url.is_sqlite:
            await unit.notices.send([encode_notice(self.hub.node_id, notice) for notice in unit.for_other_nodes])
            self.metrics.notices_sent.inc(len(unit.for_other_nodes))

    async def work(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Do `work` in a unit of work, again from the beginning whenever somebody else took its number in a log.

        Raises:
            Unavailable: it lost too often, or the database failed.
        """
        for _ in range(MAX_LOSSES):
            try:
                async with self.unit_of_work() as unit:
                    return await work(unit)
            except SequenceTaken:
                continue
        raise Unavailable()

    async def together(self, work: Work[K, R], item: K, *, reading: bool = False) -> R:
        """Do `work` for `item`, and in the same transaction for all others that ask for it at this instant.

        Args:
            work: a function of a module; see `Gathering` for what it returns. What it returned for an item that was
                refused, it must not have written anything of. reading: it writes nothing.

        Raises:
            Unavailable: it lost too often, or the database failed.
        """
        gathering = self._gatherings.get(work)
        if gathering is None:

            async def do(items: Sequence[K]) -> Sequence[R | Exception]:
                if len(items) == 1 and not reading:
                    return [await self.alone(work, items[0])]
                async with self.reading() if reading else self.unit_of_work() as unit:
                    return await work(unit, items)

            gathering = self._gatherings[work] = Gathering(do)
        result: R = await gathering.add(item)
        return result

    async def alone(self, work: Work[K, R], item: K) -> R:
        """The same for `item` alone, in a transaction that is undone if it is refused.

        Raises:
            Unavailable: it lost too often, or the database failed.
        """

        async def work_alone(unit: UnitOfWork) -> R:
            (result,) = await work(unit, [item])
            if isinstance(result, Exception):
                raise result
            return result

        return await self.work(work_alone)

    async def refresh(self, live: LiveAssessment) -> None:
        """Fold what the log has gained; read the row anew if that ended the assessment, the paper if it changed it.

        Raises:
            Unavailable: the database cannot be reached.
        """
        news = await self.together(_newer, (live.assessment_id, live.state.seq), reading=True)
        for event in news.events:
            live.state.apply(event)
        live.assessment, live.paper = news.assessment or live.assessment, news.paper or live.paper
        live.is_stale = False


@dataclass(frozen=True, slots=True)
class _News:
    """What a log has gained; the row if that ended the assessment, and the paper if it changed that, as they stand."""

    events: Sequence[SealedEvent]
    assessment: Assessment | None
    paper: Paper | None


async def _newer(unit: UnitOfWork, asked: Sequence[tuple[int, int]]) -> list[_News | Exception]:
    """What there is to know behind that number of each of these logs.

    A candidate may be there twice, with another number each time.
    """
    known: dict[int, int] = {}
    for assessment_id, seq in asked:
        known[assessment_id] = min(seq, known.get(assessment_id, seq))
    logs = await unit.events.read_newer(known)
    ended = [id_ for id_, log in logs.items() if any(event.type in ENDS for event in log)]
    rows = {row.assessment_id: row for row in await unit.assessments.select_many(ended)} if ended else {}
    changed = [id_ for id_, log in logs.items() if any(map(changes_paper, log))]
    papers = await unit.papers(changed) if changed else {}
    return [
        _News([event for event in logs.get(id_, ()) if event.seq > seq], rows.get(id_), papers.get(id_))
        for id_, seq in asked
    ]
