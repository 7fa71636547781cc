"""Writing into the log of a running assessment, against others who may write too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sitting.domain.assessment import AssessmentState
from sitting.domain.chain import SealedEvent
from sitting.domain.errors import AssessmentOver, Unavailable
from sitting.domain.events import Answered, EventBody, Verdict
from sitting.domain.live import LiveAssessment
from sitting.storage.errors import BadData, OutcomeUnknown, SequenceTaken
from sitting.storage.journal import Entry, ResponseRow
from sitting.storage.unit_of_work import Storage

MAX_LOSSES = 3

D = TypeVar("D")
Decide = Callable[[AssessmentState], tuple[D, EventBody | None]]


async def record(storage: Storage, live: LiveAssessment, attachment: int, decide: Decide[D], now: datetime) -> D:
    """Decide against the state, store what was decided, and decide anew whenever somebody else wrote in between.

    One call at a time for each `live`: two at once would fold the same entry twice.

    Args:
        attachment: the caller's own; whoever attached later has taken the right to write.
        decide: returns the decision and the entry that keeps it, None if there is nothing to keep. It may refuse.

    Returns:
        The decision that is stored.

    Raises:
        AttachmentStale: another connection has taken over. Unavailable: not stored, or not known to be.
        BadData: the database refuses the values; nothing is stored.
    """
    for _ in range(MAX_LOSSES):
        if live.is_stale:
            await storage.refresh(live)
        live.state.require_attachment(attachment)
        decision, body = decide(live.state)
        if body is None:
            return decision
        try:
            await _store(storage, live, body, now)
        except SequenceTaken:
            live.is_stale = True
        else:
            return decision
    raise Unavailable()


async def _store(storage: Storage, live: LiveAssessment, body: EventBody, now: datetime) -> None:
    live.is_stale = True  # until this is known to be stored, or known not to be
    if live.state.is_over:
        await _store_behind_the_end(storage, live, body, now)
        return
    event = live.state.next_event(body, now)
    try:
        await storage.journal.append(_entry(event, body, live.state))
    except OutcomeUnknown as fault:
        raise Unavailable() from fault
    except BadData:
        live.is_stale = False
        raise
    live.state.apply(event)
    live.is_stale = False


async def _store_behind_the_end(storage: Storage, live: LiveAssessment, body: EventBody, now: datetime) -> None:
    """Rare, and the stored head moves with it: a transaction of its own, over a state that no rollback can spoil."""
    async with storage.unit_of_work() as unit:
        fresh = await unit.load(live.assessment_id)
        if fresh.state.seq != live.state.seq:
            raise SequenceTaken()
        if fresh.state.erased is not None:
            raise AssessmentOver()  # nothing of this person is kept any more, from whatever socket it comes
        await unit.append(fresh, body, now)
    live.become(fresh)


def _entry(event: SealedEvent, body: EventBody, state: AssessmentState) -> Entry:
    if not isinstance(body, Answered):
        return Entry(event)
    saved = [record for record in body.answers if record.verdict is Verdict.SAVED]
    return Entry(
        event,
        tuple(ResponseRow(record.question_id, record.given, body.arrived_at) for record in saved),
        begins_progress=state.status == "started",
    )
