"""Walk the logs, and name the first broken place of each."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec

from sitting.domain.audit import AuditRecord, Break, Verifies, first_break
from sitting.storage.database import Database
from sitting.storage.repositories.audit import AuditRepository

PAGE = 500
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
    """What the audit found of one assessment: how many entries its log has, and where it is broken, if it is."""

    assessment_id: int
    entries: int
    broken: Break | None


async def verify_log(
    database: Database, verifies: Verifies | None, *, assessment_id: int | None = None
) -> AsyncIterator[VerifiedLog]:
    """Check one assessment, or all of them by id. Each is read in one consistent instant, so others may write.

    Args:
        verifies: says whether a receipt's signature holds; None leaves signatures unchecked.

    Raises:
        AssessmentNotFound: there is no assessment of that id. Unavailable: the database failed.
    """
    if assessment_id is not None:
        yield await _verify(database, verifies, assessment_id)
        return
    last = 0
    while ids := await _ids_behind(database, last):
        for last in ids:
            yield await _verify(database, verifies, last)


async def _ids_behind(database: Database, last: int) -> list[int]:
    async with database.reading() as connection:
        return await AuditRepository(connection).assessment_ids(after=last, limit=PAGE)


async def _verify(database: Database, verifies: Verifies | None, assessment_id: int) -> VerifiedLog:
    """Rows that were changed by hand may hold anything: what cannot be read is a broken place too."""
    record: AuditRecord | None = None
    try:
        async with database.reading() as connection:
            record = await AuditRepository(connection).record(assessment_id)
        broken = first_break(record, verifies)
    except _UNREADABLE as fault:
        broken = Break("rows", f"they cannot be read: {fault}")
    return VerifiedLog(assessment_id, len(record.events) if record else 0, broken)
