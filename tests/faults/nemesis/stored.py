"""Reads the tables for the checker, some assessments at a time, past the repositories."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from sitting.storage.database import Database
from sitting.storage.tables import assessment_events, assessment_responses, assessments, paper_questions
from sitting.storage.url import DatabaseUrl
from tests.faults.nemesis.checker import (
    OPEN,
    Claims,
    Finding,
    Rules,
    StoredAssessment,
    StoredEntry,
    check_assessment,
    check_attempts,
    check_final,
    given_of,
)

AT_ONCE = 200


async def check_tables(url: str, claims: dict[int, Claims], rules: Rules, now: datetime) -> tuple[int, list[Finding]]:
    """How many assessments there are, and all that is wrong with them."""
    database = Database(DatabaseUrl.parse(url), read_only=True)
    try:
        rows = await _rows(database, select(assessments).order_by(assessments.c.id))
        found = check_attempts(((row.application_id, row.attempt, row.status) for row in rows), rules)
        due = {row.id: row.deadline_at for row in rows}
        still_open: list[tuple[int, datetime | None, int]] = []
        async for stored in _stored(database, rows):
            found += check_assessment(stored, claims.pop(stored.assessment_id, Claims()), rules)
            if stored.status in OPEN:
                grace = stored.entries[0].body["grace_seconds"] if stored.entries else 0
                still_open.append((stored.assessment_id, due[stored.assessment_id], grace))
        found += check_final(still_open, now)
        found += [Finding("lost", id_, "the assessment is gone") for id_, claim in claims.items() if claim.acks]
        return len(rows), found
    finally:
        await database.close()


async def open_assessments(url: str) -> list[tuple[int, str, datetime | None]]:
    """Id, status and deadline of all that are open."""
    database = Database(DatabaseUrl.parse(url), read_only=True)
    try:
        rows = await _rows(database, select(assessments).where(assessments.c.status.in_(OPEN)))
        return [(row.id, row.status, row.deadline_at) for row in rows]
    finally:
        await database.close()


async def _rows(database: Database, statement: Any) -> Sequence[Row[Any]]:
    async with database.reading() as connection:
        return list(await connection.execute(statement))


async def _stored(database: Database, rows: Sequence[Row[Any]]) -> AsyncIterator[StoredAssessment]:
    for begin in range(0, len(rows), AT_ONCE):
        some = rows[begin : begin + AT_ONCE]
        ids = [row.id for row in some]
        events, responses, papers = [
            await _by_assessment(database, table, ids)
            for table in (assessment_events, assessment_responses, paper_questions)
        ]
        for row in some:
            yield StoredAssessment(
                row.id,
                row.application_id,
                row.attempt,
                row.status,
                row.end_time,
                (row.total_score, row.max_score, row.percentage_score, row.passed),
                [_entry(each) for each in events[row.id]],
                {each.question_id: (given_of(_answer(each)), each.seq) for each in responses[row.id]},
                [(each.question_id, each.points) for each in papers[row.id]],
            )


async def _by_assessment(database: Database, table: Any, ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    statement = select(table).where(table.c.assessment_id.in_(ids)).order_by(*table.primary_key.columns)
    found: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in await _rows(database, statement):
        found[row.assessment_id].append(row)
    return found


def _entry(row: Row[Any]) -> StoredEntry:
    return StoredEntry(row.seq, row.type, json.loads(row.payload or b"{}"), row.hash.hex(), row.occurred_at)


def _answer(row: Row[Any]) -> dict[str, Any]:
    options = None if row.selected_options is None else json.loads(row.selected_options)
    return {"selected_option": row.selected_option, "selected_options": options, "value": row.value}
