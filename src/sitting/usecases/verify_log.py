"""Walk the logs, and name the first broken place of each."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from sitting.domain.audit import AuditRecord, Break, Verifies, first_break
from sitting.domain.question import QuestionContent
from sitting.questions.drawing import Plan, draw_slots, paper_digests, written_order
from sitting.questions.redrawing import plan_of, redraw
from sitting.storage.database import Database
from sitting.storage.repositories.audit import AuditRepository
from sitting.storage.repositories.blueprints import BlueprintRepository

PAGE = 500
MAX_PLANS = 50
_UNREADABLE = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    struct.error,
    msgspec.MsgspecError,
)


@dataclass(frozen=True, slots=True)
class VerifiedLog:
    """What the audit found of one assessment.

    Attributes:
        entries: how many its log has.
        broken: where it is broken; None if it is whole.
        is_erased: whether its log says that the candidate was erased.
    """

    assessment_id: int
    entries: int
    broken: Break | None
    is_erased: bool = False


async def verify_log(
    database: Database, verifies: Verifies | None, *, assessment_id: int | None = None
) -> AsyncIterator[VerifiedLog]:
    """Check one assessment, or all of them by id. Each is read in one consistent instant, so others may write.

    Args:
        verifies: says whether a receipt's signature holds; None leaves signatures unchecked.

    Raises:
        AssessmentNotFound: there is no assessment of that id. Unavailable: the database failed.
    """
    audit = _Audit(database, verifies)
    if assessment_id is not None:
        yield await audit.verify(assessment_id)
        return
    last = 0
    while ids := await _ids_behind(database, last):
        for last in ids:
            yield await audit.verify(last)


async def _ids_behind(database: Database, last: int) -> list[int]:
    async with database.reading() as connection:
        return await AuditRepository(connection).assessment_ids(after=last, limit=PAGE)


@dataclass(slots=True)
class _Audit:
    database: Database
    verifies: Verifies | None
    plans: dict[int, Plan] = field(default_factory=dict)

    async def verify(self, assessment_id: int) -> VerifiedLog:
        """Rows that were changed by hand may hold anything: what cannot be read is a broken place too."""
        record: AuditRecord | None = None
        try:
            record = await self._read(assessment_id)
            broken = first_break(record, self.verifies)
        except _UNREADABLE as fault:
            broken = await self._unreadable(assessment_id, fault)
        if record is None:
            return VerifiedLog(assessment_id, 0, broken)
        return VerifiedLog(assessment_id, len(record.events), broken, record.is_erased)

    async def _unreadable(self, assessment_id: int, fault: Exception) -> Break:
        async with self.database.reading() as connection:
            seq = await AuditRepository(connection).unreadable_entry(assessment_id)
        if seq is not None:
            return Break(f"entry {seq}", "its instant cannot be read")
        return Break("rows", f"they cannot be read: {fault}")

    async def _read(self, assessment_id: int) -> AuditRecord:
        async with self.database.reading() as connection:
            audit = AuditRepository(connection)
            record = await audit.record(assessment_id)
            version_id = record.assessment.test_version_id
            if version_id not in self.plans:
                version = await BlueprintRepository(connection).version(version_id)
                if len(self.plans) == MAX_PLANS:
                    self.plans.clear()
                self.plans[version_id] = plan_of(version)
            if record.is_erased and record.blueprint.is_generated:
                record = replace(record, reserves=await _reserves(audit, record, self.plans[version_id]))
        return _redrawn(record, self.plans[version_id])


async def _reserves(audit: AuditRepository, record: AuditRecord, plan: Plan) -> Mapping[str, QuestionContent]:
    """What version and seed give beyond what the paper holds: entries that told of reserves are gone."""
    drawn = paper_digests(plan, draw_slots(plan, record.assessment.seed or ""))
    return await audit.contents(set(drawn) - record.all_contents.keys())


def _redrawn(record: AuditRecord, plan: Plan) -> AuditRecord:
    """The same with what version and seed give."""
    seed = record.assessment.seed
    if seed is None:
        return record
    written = record.written_positions
    orders = {
        question.position: written_order(question.content, seed, question.position)
        for question in record.paper.questions
        if question.position in written
    }
    paper = redraw(plan, seed, record.all_contents)
    if paper is None:
        return replace(record, redrawn_digest="", redrawn_orders=orders)
    paper = paper.with_pilots(record.paper.pilots)  # chosen by what was counted then, which nothing can give again
    slots = {q.position: q.as_slot(points=q.points) for q in record.paper.questions if q.position in written}
    return replace(record, redrawn_digest=paper.digest(slots if record.is_erased else None), redrawn_orders=orders)
