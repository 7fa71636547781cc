"""Invite the people of a sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sitting.domain.application_sheet import RefusedRow, Sheet, SheetRow
from sitting.domain.errors import InvalidMessage
from sitting.storage.unit_of_work import Storage, UnitOfWork
from sitting.usecases.invitees import (
    Invitee,
    NewCandidate,
    applications_by_label,
    make_invitations,
    published_test,
)

MAX_TOLD = 200
PORTION = 500


class RowOutcome(StrEnum):
    """What became of a row, or in a dry run would."""

    CREATED = "created"
    EXISTING = "existing"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RowReport:
    """One row: what became of it, and of a refused one the column at fault (None: the whole row) and why.

    Attributes:
        secret: what the invitation link carries; None where there is no application.
    """

    row: int
    outcome: RowOutcome
    email: str
    application_id: int | None = None
    secret: str | None = None
    column: str | None = None
    reason: str | None = None


async def import_applications(
    storage: Storage,
    test_id: int,
    sheet: Sheet,
    *,
    all_or_none: bool,
    dry_run: bool,
    by: int | None,
    now: datetime,
) -> list[RowReport]:
    """Take the rows that are right, and say of every row what became of it.

    They are taken PORTION by PORTION, so that answers of running assessments need not wait for a long sheet. After a
    failure in between the same sheet can be sent again: what was taken is found to be there.

    Args:
        all_or_none: take nothing if any row is wrong, and all in one transaction. dry_run: write nothing.

    Raises:
        BlueprintNotFound: there is no such Test. Conflict: it was never published, or it is archived.
        InvalidMessage: a row is wrong, and all or none was asked for; `details.rows` has the first MAX_TOLD.
    """
    taken: list[RowReport] = []
    refused = list(sheet.refused)
    for rows in [sheet.rows] if all_or_none or dry_run else _portions(sheet.rows):
        async with storage.reading() if dry_run else storage.unit_of_work() as unit:
            await published_test(unit, test_id, for_update=not dry_run)
            active, deactivated = await _without_deactivated(unit, rows)
            refused += deactivated
            if refused and all_or_none and not dry_run:
                raise _nothing_taken(refused)
            taken += await (_foreseen(unit, test_id, active) if dry_run else _made(unit, test_id, active, by, now))
    reports = [RowReport(r.row, RowOutcome.REFUSED, r.email, column=r.column, reason=r.reason) for r in refused]
    return sorted((*taken, *reports), key=lambda report: report.row)


def _portions(rows: Sequence[SheetRow]) -> Iterator[Sequence[SheetRow]]:
    """The rows, PORTION at a time; one portion at least, so that somebody looks at the Test."""
    for start in range(0, max(1, len(rows)), PORTION):
        yield rows[start : start + PORTION]


async def _without_deactivated(unit: UnitOfWork, rows: Sequence[SheetRow]) -> tuple[list[SheetRow], list[RefusedRow]]:
    known = await unit.users.select_by_emails([row.email for row in rows])
    gone = {email for email, user in known.items() if user.deactivated_at is not None}
    refused = [RefusedRow(r.row, "email", "this person is deactivated", r.email) for r in rows if r.email in gone]
    return [row for row in rows if row.email not in gone], refused


async def _foreseen(unit: UnitOfWork, test_id: int, rows: Sequence[SheetRow]) -> list[RowReport]:
    known = await unit.users.select_by_emails([row.email for row in rows])
    existing = await applications_by_label(unit, test_id, {user.user_id for user in known.values()})
    reports: list[RowReport] = []
    for row in rows:
        user = known.get(row.email)
        found = None if user is None else existing.get((user.user_id, row.label))
        if found is None:
            reports.append(RowReport(row.row, RowOutcome.CREATED, row.email))
        else:
            reports.append(RowReport(row.row, RowOutcome.EXISTING, row.email, found.application_id, found.secret))
    return reports


async def _made(
    unit: UnitOfWork, test_id: int, rows: Sequence[SheetRow], by: int | None, now: datetime
) -> list[RowReport]:
    invitees = [Invitee(NewCandidate(r.name, r.email), r.label, r.accommodation, r.expires_at) for r in rows]
    invitations = await make_invitations(unit, test_id, invitees, by=by, now=now)
    return [
        RowReport(
            row.row,
            RowOutcome.CREATED if made.is_new else RowOutcome.EXISTING,
            row.email,
            made.application.application_id,
            made.application.secret,
        )
        for row, made in zip(rows, invitations, strict=True)
    ]


def _nothing_taken(refused: Sequence[RefusedRow]) -> InvalidMessage:
    first = sorted(refused, key=lambda row: row.row)[:MAX_TOLD]
    told = [{"row": row.row, "column": row.column, "reason": row.reason} for row in first]
    return InvalidMessage("Some rows are wrong, and nothing was taken.", refused=len(refused), rows=told)
