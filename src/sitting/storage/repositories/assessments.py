"""Assessments: the row, the frozen paper and the current responses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, insert, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.answer import GivenAnswer
from sitting.domain.application import AttemptRecord
from sitting.domain.assessment import OPEN_STATUSES, Assessment, Status
from sitting.domain.errors import AssessmentNotFound
from sitting.domain.events import EndReason
from sitting.domain.paper import Paper, PaperQuestion
from sitting.domain.question import QuestionContent
from sitting.domain.results import Receipt
from sitting.domain.scoring import ItemScore, Score
from sitting.kit.canonical import canonical_json
from sitting.storage.tables import assessment_responses, assessments, paper_questions


class AssessmentRepository:
    """Each method that writes runs inside the unit of work that also writes the event."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create_assessment_instance(
        self,
        *,
        application_id: int,
        user_id: int,
        test_id: int,
        test_version_id: int,
        attempt: int,
        paper: Paper,
        started_at: datetime,
        deadline_at: datetime | None,
        sweep_at: datetime,
        seed: str,
        is_trial: bool,
    ) -> int:
        """Insert the row and its whole paper; returns the new assessment_id."""
        values = {
            "application_id": application_id,
            "user_id": user_id,
            "test_id": test_id,
            "test_version_id": test_version_id,
            "attempt": attempt,
            "status": Status.STARTED,
            "started_at": started_at,
            "deadline_at": deadline_at,
            "sweep_at": sweep_at,
            "seed": seed,
            "is_trial": is_trial,
            "max_score": paper.max_score,
            "total_questions": len(paper.questions),
            "created_at": started_at,
            "updated_at": started_at,
            "head_seq": 0,
            "head_hash": b"",
        }
        assessment_id: int | None = await self._connection.scalar(
            insert(assessments).values(values).returning(assessments.c.id)
        )
        assert assessment_id is not None
        await self._connection.execute(insert(paper_questions), [_slot(assessment_id, q) for q in paper.questions])
        return assessment_id

    async def update_assessment_status(
        self,
        assessment_id: int,
        status: Status,
        *,
        reason: EndReason,
        end_time: datetime,
        minutes: float,
        score: Score,
        passed: bool,
        receipt: Receipt,
        compliance: str,
        compliance_signature: str,
        now: datetime,
    ) -> None:
        """Write the outcome into the row and into each response, with the head that the receipt signs."""
        head = bytes.fromhex(receipt.head)
        await self._connection.execute(
            update(assessments)
            .where(assessments.c.id == assessment_id)
            .values(
                status=status,
                end_reason=reason,
                end_time=end_time,
                time_taken_minutes=minutes,
                total_score=score.total,
                max_score=score.maximum,
                percentage_score=score.percentage,
                passed=passed,
                head_seq=receipt.seq,
                head_hash=head,
                receipt_seq=receipt.seq,
                receipt_head=head,
                receipt_signature=receipt.signature,
                receipt_key_id=receipt.key_id,
                compliance=compliance,
                compliance_signature=compliance_signature,
                updated_at=now,
            )
        )
        await self._grade_responses(assessment_id, score.items)

    async def update_time(
        self, assessment_id: int, status: Status, *, deadline_at: datetime | None, sweep_at: datetime, now: datetime
    ) -> None:
        """Write how the clock of an open assessment stands, and when the sweep has to look at it."""
        await self._connection.execute(
            update(assessments)
            .where(assessments.c.id == assessment_id)
            .values(status=status, deadline_at=deadline_at, sweep_at=sweep_at, updated_at=now)
        )

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
            .where(assessments.c.application_id.in_(application_ids))
            .order_by(assessments.c.application_id, assessments.c.attempt)
        )
        found: dict[int, list[AttemptRecord]] = {}
        for row in await self._connection.execute(statement):
            found.setdefault(row.application_id, []).append(_attempt(row))
        return found

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

    async def due_for_sweep(self, now: datetime, limit: int) -> list[int]:
        """Open assessments that the sweep may close by now, most overdue first."""
        statement = (
            select(assessments.c.id)
            .where(assessments.c.sweep_at <= now, assessments.c.status.in_(OPEN_STATUSES))
            .order_by(assessments.c.sweep_at)
            .limit(limit)
        )
        return list(await self._connection.scalars(statement))

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

    async def _grade_responses(self, assessment_id: int, items: Iterable[ItemScore]) -> None:
        rows = [{"b_question_id": i.question_id, "is_correct": i.is_correct, "points": i.points} for i in items]
        if rows:
            statement = update(assessment_responses).where(
                assessment_responses.c.assessment_id == assessment_id,
                assessment_responses.c.question_id == bindparam("b_question_id"),
            )
            await self._connection.execute(
                statement.values(is_correct=bindparam("is_correct"), points=bindparam("points")), rows
            )


def paper_from_slots(slots: Iterable[Row[Any]], contents: Mapping[str, QuestionContent]) -> Paper:
    """The frozen paper, given the contents that its slots refer to."""
    return Paper(
        tuple(
            PaperQuestion(
                position=slot.position,
                question_id=slot.question_id,
                section=slot.section,
                points=slot.points,
                option_order=tuple(msgspec.json.decode(slot.option_order)),
                content_digest=slot.content_digest,
                content=contents[slot.content_digest],
            )
            for slot in slots
        )
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
