"""Assessments: the row, the frozen paper and the current responses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from sys import intern
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, insert, not_, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.answer import GivenAnswer
from sitting.domain.application import AttemptRecord
from sitting.domain.assessment import OPEN_STATUSES, Assessment, Status
from sitting.domain.chain import SealedEvent
from sitting.domain.errors import AssessmentNotFound
from sitting.domain.events import EndReason
from sitting.domain.paper import Paper, PaperQuestion
from sitting.domain.question import QuestionContent
from sitting.domain.scoring import ItemScore
from sitting.kit.canonical import canonical_json
from sitting.storage.among import among
from sitting.storage.tables import assessment_responses, assessments, paper_questions

_NEXT_IDS = text(
    "SELECT nextval(pg_get_serial_sequence('assessments', 'id')) FROM generate_series(1, :count) ORDER BY 1"
)
_LAST_ID = text("SELECT seq FROM sqlite_sequence WHERE name = 'assessments'")
_UPDATE_HEAD = (
    update(assessments)
    .where(assessments.c.id == bindparam("b_id"))
    .values(head_seq=bindparam("b_seq"), head_hash=bindparam("b_hash"), updated_at=bindparam("b_now"))
)
_OUTCOME = (
    "status",
    "end_reason",
    "end_time",
    "time_taken_minutes",
    "total_score",
    "max_score",
    "percentage_score",
    "passed",
    "head_seq",
    "head_hash",
    "receipt_seq",
    "receipt_head",
    "receipt_signature",
    "receipt_key_id",
    "compliance",
    "compliance_signature",
    "updated_at",
)
_UPDATE_OUTCOME = (
    update(assessments)
    .where(assessments.c.id == bindparam("b_id"))
    .values({column: bindparam(f"b_{column}") for column in _OUTCOME})
)
_GRADE = (
    update(assessment_responses)
    .where(
        assessment_responses.c.assessment_id == bindparam("b_id"),
        assessment_responses.c.question_id == bindparam("b_question_id"),
    )
    .values(is_correct=bindparam("b_correct"), points=bindparam("b_points"))
)

_REPLACED = ("question_id", "option_order", "content_digest")
_UPDATE_TIME = (
    update(assessments)
    .where(assessments.c.id == bindparam("b_id"))
    .values(
        status=bindparam("b_status"),
        deadline_at=bindparam("b_deadline"),
        sweep_at=bindparam("b_sweep"),
        updated_at=bindparam("b_now"),
    )
)


@dataclass(frozen=True, slots=True)
class NewAssessment:
    """A row to be inserted, when the sweep has to look at it first, and the paper."""

    row: Assessment
    sweep_at: datetime
    paper: Paper


@dataclass(frozen=True, slots=True)
class ClockRow:
    """How the clock of an open assessment stands as of `now`, and when the sweep has to look at it."""

    assessment_id: int
    status: Status
    deadline_at: datetime | None
    sweep_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """An open assessment that the sweep has to look at."""

    assessment_id: int
    status: Status
    deadline_at: datetime | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The row of an assessment that is over, and what each answered question brought."""

    row: Assessment
    items: Sequence[ItemScore]


class AssessmentRepository:
    """Each method that writes runs inside the unit of work that also writes the event."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def next_ids(self, count: int) -> list[int]:
        """So many numbers for new assessments, which nobody else gets."""
        if self._connection.dialect.name == "postgresql":
            return list(await self._connection.scalars(_NEXT_IDS, {"count": count}))
        last: int = await self._connection.scalar(_LAST_ID) or 0
        return list(range(last + 1, last + 1 + count))

    async def create_assessment_instance(self, *made: NewAssessment) -> None:
        """Insert rows whose numbers come from `next_ids`, each with its whole paper."""
        await self._connection.execute(insert(assessments), [_row(each) for each in made])
        slots = [_slot(each.row.assessment_id, question) for each in made for question in each.paper.questions]
        if any(each.paper.pilots for each in made):  # or else the column's own value will do
            pilots = [question.is_pilot for each in made for question in each.paper.questions]
            slots = [slot | {"is_pilot": is_pilot} for slot, is_pilot in zip(slots, pilots, strict=True)]
        await self._connection.execute(insert(paper_questions), slots)

    async def update_assessment_status(self, outcomes: Sequence[Outcome]) -> dict[int, Assessment]:
        """Write each outcome into its row and its responses, with the head that the receipt signs.

        Returns:
            The rows by assessment_id, as they stand then.
        """
        outcomes = sorted(outcomes, key=lambda outcome: outcome.row.assessment_id)
        if outcomes:
            await self._connection.execute(_UPDATE_OUTCOME, [_outcome(each.row) for each in outcomes])
            await self._grade_responses(outcomes)
        return {outcome.row.assessment_id: outcome.row for outcome in outcomes}

    async def replace_slot(self, assessment_id: int, question: PaperQuestion, *, max_score: int, now: datetime) -> None:
        """Put that question into its slot of the paper, of which `max_score` thousandths can be had then."""
        table = paper_questions
        slot = table.c.assessment_id == assessment_id, table.c.position == question.position
        written = {name: _slot(assessment_id, question)[name] for name in _REPLACED}
        await self._connection.execute(update(table).where(*slot).values(**written, is_scored=question.points > 0))
        if question.points == 0:
            row = update(assessments).where(assessments.c.id == assessment_id)
            await self._connection.execute(row.values(max_score=max_score, updated_at=now))

    async def update_times(self, clocks: Iterable[ClockRow]) -> None:
        """Write how the clocks of open assessments stand."""
        rows = [
            {"b_id": each.assessment_id, "b_status": each.status, "b_deadline": each.deadline_at}
            | {"b_sweep": each.sweep_at, "b_now": each.now}
            for each in sorted(clocks, key=lambda each: each.assessment_id)
        ]
        if rows:
            await self._connection.execute(_UPDATE_TIME, rows)

    async def update_voided(self, assessment_id: int, *, now: datetime) -> None:
        """The assessment does not count; what it came to stays."""
        await self._connection.execute(
            update(assessments).where(assessments.c.id == assessment_id).values(status=Status.VOIDED, updated_at=now)
        )

    async def update_head(self, assessment_id: int, seq: int, hash_: bytes, *, now: datetime) -> None:
        """Note how far the log has come."""
        await self._connection.execute(
            update(assessments)
            .where(assessments.c.id == assessment_id)
            .values(head_seq=seq, head_hash=hash_, updated_at=now)
        )

    async def update_heads(self, events: Iterable[SealedEvent]) -> None:
        """Note how far several logs have come: up to these entries."""
        rows = [
            {"b_id": event.assessment_id, "b_seq": event.seq, "b_hash": event.hash, "b_now": event.occurred_at}
            for event in sorted(events, key=lambda event: event.assessment_id)
        ]
        if rows:
            await self._connection.execute(_UPDATE_HEAD, rows)

    async def select_many(self, assessment_ids: Collection[int]) -> list[Assessment]:
        """Those of these assessments that exist, by id."""
        statement = (
            select(assessments)
            .where(among(self._connection, assessments.c.id, assessment_ids))
            .order_by(assessments.c.id)
        )
        return [_assessment(row) for row in await self._connection.execute(statement)]

    async def slots_of_many(self, assessment_ids: Collection[int]) -> dict[int, list[Row[Any]]]:
        """The slots of several papers, each by position, by assessment_id; contents as digests only."""
        table = paper_questions
        statement = select(table).where(among(self._connection, table.c.assessment_id, assessment_ids))
        found: dict[int, list[Row[Any]]] = {}
        for row in await self._connection.execute(statement.order_by(table.c.assessment_id, table.c.position)):
            found.setdefault(row.assessment_id, []).append(row)
        return found

    async def select(self, assessment_id: int) -> Assessment:
        """That assessment.

        Raises:
            AssessmentNotFound: there is none.
        """
        row = (
            await self._connection.execute(select(assessments).where(assessments.c.id == assessment_id))
        ).one_or_none()
        if row is None:
            raise AssessmentNotFound(assessment_id=assessment_id)
        return _assessment(row)

    async def attempts(self, application_id: int) -> list[AttemptRecord]:
        """All assessments of an application, oldest first, as the rules of attempts see them."""
        statement = (
            select(assessments).where(assessments.c.application_id == application_id).order_by(assessments.c.attempt)
        )
        return [_attempt(row) for row in await self._connection.execute(statement)]

    async def attempts_of_many(self, application_ids: Collection[int]) -> dict[int, list[AttemptRecord]]:
        """The same of several applications, by application_id; those without an assessment are left out."""
        statement = (
            select(assessments)
            .where(among(self._connection, assessments.c.application_id, application_ids))
            .order_by(assessments.c.application_id, assessments.c.attempt)
        )
        found: dict[int, list[AttemptRecord]] = {}
        for row in await self._connection.execute(statement):
            found.setdefault(row.application_id, []).append(_attempt(row))
        return found

    async def open_ones(self, user_ids: Collection[int]) -> set[tuple[int, int]]:
        """The user_id and test_id of all assessments of these people that are open."""
        statement = select(assessments.c.user_id, assessments.c.test_id).where(
            among(self._connection, assessments.c.user_id, user_ids), assessments.c.status.in_(OPEN_STATUSES)
        )
        return {(row.user_id, row.test_id) for row in await self._connection.execute(statement)}

    async def list_page(
        self,
        *,
        after: int,
        limit: int,
        test_id: int | None = None,
        application_id: int | None = None,
        user_id: int | None = None,
        status: Status | None = None,
        trials: bool = True,
    ) -> list[Assessment]:
        """Assessments by id, behind `after`, narrowed by what is given; without `trials` those of candidates only."""
        statement = select(assessments).where(assessments.c.id > after).order_by(assessments.c.id).limit(limit)
        equal = {"test_id": test_id, "application_id": application_id, "user_id": user_id, "status": status}
        statement = statement.filter_by(**{name: value for name, value in equal.items() if value is not None})
        if not trials:
            statement = statement.where(not_(assessments.c.is_trial))
        return [_assessment(row) for row in await self._connection.execute(statement)]

    async def due_for_sweep(self, now: datetime, limit: int) -> list[Due]:
        """Open assessments that the sweep may close by now, most overdue first."""
        statement = (
            select(assessments.c.id, assessments.c.status, assessments.c.deadline_at)
            .where(assessments.c.sweep_at <= now, assessments.c.status.in_(OPEN_STATUSES))
            .order_by(assessments.c.sweep_at)
            .limit(limit)
        )
        return [Due(row.id, Status(row.status), row.deadline_at) for row in await self._connection.execute(statement)]

    async def open_at(self, began_at: datetime, ended_at: datetime, *, after: int, limit: int) -> list[int]:
        """Open assessments by id, behind `after`, that ran at any time between the two, as far as their rows say."""
        runs = or_(assessments.c.deadline_at.is_(None), assessments.c.deadline_at > began_at)
        statement = (
            select(assessments.c.id)
            .where(assessments.c.id > after, assessments.c.status.in_(OPEN_STATUSES))
            .where(assessments.c.started_at < ended_at, runs)
            .order_by(assessments.c.id)
            .limit(limit)
        )
        return list(await self._connection.scalars(statement))

    async def paper_slots(self, assessment_id: int) -> list[Row[Any]]:
        """The paper's slots by position, contents as digests only."""
        statement = (
            select(paper_questions)
            .where(paper_questions.c.assessment_id == assessment_id)
            .order_by(paper_questions.c.position)
        )
        return list(await self._connection.execute(statement))

    async def responses(self, assessment_id: int) -> list[Row[Any]]:
        """The rows of assessment_responses by question_id, as they stand."""
        statement = (
            select(assessment_responses)
            .where(assessment_responses.c.assessment_id == assessment_id)
            .order_by(assessment_responses.c.question_id)
        )
        return list(await self._connection.execute(statement))

    async def _grade_responses(self, outcomes: Sequence[Outcome]) -> None:
        rows = [
            {
                "b_id": outcome.row.assessment_id,
                "b_question_id": i.question_id,
                "b_correct": i.is_correct,
                "b_points": i.points,
            }
            for outcome in outcomes
            for i in sorted(outcome.items, key=lambda item: item.question_id)
        ]
        if rows:
            await self._connection.execute(_GRADE, rows)


_STRINGS = msgspec.json.Decoder(list[str])


def paper_from_slots(slots: Iterable[Row[Any]], contents: Mapping[str, QuestionContent]) -> Paper:
    """The frozen paper, given the contents that its slots refer to; texts that all papers share are kept once."""
    return Paper(tuple(_paper_question(slot, contents[slot.content_digest]) for slot in slots))


def _paper_question(slot: Row[Any], content: QuestionContent) -> PaperQuestion:
    ids = {option.id: option.id for option in content.options}
    return PaperQuestion(
        position=slot.position,
        question_id=intern(slot.question_id),
        section=intern(slot.section),
        points=slot.points if slot.is_scored else 0,
        option_order=tuple([ids.get(id_, id_) for id_ in _STRINGS.decode(slot.option_order)]),
        content_digest=intern(slot.content_digest),
        content=content,
        is_pilot=slot.is_pilot,
    )


def given_answer(row: Row[Any]) -> GivenAnswer:
    """What a row of assessment_responses says was answered."""
    options = row.selected_options
    return GivenAnswer(row.selected_option, None if options is None else tuple(msgspec.json.decode(options)), row.value)


def _attempt(row: Row[Any]) -> AttemptRecord:
    return AttemptRecord(
        assessment_id=row.id,
        attempt=row.attempt,
        status=row.status,
        end_time=row.end_time,
        total_score=row.total_score,
        max_score=row.max_score,
        percentage_score=row.percentage_score,
        passed=row.passed,
    )


def _row(new: NewAssessment) -> dict[str, Any]:
    """The columns of an assessment that has just begun."""
    row = new.row
    return {
        "id": row.assessment_id,
        "application_id": row.application_id,
        "user_id": row.user_id,
        "test_id": row.test_id,
        "test_version_id": row.test_version_id,
        "attempt": row.attempt,
        "status": row.status.value,
        "started_at": row.started_at,
        "deadline_at": row.deadline_at,
        "sweep_at": new.sweep_at,
        "seed": row.seed,
        "is_trial": row.is_trial,
        "max_score": row.max_score,
        "total_questions": row.total_questions,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "head_seq": row.head_seq,
        "head_hash": row.head_hash,
    }


def _outcome(row: Assessment) -> dict[str, Any]:
    return {"b_id": row.assessment_id, **{f"b_{column}": getattr(row, column) for column in _OUTCOME}}


def _slot(assessment_id: int, question: PaperQuestion) -> dict[str, Any]:
    return {
        "assessment_id": assessment_id,
        "position": question.position,
        "question_id": question.question_id,
        "section": question.section,
        "points": question.points,
        "option_order": canonical_json(list(question.option_order)).decode(),
        "content_digest": question.content_digest,
    }


def _assessment(row: Row[Any]) -> Assessment:
    return Assessment(
        assessment_id=row.id,
        application_id=row.application_id,
        user_id=row.user_id,
        test_id=row.test_id,
        test_version_id=row.test_version_id,
        attempt=row.attempt,
        status=Status(row.status),
        started_at=row.started_at,
        deadline_at=row.deadline_at,
        end_time=row.end_time,
        end_reason=EndReason(row.end_reason) if row.end_reason else None,
        total_score=row.total_score,
        max_score=row.max_score,
        percentage_score=row.percentage_score,
        passed=row.passed,
        total_questions=row.total_questions,
        time_taken_minutes=None if row.time_taken_minutes is None else float(row.time_taken_minutes),
        created_at=row.created_at,
        updated_at=row.updated_at,
        head_seq=row.head_seq,
        head_hash=row.head_hash,
        receipt_seq=row.receipt_seq,
        receipt_head=row.receipt_head,
        receipt_signature=row.receipt_signature,
        receipt_key_id=row.receipt_key_id,
        seed=row.seed,
        is_trial=row.is_trial,
        compliance=row.compliance,
        compliance_signature=row.compliance_signature,
    )
