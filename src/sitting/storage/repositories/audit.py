"""Assessments as the audit reads them: with the exact bytes, and whatever their rows hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from sqlalchemy import Row, Text, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.audit import AuditRecord, ResponseRecord
from sitting.domain.chain import SealedEvent
from sitting.domain.events import Presented, optional_body
from sitting.domain.question import QuestionContent
from sitting.storage.repositories.assessments import AssessmentRepository, given_answer, paper_from_slots
from sitting.storage.repositories.blueprints import BlueprintRepository
from sitting.storage.repositories.events import EventRepository
from sitting.storage.tables import assessment_events, assessments, question_contents, users
from sitting.storage.types import from_text, to_text

_CONTENT = msgspec.json.Decoder(QuestionContent)


class AuditRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def assessment_ids(self, *, after: int, limit: int) -> list[int]:
        """The ids of all assessments in order, behind `after`."""
        statement = select(assessments.c.id).where(assessments.c.id > after).order_by(assessments.c.id).limit(limit)
        return list(await self._connection.scalars(statement))

    async def record(self, assessment_id: int) -> AuditRecord:
        """All that is stored of that assessment.

        Raises:
            AssessmentNotFound: there is none.
            ValueError, TypeError, LookupError: a row holds what no Sitting has written.
        """
        rows = AssessmentRepository(self._connection)
        assessment = await rows.select(assessment_id)
        slots = await rows.paper_slots(assessment_id)
        contents = await self._bodies([slot.content_digest for slot in slots])
        events = await EventRepository(self._connection).read(assessment_id)
        return AuditRecord(
            assessment=assessment,
            events=events,
            responses=[_response(row) for row in await rows.responses(assessment_id)],
            paper=paper_from_slots(slots, {digest: _CONTENT.decode(body) for digest, body in contents.items()}),
            blueprint=(await BlueprintRepository(self._connection).version(assessment.test_version_id)).blueprint,
            contents=contents,
            reserves=await self.contents(_reserves(events)),
            person_erased=await self._is_erased(assessment.user_id),
        )

    async def unreadable_entry(self, assessment_id: int) -> int | None:
        """The number of the first entry whose instant no Sitting has written; None if there is none.

        On SQLite only, whose columns take anything.
        """
        if self._connection.dialect.name != "sqlite":
            return None
        columns = assessment_events.c
        statement = (
            select(columns.seq, type_coerce(columns.occurred_at, Text))
            .where(columns.assessment_id == assessment_id)
            .order_by(columns.seq)
        )
        rows = await self._connection.execute(statement)
        return next((seq for seq, written in rows if not _is_instant(written)), None)

    async def _is_erased(self, user_id: int) -> bool:
        statement = select(users.c.erased_at).where(users.c.id == user_id)
        return await self._connection.scalar(statement) is not None

    async def contents(self, digests: Collection[str]) -> Mapping[str, QuestionContent]:
        """The contents of these digests.

        Raises:
            LookupError: one is missing. ValueError: one is none.
        """
        bodies = await self._bodies(digests) if digests else {}
        return {digest: _CONTENT.decode(body) for digest, body in bodies.items()}

    async def _bodies(self, digests: Collection[str]) -> Mapping[str, bytes]:
        statement = select(question_contents).where(question_contents.c.digest.in_(sorted(set(digests))))
        found = {row.digest: row.body for row in await self._connection.execute(statement)}
        missing = sorted(set(digests) - found.keys())
        if missing:
            raise LookupError(f"the paper's content {missing[0]} is missing")
        return found


def _reserves(events: Sequence[SealedEvent]) -> set[str]:
    """The digests of what questions that were written for the candidate took the place of, as far as it can be read."""
    found = set()
    for event in events:
        with suppress(msgspec.MsgspecError):  # the audit names such an entry
            body = optional_body(event) if event.type == "presented" else None
            if isinstance(body, Presented) and body.instead_of is not None:
                found.add(body.instead_of.content_digest)
    return found


def _is_instant(written: object) -> bool:
    try:
        return isinstance(written, str) and to_text(from_text(written)) == written
    except ValueError:
        return False


def _response(row: Row[Any]) -> ResponseRecord:
    return ResponseRecord(
        question_id=row.question_id,
        given=given_answer(row),
        is_correct=row.is_correct,
        points=row.points,
        answered_at=row.answered_at,
        seq=row.seq,
    )
