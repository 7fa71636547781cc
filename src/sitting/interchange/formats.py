"""The one way in and the one way out, whatever the format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum

from sitting.domain.question import QuestionVersion
from sitting.interchange.csv_file import read_csv, write_csv
from sitting.interchange.gift_reader import read_gift
from sitting.interchange.gift_writer import write_gift
from sitting.interchange.json_file import read_json, write_json
from sitting.interchange.reading import (
    MAX_ITEMS,
    Defaults,
    ReadFile,
    ReadItem,
    completed,
    distinct,
    shortened,
    used_defaults,
)
from sitting.interchange.report import ItemReport, Outcome, Remark, Report, report_of

MAX_FILE_BYTES = 8 * 1024 * 1024


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"
    GIFT = "gift"


MEDIA_TYPES = {Format.JSON: "application/json", Format.CSV: "text/csv", Format.GIFT: "text/plain"}
_READERS: dict[Format, Callable[[str], ReadFile]] = {
    Format.JSON: read_json,
    Format.CSV: read_csv,
    Format.GIFT: read_gift,
}
_SUFFIXES = {".json": Format.JSON, ".csv": Format.CSV, ".tsv": Format.CSV, ".gift": Format.GIFT, ".txt": Format.GIFT}


def format_of_name(name: str) -> Format | None:
    """The format that a file's name tells; None if it tells none."""
    return next((format_ for suffix, format_ in _SUFFIXES.items() if name.lower().endswith(suffix)), None)


def read_bank(data: bytes, format_: Format, defaults: Defaults) -> ReadFile:
    """The questions of a file: what cannot be taken is among them, with its reasons. No bytes make it raise."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        column = fault.start - (data.rfind(b"\n", 0, fault.start) + 1) + 1
        return _refused(format_, "this is not UTF-8", line, column)
    found = _READERS[format_](text)
    if len(found.items) > MAX_ITEMS:
        return _refused(format_, f"a file holds {MAX_ITEMS} questions at most; cut it in pieces", 1, 1)
    return replace(
        found,
        items=distinct([completed(item, defaults) for item in found.items]),
        remarks=[*found.remarks, *used_defaults(found.items, defaults)],
    )


def _refused(format_: Format, reason: str, line: int, column: int) -> ReadFile:
    return ReadFile(format_, [ReadItem(1, line, column, "the file", None, reasons=(Remark(reason, line, column),))])


def write_bank(questions: Sequence[QuestionVersion], format_: Format) -> tuple[str, Report]:
    """The file, and what became of each question."""
    if format_ is Format.GIFT:
        text, items = write_gift(questions)
    else:
        text = write_json(questions) if format_ is Format.JSON else write_csv(questions)
        items = [_written(number, question) for number, question in enumerate(questions, 1)]
    return text, report_of(format_, items, outcomes=(Outcome.WRITTEN, Outcome.LEFT_OUT))


def _written(number: int, question: QuestionVersion) -> ItemReport:
    return ItemReport(
        item=number,
        line=0,
        column=0,
        name=question.slug or shortened(question.content.text),
        outcome=Outcome.WRITTEN,
        question_id=question.question_id,
        slug=question.slug,
        version=question.version,
    )
