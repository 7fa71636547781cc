"""Applications as a sheet (CSV): what each row says, and what is wrong with it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sitting.domain.application import Accommodation, check_accommodation
from sitting.domain.errors import InvalidMessage
from sitting.domain.user import normalised_email

REQUIRED = ("name", "email")
COLUMNS = (*REQUIRED, "label", "extra_time_factor", "extra_minutes", "break_minutes", "expires_at")
MAX_ROWS = 10_000
MAX_TEXT, MAX_EMAIL = 200, 254
YEARS = range(2000, 3000)
_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")
_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True)
class SheetRow:
    """Somebody to invite. Rows count as a spreadsheet counts them: from 1, the header and blank ones included."""

    row: int
    name: str
    email: str
    label: str
    accommodation: Accommodation
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that is not taken: the column at fault (None: the whole row) and why. `email` as it was written."""

    row: int
    column: str | None
    reason: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What can be taken of a sheet, and what cannot; both by row."""

    rows: Sequence[SheetRow]
    refused: Sequence[RefusedRow]


class _Wrong(Exception):
    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.reason = column, reason


def read_sheet(body: bytes) -> Sheet:
    """Read CSV in UTF-8, with or without a byte order mark, with commas or semicolons between the cells.

    Raises:
        InvalidMessage: it is no such sheet at all: not UTF-8, broken quotes, too long, or the header is wrong.
    """
    records = _records(_decoded(body))
    header, delimiter = next(records, ([], ","))
    columns = _columns(header)
    rows: list[SheetRow] = []
    refused: list[RefusedRow] = []
    seen: dict[tuple[str, str], int] = {}
    for number, (cells, _) in enumerate(records, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            row = _row(number, _named(columns, cells), decimal_comma=delimiter == ";")
            _refuse_repeated(row, seen)
        except _Wrong as wrong:
            email = dict(zip(columns, cells, strict=False)).get("email", "").strip()[:MAX_EMAIL]
            refused.append(RefusedRow(number, wrong.column or None, wrong.reason, email))
        else:
            rows.append(row)
        if len(rows) + len(refused) > MAX_ROWS:
            raise InvalidMessage("This sheet has too many rows.", max_rows=MAX_ROWS)
    return Sheet(rows, refused)


def _decoded(body: bytes) -> str:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidMessage("This sheet is not in UTF-8.", at_byte=error.start) from None
    if "\0" in text:
        raise InvalidMessage("This sheet has NUL characters.", at_character=text.index("\0"))
    return text


def _records(text: str) -> Iterator[tuple[list[str], str]]:
    """The cells of each record, with the delimiter of the sheet: the one that the header has more of."""
    first = text.split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):  # noqa: B007  told where it breaks
            yield cells, delimiter
    except csv.Error as error:
        raise InvalidMessage("This sheet cannot be read: its quotes are broken.", row=number + 1) from error


def _columns(header: Sequence[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in header]
    unknown = sorted({column[:64] for column in columns} - set(COLUMNS))
    missing = [column for column in REQUIRED if column not in columns]
    if unknown or missing or len(set(columns)) < len(columns):
        raise InvalidMessage(
            "The first row must name the columns, each once.", unknown=unknown, missing=missing, known=list(COLUMNS)
        )
    return columns


def _named(columns: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """The cells by column; those that a short row leaves out are empty."""
    if any(cell.strip() for cell in cells[len(columns) :]):
        raise _Wrong("", f"it has {len(cells)} cells, and there are {len(columns)} columns")
    padded = [*cells, *[""] * len(columns)]
    return {column: cell.strip() for column, cell in zip(columns, padded, strict=False)}


def _row(number: int, cells: Mapping[str, str], *, decimal_comma: bool) -> SheetRow:
    name = _text(cells, "name")
    if not name:
        raise _Wrong("name", "it is empty")
    accommodation = Accommodation(
        _factor(cells.get("extra_time_factor", ""), decimal_comma=decimal_comma),
        _minutes(cells, "extra_minutes"),
        _minutes(cells, "break_minutes"),
    )
    try:
        check_accommodation(accommodation)
    except InvalidMessage as error:
        raise _Wrong(error.details["field"], "the number is out of its range") from None
    return SheetRow(number, name, _email(cells["email"]), _text(cells, "label"), accommodation, _instant(cells))


def _text(cells: Mapping[str, str], column: str) -> str:
    text = cells.get(column, "")
    if len(text) > MAX_TEXT:
        raise _Wrong(column, f"it has more than {MAX_TEXT} characters")
    if text.startswith(_FORMULA):
        raise _Wrong(column, "it begins like a formula")
    return text


def _email(text: str) -> str:
    if len(text) > MAX_EMAIL:
        raise _Wrong("email", f"it has more than {MAX_EMAIL} characters")
    try:
        return normalised_email(text)
    except InvalidMessage:
        raise _Wrong("email", "it is no e-mail address") from None


def _factor(text: str, *, decimal_comma: bool) -> int:
    """Thousandths; where semicolons stand between the cells, a comma may stand for the decimal point."""
    if not text:
        return Accommodation().extra_time_factor
    number = text.replace(",", ".") if decimal_comma else text
    if not _NUMBER.fullmatch(number):
        raise _Wrong("extra_time_factor", "it is no number with at most three decimals")
    return int(Decimal(number).scaleb(3))


def _minutes(cells: Mapping[str, str], column: str) -> int:
    text = cells.get(column, "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise _Wrong(column, "it is no number of whole minutes")
    return int(text or 0)


def _instant(cells: Mapping[str, str]) -> datetime | None:
    text = cells.get("expires_at", "")
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise _Wrong("expires_at", "it is no time such as 2026-05-01T18:00:00+02:00") from None
    if instant.tzinfo is None:
        raise _Wrong("expires_at", "it lacks the offset from UTC, such as Z or +02:00")
    if instant.year not in YEARS:
        raise _Wrong("expires_at", f"its year is not {YEARS.start} to {YEARS.stop - 1}")
    return instant.astimezone(UTC)


def _refuse_repeated(row: SheetRow, seen: dict[tuple[str, str], int]) -> None:
    first = seen.setdefault((row.email, row.label), row.row)
    if first != row.row:
        raise _Wrong("email", f"it stands in row {first} already, with the same label")
