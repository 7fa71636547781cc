"""What became of each question of a file: one report for all formats, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """Of an import: created, updated (a new version), unchanged, refused. Of an export: written, left out."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    WRITTEN = "written"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence about one place of a file. Lines and columns count from 1; a CSV's column is that of the table.

    In an export there is no place yet: both are 0.
    """

    message: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class ItemReport:
    """What became of one question.

    Attributes:
        item: its number in the file, from 1. line, column: where it begins.
        name: what people will recognise it by: slug, title or the beginning of its text.
        changes: what the bank (or, in an export, the file) says otherwise than the source did.
        reasons: why it was refused or left out; empty otherwise.
    """

    item: int
    line: int
    column: int
    name: str
    outcome: Outcome
    question_id: str | None = None
    slug: str | None = None
    version: int | None = None
    changes: Sequence[Remark] = ()
    reasons: Sequence[Remark] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a whole file.

    Attributes:
        counts: how many items had each outcome; outcomes that did not occur are 0.
        remarks: what concerns the file as a whole.
    """

    format: str
    dry_run: bool
    counts: dict[Outcome, int]
    changed: int
    items: Sequence[ItemReport]
    remarks: Sequence[Remark] = ()


def report_of(
    format_: str,
    items: Sequence[ItemReport],
    *,
    outcomes: Sequence[Outcome],
    remarks: Sequence[Remark] = (),
    dry_run: bool = False,
) -> Report:
    """A report with its sums; `outcomes` are those that could occur."""
    counts = {outcome: sum(item.outcome is outcome for item in items) for outcome in outcomes}
    return Report(format_, dry_run, counts, sum(bool(item.changes) for item in items), items, remarks)


def lines_of(report: Report) -> list[str]:
    """The report for people: the sums, then every item of which there is more to say than that it went well."""
    sums = ", ".join(f"{number} {outcome.replace('_', ' ')}" for outcome, number in report.counts.items())
    changed = f"; {report.changed} not exactly as they were" if report.changed else ""
    return [
        f"{report.format}: {sums}{changed}{' (dry run: nothing was stored)' if report.dry_run else ''}",
        *(f"{_place(remark)}{remark.message}" for remark in report.remarks),
        *(line for item in report.items if item.changes or item.reasons for line in _of_item(item)),
    ]


def _of_item(item: ItemReport) -> list[str]:
    return [
        f"item {item.item} ({item.name}): {item.outcome.replace('_', ' ')}",
        *(f"  {_place(remark)}changed: {remark.message}" for remark in item.changes),
        *(f"  {_place(remark)}{remark.message}" for remark in item.reasons),
    ]


def _place(remark: Remark) -> str:
    return f"line {remark.line}, column {remark.column}: " if remark.line else ""
