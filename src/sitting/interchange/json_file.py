"""Banks as JSON: everything that a question says, with its identifiers."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Generator, Iterable
from decimal import Decimal
from typing import Any

from sitting.domain.question import QuestionVersion
from sitting.interchange.reading import MAX_ITEMS, Notes, Positions, ReadFile, ReadItem, shortened
from sitting.interchange.report import Remark
from sitting.interchange.shape import Misshapen, to_fields, to_question

FORMAT = 1
_SPACE = re.compile(r"[ \t\r\n]*")
_OF_THE_BANK = frozenset({"version", "content_digest", "archived_at", "created_at", "updated_at"})


class _Fault(Exception):
    """The file cannot be read from this offset on."""

    def __init__(self, message: str, at: int) -> None:
        self.message, self.at = message, at
        super().__init__(message)


def write_json(questions: Iterable[QuestionVersion]) -> str:
    """The file: one question a line."""
    rows = [
        json.dumps(to_fields(question.question_id, question.slug, question.content), ensure_ascii=False)
        for question in questions
    ]
    return f'{{"sitting_questions": {FORMAT}, "questions": [\n' + ",\n".join(rows) + "\n]}\n"


def read_json(text: str) -> ReadFile:
    """The questions of a file: an array of objects, or an object whose `questions` is one."""
    positions, items, remarks = Positions(text), list[ReadItem](), list[Remark]()
    try:
        for value, at in _Walker(text, positions, remarks).questions():
            items.append(_item(value, len(items) + 1, positions.remark("", at)))
            if len(items) > MAX_ITEMS:
                break
    except _Fault as fault:
        remark = positions.remark(fault.message, fault.at)
        name = "the rest of the file" if items else "the file"
        items.append(ReadItem(len(items) + 1, remark.line, remark.column, name, None, reasons=(remark,)))
    return ReadFile("json", items, remarks)


class _Walker:
    """Goes from question to question, so that each has its place and a fault spares those before it."""

    def __init__(self, text: str, positions: Positions, remarks: list[Remark]) -> None:
        self._text, self._positions, self._remarks = text, positions, remarks
        self._decoder = json.JSONDecoder(
            object_pairs_hook=_without_doubles, parse_float=Decimal, parse_constant=_no_constant
        )

    def questions(self) -> Generator[tuple[Any, int], None, None]:
        at = self._skip(0)
        if self._text[at : at + 1] == "[":
            at = yield from self._array(at)
        else:
            at = yield from self._object(at)
        if self._skip(at) != len(self._text):
            raise _Fault("something follows behind the end of the JSON", self._skip(at))

    def _object(self, at: int) -> Generator[tuple[Any, int], None, int]:
        at, found = self._expect("{", at), False
        while self._text[(key_at := self._skip(at)) : key_at + 1] != "}":
            key, at = self._value(key_at)
            at = self._skip(self._expect(":", at))
            if key == "questions" and not found:
                found, at = True, (yield from self._array(at))
            else:
                value, at = self._value(at)
                self._say_of(key, value, key_at)
            at = self._skip(at)
            if self._text[at : at + 1] != ",":
                break
            at += 1
        if not found:
            raise _Fault('an array of questions, or an object with "questions", is needed', self._skip(at))
        return self._expect("}", at)

    def _array(self, at: int) -> Generator[tuple[Any, int], None, int]:
        at = self._skip(self._expect("[", at))
        if self._text[at : at + 1] == "]":
            return at + 1
        while True:
            at = self._skip(at)
            value, end = self._value(at)
            yield value, at
            at = self._skip(end)
            if self._text[at : at + 1] != ",":
                return self._expect("]", at)
            at += 1

    def _say_of(self, key: Any, value: Any, at: int) -> None:
        if key != "sitting_questions":
            self._remarks.append(self._positions.remark(f"{shortened(str(key))} is not known and was not read", at))
        elif value != FORMAT:
            raise _Fault(f"this file is of form {shortened(str(value))}; known is {FORMAT}", at)

    def _value(self, at: int) -> tuple[Any, int]:
        try:
            return self._decoder.raw_decode(self._text, at)
        except json.JSONDecodeError as fault:
            raise _Fault(f"this is not JSON: {fault.msg}", fault.pos) from None
        except RecursionError:
            raise _Fault("this is nested too deeply", at) from None
        except ValueError as fault:
            raise _Fault(str(fault), at) from None

    def _expect(self, mark: str, at: int) -> int:
        at = self._skip(at)
        if self._text[at : at + 1] != mark:
            raise _Fault(f"this is not JSON: {mark} is missing", at)
        return at + 1

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        double = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the field {shortened(double)} stands there twice")
    return said


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _item(value: Any, number: int, place: Remark) -> ReadItem:
    notes = Notes()
    question = None
    name = f"item {number}"
    if isinstance(value, dict):
        name = shortened(str(value.get("slug") or value.get("question_id") or value.get("text") or name))
        for field in sorted(_OF_THE_BANK & value.keys()):
            notes.changes.append(Remark(f"{field} was not read: the bank gives it itself", place.line, place.column))
        try:
            question = to_question({field: said for field, said in value.items() if field not in _OF_THE_BANK})
        except Misshapen as fault:
            notes.reasons.append(Remark(str(fault), place.line, place.column))
    else:
        notes.reasons.append(Remark("a question is an object", place.line, place.column))
    return ReadItem(number, place.line, place.column, name, question, tuple(notes.changes), tuple(notes.reasons))
