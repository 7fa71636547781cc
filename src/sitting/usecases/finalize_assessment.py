"""The one end of an assessment, whoever brings it about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sitting.domain.assessment import Assessment, Status
from sitting.domain.chain import SealedEvent
from sitting.domain.compliance import compliance_record
from sitting.domain.deadline import minutes_taken
from sitting.domain.ending import end_time
from sitting.domain.errors import SittingError
from sitting.domain.events import EndReason, Finalized
from sitting.domain.live import LiveAssessment, score_of
from sitting.domain.piloting import Wording
from sitting.domain.scoring import Score
from sitting.identity.signer import Signer
from sitting.kit.canonical import canonical_json, sha256_hex
from sitting.storage.errors import Separately, SequenceTaken
from sitting.storage.repositories.assessments import Outcome
from sitting.storage.unit_of_work import MAX_LOSSES, Storage, UnitOfWork

_STATUS = {
    EndReason.SUBMITTED: Status.COMPLETED,
    EndReason.ENDED_BY_INVIGILATOR: Status.COMPLETED,
    EndReason.TIMEOUT: Status.TIMEOUT,
    EndReason.ABANDONED: Status.TIMEOUT,
}


async def finalize_assessment(
    storage: Storage,
    signer: Signer,
    *,
    assessment_id: int,
    reason: EndReason,
    now: datetime,
    arrived_at: datetime | None = None,
    attachment: int | None = None,
    by: int | None = None,
    note: str | None = None,
) -> LiveAssessment:
    """Close the assessment, grade what is stored, sign the log's head. Over already: it is returned as it stands.

    Args:
        arrived_at: of a submission: when its frame came in, which decides. None: `now`.
        attachment: the submitter's own; None for the server itself.
        by, note: the user_id of whoever of the staff ended it, and why.

    Raises:
        AttachmentStale: another connection has taken over.
        ClockPaused: a submission came in a pause.
        DeadlinePassed: a submission came after deadline and grace, or a timeout was asked for too early.
        Unavailable: the database failed; the assessment is still open, or the same call finds it closed.
    """

    ending = _Ending(signer, assessment_id, reason, now, arrived_at or now, attachment, by, note)
    live, was_open = await storage.together(_end_all, ending)
    if was_open:
        storage.metrics.finalizations[reason].inc()
    return live


@dataclass(frozen=True, slots=True)
class _Ending:
    """What somebody wants; the fields are the arguments of `finalize_assessment`."""

    signer: Signer
    assessment_id: int
    reason: EndReason
    now: datetime
    arrived_at: datetime
    attachment: int | None
    by: int | None
    note: str | None


_Ended = tuple[LiveAssessment, bool]


async def _end_all(unit: UnitOfWork, endings: Sequence[_Ending]) -> list[_Ended | Exception]:
    """Of each assessment the first; a pause that has to be ended before takes a transaction of its own.

    Whoever answers fast may take the number again and again: so those who lost it look anew at once.
    """
    if len(endings) == 1:
        return [await _end_alone(unit, endings[0])]
    results = await _end_once(unit, endings)
    for _ in range(MAX_LOSSES):
        lost = [number for number, result in enumerate(results) if isinstance(result, SequenceTaken)]
        again = await _end_once(unit, [endings[number] for number in lost]) if lost else []
        for number, result in zip(lost, again, strict=True):
            results[number] = result
    await _count(unit, [live for live, was_open in _came_to_an_end(results) if was_open])
    return results


def _came_to_an_end(results: Sequence[_Ended | Exception]) -> Iterator[_Ended]:
    return (result for result in results if not isinstance(result, Exception))


async def _count(unit: UnitOfWork, ended: Sequence[LiveAssessment]) -> None:
    """Note how often each question was answered; at the very end, since whoever ends others meanwhile waits for it."""
    counts: Counter[Wording] = Counter()
    for live in ended:
        if not live.assessment.is_trial:
            counts.update((q.question_id, q.content_digest) for q in live.paper.questions if live.is_answered(q))
    await unit.response_counts.add(counts)


async def _end_once(unit: UnitOfWork, endings: Sequence[_Ending]) -> list[_Ended | Exception]:
    found = await unit.load_many([ending.assessment_id for ending in endings])
    judged = [_judged(found.pop(ending.assessment_id, None), ending) for ending in endings]
    bodies = [each for each in judged if isinstance(each, _Decided)]
    events = await unit.append_many([(each.live, each.body, each.ending.now) for each in bodies])
    outcomes = [_outcome(each, event) for each, event in zip(bodies, events, strict=True) if event is not None]
    rows = await unit.assessments.update_assessment_status(outcomes)
    return [_told(each, rows) if isinstance(each, _Decided) else each for each in judged]


@dataclass(frozen=True, slots=True)
class _Decided:
    """An end that only has to be stored."""

    live: LiveAssessment
    ending: _Ending
    body: Finalized
    score: Score


def _judged(live: LiveAssessment | None, ending: _Ending) -> _Decided | _Ended | Exception:
    if live is None:  # there is none, or somebody else in this batch ends it
        return Separately()
    if live.state.is_over:
        return live, False
    if live.state.schedule.lasting_pause is not None:
        return Separately()
    try:
        return _decided(live, ending)
    except SittingError as refusal:
        return refusal


def _told(decided: _Decided, rows: Mapping[int, Assessment]) -> _Ended | Exception:
    row = rows.get(decided.live.assessment_id)
    if row is None:
        return SequenceTaken()
    decided.live.assessment = row
    return decided.live, True


async def _end_alone(unit: UnitOfWork, ending: _Ending) -> _Ended:
    live = await unit.load(ending.assessment_id)
    if live.state.is_over:
        return live, False
    if ending.attachment is not None:
        live.state.require_attachment(ending.attachment)
    await unit.note_resumption(live, ending.arrived_at, ending.now)
    decided = _decided(live, ending)
    event = await unit.append(live, decided.body, ending.now)
    rows = await unit.assessments.update_assessment_status([_outcome(decided, event)])
    live.assessment = rows[ending.assessment_id]
    await _count(unit, [live])
    return live, True


def _decided(live: LiveAssessment, ending: _Ending) -> _Decided:
    """What the end comes to.

    Raises:
        AttachmentStale, ClockPaused, DeadlinePassed: it cannot end so.
    """
    if ending.attachment is not None:
        live.state.require_attachment(ending.attachment)
    ended_at = end_time(live, ending.reason, ending.arrived_at)
    score = score_of(live)
    body = replace(_finalized(live, ending.reason, ended_at, score), by=ending.by, note=ending.note)
    return _Decided(live, ending, body, score)


def _outcome(decided: _Decided, event: SealedEvent) -> Outcome:
    """What the row says of it, signed."""
    live, ending, body, score = decided.live, decided.ending, decided.body, decided.score
    record = canonical_json(compliance_record(live.blueprint, live.state))
    seal = ending.signer.compliance_seal(live.assessment_id, event.seq, sha256_hex(record))
    receipt = ending.signer.receipt(live.assessment_id, event.seq, event.hash.hex())
    row = replace(
        live.assessment,
        status=Status(body.status),
        end_reason=ending.reason,
        end_time=body.end_time,
        time_taken_minutes=minutes_taken(live.assessment.started_at, body.end_time, live.state.schedule.pauses),
        total_score=score.total,
        max_score=score.maximum,
        percentage_score=score.percentage,
        passed=body.passed,
        head_seq=receipt.seq,
        head_hash=event.hash,
        receipt_seq=receipt.seq,
        receipt_head=event.hash,
        receipt_signature=receipt.signature,
        receipt_key_id=receipt.key_id,
        compliance=record.decode(),
        compliance_signature=seal.signature,
        updated_at=ending.now,
    )
    return Outcome(row, score.items)


def _finalized(live: LiveAssessment, reason: EndReason, ended_at: datetime, score: Score) -> Finalized:
    return Finalized(
        status=_STATUS[reason],
        reason=reason,
        end_time=ended_at,
        total_score=score.total,
        max_score=score.maximum,
        percentage_score=score.percentage,
        passed=score.passed,
        correct_answers=score.correct_answers,
        answered_questions=score.answered_questions,
    )
