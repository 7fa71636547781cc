"""Banks as tables: one question a row, each part in a cell of its own, so that nothing needs a syntax inside a cell.

Lists are numbered columns (option_1, option_2, …). Only `tags` holds several values: separated by semicolons, with a
backslash before what is meant as it stands.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sitting.domain.question import QuestionVersion
from sitting.domain.question_check import MAX_ACCEPTED, MAX_OPTIONS
from sitting.interchange.reading import MAX_ITEMS, Notes, ReadFile, ReadItem, shortened
from sitting.interchange.report import Remark
from sitting.interchange.shape import Misshapen, to_fields, to_question

PLAIN = ("question_id", "slug", "type", "skill", "difficulty", "tags", "text", "correct")
NUMBERED = {
    "option": MAX_OPTIONS,
    "feedback": MAX_OPTIONS,
    "answer": MAX_ACCEPTED,
    "tolerance": MAX_ACCEPTED,
    "match": MAX_ACCEPTED,
    "credit": MAX_ACCEPTED,
    "other_unit": MAX_ACCEPTED,
    "factor": MAX_ACCEPTED,
}
LAST = ("unit", "unit_required", "case_sensitive", "explanation")
_KNOWN = {*PLAIN, *LAST, *(f"{name}_{n}" for name, most in NUMBERED.items() for n in range(1, most + 1))}
_YES, _NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0", ""})
_FORMULA = re.compile(r"[=+\-@\t\r']")  # what a spreadsheet would run, and the mark against it
_NUMBER = re.compile(r"-?[0-9.]+")
_MAX_CELL = 100_000


# --- out ---


def write_csv(questions: Iterable[QuestionVersion]) -> str:
    """The table; cells that a spreadsheet would take for formulas get an apostrophe, which the reader takes away."""
    rows = [_row(question) for question in questions]
    used = {name for row in rows for name in row}
    columns = [*PLAIN, *(name for name in _numbered_columns() if name in used), *LAST]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_guarded(row.get(name, "")) for name in columns] for row in rows)
    return out.getvalue()


def _numbered_columns() -> Iterator[str]:
    for group in (("option", "feedback"), ("answer", "tolerance", "match", "credit"), ("other_unit", "factor")):
        for number in range(1, NUMBERED[group[0]] + 1):
            yield from (f"{name}_{number}" for name in group)


def _row(question: QuestionVersion) -> dict[str, str]:
    said = to_fields(question.question_id, question.slug, question.content)
    row = {name: str(said[name]) for name in (*PLAIN, *LAST) if name in said and name not in ("tags", "options")}
    row |= {name: "true" for name in ("unit_required", "case_sensitive") if name in row}
    row["tags"] = "; ".join(_escaped(tag) for tag in question.content.tags)
    options = said.get("options", [])
    row |= _cells("option", options, "text") | _cells("feedback", options, "feedback")
    row["correct"] = ",".join(str(n) for n, option in enumerate(options, 1) if option["correct"])
    answers = said.get("numbers", []) + said.get("accepted", [])
    row |= _cells("answer", said.get("numbers", []), "value") | _cells("answer", said.get("accepted", []), "text")
    for name in ("tolerance", "match", "credit"):
        row |= _cells(name, answers, name)
    units = said.get("other_units", [])
    return row | _cells("other_unit", units, "name") | _cells("factor", units, "factor")


def _cells(column: str, parts: Sequence[Mapping[str, Any]], name: str) -> dict[str, str]:
    return {f"{column}_{n}": str(part[name]) for n, part in enumerate(parts, 1) if part.get(name) not in (None, "")}


def _guarded(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _escaped(tag: str) -> str:
    inside = re.sub(r"([\\;])", r"\\\1", tag)
    return re.sub(r"^\s+|\s+$", lambda found: "".join(f"\\{space}" for space in found[0]), inside)


# --- in ---


def read_csv(text: str) -> ReadFile:
    """The questions of a table whose first row names the columns; cells are separated by comma, semicolon or tab."""
    first_line = text[: text.find("\n") + 1 or len(text)]
    mark = max(",;\t", key=first_line.count)
    rows = _rows(text, mark)
    line, header = next(rows, (1, []))
    if isinstance(header, str):
        return ReadFile("csv", [_refused(1, line, header)])
    columns = [name.strip().casefold() for name in header]
    fault = _fault_of_header(columns)
    if fault is not None:
        return ReadFile("csv", [_refused(1, line, fault)])
    remarks = [
        Remark(f"the column {shortened(name)!r} is not known and was not read", line, number)
        for number, name in enumerate(columns, 1)
        if name not in _KNOWN
    ]
    items: list[ReadItem] = []
    for line, cells in islice(rows, MAX_ITEMS + 1):
        number = len(items) + 1
        items.append(_refused(number, line, cells) if isinstance(cells, str) else _item(number, line, columns, cells))
    return ReadFile("csv", items, remarks)


def _rows(text: str, mark: str) -> Iterator[tuple[int, list[str] | str]]:
    """Each row that is not empty, with its first line; instead of cells a sentence where the rest cannot be read."""
    csv.field_size_limit(_MAX_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            yield line, f"from here on this is no table: {fault}"
            return
        if any(cell.strip() for cell in cells):
            yield line, cells


def _fault_of_header(columns: Sequence[str]) -> str | None:
    if "text" not in columns:
        return "the first row must name the columns, `text` among them"
    named = [name for name in columns if name]
    return "a column stands there twice" if len(set(named)) != len(named) else None


def _refused(number: int, line: int, reason: str) -> ReadItem:
    return ReadItem(number, line, 1, f"row {number}", None, reasons=(Remark(reason, line, 1),))


def _item(number: int, line: int, columns: Sequence[str], cells: Sequence[str]) -> ReadItem:
    row = {name: _unguarded(cell) for name, cell in zip(columns, cells, strict=False) if name in _KNOWN}
    name = shortened(row.get("slug") or row.get("question_id") or row.get("text") or f"row {number}")
    notes = Notes()
    beyond = [cell for cell in cells[len(columns) :] if cell.strip()]
    question = None
    try:
        if beyond:
            raise Misshapen("it has more cells than the table has columns")
        question = to_question(_fields(row))
    except Misshapen as fault:
        place = _column_of(str(fault), columns)
        notes.reasons.append(Remark(str(fault), line, place))
    return ReadItem(number, line, 1, name, question, tuple(notes.changes), tuple(notes.reasons))


def _column_of(message: str, columns: Sequence[str]) -> int:
    """The number of the first column that the message names; 1 if it names none."""
    words = re.findall(r"\w+", message)
    return next((n for n, name in enumerate(columns, 1) if name in words), 1)


def _unguarded(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell, 1) else cell


def _fields(row: Mapping[str, str]) -> dict[str, Any]:
    """The row as the fields of a question.

    Raises:
        Misshapen: a cell cannot be read.
    """
    said: dict[str, Any] = {name: row.get(name, "") for name in ("text", "explanation", "unit")}
    said |= {
        name: row[name].strip()
        for name in ("question_id", "slug", "type", "skill", "difficulty")
        if row.get(name, "").strip()
    }
    said["tags"] = _tags(row.get("tags", ""))
    said |= {name: _truth(row.get(name, ""), name) for name in ("unit_required", "case_sensitive")}
    kind = said.get("type", "single_choice")
    options = _numbered(row, {"option": "text", "feedback": "feedback"})
    said |= _options(options, row.get("correct", "").strip(), kind)
    answers = {"answer": "value" if kind == "numeric" else "text", "credit": "credit"}
    answers["tolerance" if kind == "numeric" else "match"] = "tolerance" if kind == "numeric" else "match"
    said["numbers" if kind == "numeric" else "accepted"] = _numbered(row, answers)
    said["other_units"] = _numbered(row, {"other_unit": "name", "factor": "factor"})
    unused = "match" if kind == "numeric" else "tolerance"
    if any(cell for name, cell in row.items() if name.startswith(f"{unused}_")):
        raise Misshapen(f"{unused}_1 does not belong to a question of this type")
    return said


def _numbered(row: Mapping[str, str], columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """The parts in numbered columns, up to the last that says anything."""
    most = NUMBERED[next(iter(columns))]
    parts = [
        {field: cell for column, field in columns.items() if (cell := row.get(f"{column}_{number}", ""))}
        for number in range(1, most + 1)
    ]
    while parts and not parts[-1]:
        parts.pop()
    return parts


def _options(options: list[dict[str, Any]], correct: str, kind: str) -> dict[str, Any]:
    if kind == "true_false" and correct.casefold() in ("true", "false"):
        if any("text" in option for option in options):
            raise Misshapen("correct is a number where the options are given")
        if not options:
            return {"correct": correct.casefold() == "true"}
        feedback = [*options, {}, {}]
        options = [{"text": "True"} | feedback[0], {"text": "False"} | feedback[1]]
        correct = "1" if correct.casefold() == "true" else "2"
    numbers = [part.strip() for part in correct.split(",")] if correct else []
    if not all(part.isascii() and part.isdigit() and 1 <= int(part[:9]) <= len(options) for part in numbers):
        raise Misshapen("correct must be the numbers of the right options, such as 1,3")
    right = {int(part) for part in numbers}
    return {"options": [{"text": "", **option, "correct": n in right} for n, option in enumerate(options, 1)]}


def _truth(cell: str, name: str) -> bool:
    word = cell.strip().casefold()
    if word not in _YES | _NO:
        raise Misshapen(f"{name} must be true or false")
    return word in _YES


def _tags(cell: str) -> list[str]:
    """The tags in a cell: a backslash takes the next character as it stands."""
    tags = [_bare(found[0]) for found in re.finditer(r"(?:[^\\;]|\\.|\\$)+", cell, re.DOTALL)]
    return [tag for tag in tags if tag]


def _bare(part: str) -> str:
    """The part without white space at its ends and without backslashes, but with what stands behind those."""
    units = re.findall(r"\\.|.", part, re.DOTALL)
    first = next((n for n, unit in enumerate(units) if not unit.isspace()), len(units))
    last = next((n for n, unit in enumerate(reversed(units)) if not unit.isspace()), 0)
    return "".join(unit[-1] for unit in units[first : len(units) - last])
