"""GIFT, Moodle's format for typed question banks: every feature of it is read, or refused with its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Any

from sitting.domain.question import Difficulty
from sitting.interchange.gift_answers import Refused, Saying, read_answers
from sitting.interchange.gift_source import BLANK, HARD_BREAK, Block, Piece, blocks_of, normalised
from sitting.interchange.markdown import MAX_CONVERTED, from_html, from_plain, looks_like_html
from sitting.interchange.reading import MAX_ITEMS, Notes, Positions, ReadFile, ReadItem, shortened, slugified
from sitting.interchange.report import Remark
from sitting.interchange.shape import SLUG, Misshapen, to_question
from sitting.kit.canonical import is_storable

CATEGORY = "$CATEGORY:"
_FORMAT = re.compile(r"\[(html|moodle|plain|markdown)\]")
_FIELD = re.compile(r"\s*(skill|difficulty)\s*:\s*(.*?)\s*\Z", re.IGNORECASE | re.DOTALL)
_BRACKETS = re.compile(r"\[(id|tags?):((?:\\.|[^\\\]\[])*)\]")
_ESCAPE = re.compile(r"\\([\\nr\[\]])")
_QUESTION_ID = re.compile(r"q_[0-9A-Za-z_-]{1,62}\Z")
_SINGLE_SLASH = re.compile(r"(?<!/)/(?!/)")
_BREAKS = re.compile(f"\n*{HARD_BREAK}[{HARD_BREAK}\n]*")


def read_gift(text: str) -> ReadFile:
    """The questions of a GIFT file, whatever it holds."""
    plain = normalised(text)
    reader = _Reader(Positions(plain))
    for block in blocks_of(plain):
        reader.read(block)
        if len(reader.items) > MAX_ITEMS:
            break
    return ReadFile("gift", reader.items, reader.remarks)


class _Reader:
    """Goes from block to block; a category holds until the next one."""

    def __init__(self, positions: Positions) -> None:
        self.items: list[ReadItem] = []
        self.remarks: list[Remark] = []
        self._positions = positions
        self._skill: str | None = None

    def read(self, block: Block) -> None:
        notes, name = Notes(), shortened(block.body.text)
        question = None
        invented = False
        try:
            if not is_storable(block.source.raw):
                raise Refused("NUL and lone surrogates are not possible", block.body)
            if block.body.raw.startswith(CATEGORY):
                self._category(block)
                return
            said = _Question(block, partial(self._note, notes))
            fields = said.fields()
            invented = "slug" in fields
            fields.setdefault("skill", self._skill)
            name = fields.get("slug") or shortened(fields["text"])
            question = to_question(fields)
        except Refused as fault:
            notes.reasons.append(self._positions.remark(fault.message, fault.piece.at))
        except Misshapen as fault:
            notes.reasons.append(self._positions.remark(str(fault), block.body.at))
        place = self._positions.remark("", block.body.at)
        self.items.append(
            ReadItem(
                number=len(self.items) + 1,
                line=place.line,
                column=place.column,
                name=name,
                question=question,
                changes=tuple(notes.changes),
                reasons=tuple(notes.reasons),
                invented_slug=invented,
            )
        )

    def _note(self, notes: Notes, message: str, piece: Piece) -> None:
        notes.changes.append(self._positions.remark(message, piece.at))

    def _category(self, block: Block) -> None:
        line, _, rest = block.body.raw.partition("\n")
        if rest.strip():
            raise Refused("an empty line must follow the category", block.body.part(len(line) + 1))
        path = block.source.raw[block.source.raw.index(CATEGORY) + len(CATEGORY) :].partition("\n")[0].strip()
        parts = [part.replace("//", "/").strip() for part in _SINGLE_SLASH.split(path)]
        named = [part for part in parts if part and part != "top" and not re.fullmatch(r"\$\w+\$", part)]
        self._skill = named[-1] if named else None
        meaning = f"is the skill {named[-1]}" if named else "names no skill"
        remark = f"the category {shortened(path)} {shortened(meaning)}, if a question does not say its own"
        self.remarks.append(self._positions.remark(remark, block.body.at))


@dataclass(slots=True)
class _Question:
    """One block, taken apart."""

    block: Block
    note: Any
    format: str = "moodle"

    def fields(self) -> dict[str, Any]:
        """What `to_question` reads.

        Raises:
            Refused: it cannot be read, or Sitting has no such questions.
        """
        title, rest = self._title()
        before, answers, after = self._braces(rest)
        asked = Piece(f"{before.raw}{BLANK}{after.raw}", before.at) if after.strip() else before
        text = self.shown(asked.strip(), of_question=True)
        answers, explanation = _general_feedback(answers)
        said = read_answers(answers.strip(), Saying(self.shown, self.note))
        said |= {"text": text, "explanation": self.shown(explanation) if explanation else ""}
        return said | self._from_comments(title)

    def _title(self) -> tuple[Piece | None, Piece]:
        body = self.block.body
        if not body.raw.startswith("::"):
            return None, body
        end = body.raw.find("::", 2)
        if end < 0:
            raise Refused("the title begins with :: and does not end with ::", body)
        return body.part(2, end), body.part(end + 2).strip()

    def _braces(self, rest: Piece) -> tuple[Piece, Piece, Piece]:
        """What stands before, between and behind the braces."""
        opened, closed = rest.raw.find("{"), rest.raw.find("}")
        if opened < 0 and closed < 0:
            raise Refused("a text without answers is a description: Sitting has no such items", rest)
        if opened < 0 or 0 <= closed < opened:
            raise Refused("this } closes nothing; write \\} for the character", rest.part(closed))
        if closed < 0:
            raise Refused("this { is not closed before the next empty line", rest.part(opened))
        answers, after = rest.part(opened + 1, closed), rest.part(closed + 1)
        for piece in (answers, after):
            found = re.search(r"[{}]", piece.raw)
            if found:
                raise Refused(
                    "a question has one pair of braces; write \\{ and \\} for the characters", piece.part(found.start())
                )
        return rest.part(0, opened), answers, after

    def shown(self, piece: Piece, *, of_question: bool = False) -> str:
        """The piece as Markdown. A format stands at its beginning, or is that of the question."""
        stripped = piece.strip()
        found = _FORMAT.match(stripped.raw)
        format_ = found[1] if found else self.format
        if of_question:
            self.format = format_
        content = stripped.part(found.end()) if found else stripped
        if format_ == "markdown":
            return content.text
        return self._converted(content, format_).replace(BLANK, "_____")

    def _converted(self, piece: Piece, format_: str) -> str:
        text = piece.shown
        if len(text) > MAX_CONVERTED:
            raise Refused(f"a text is longer than {MAX_CONVERTED} characters", piece)
        if format_ == "html" or (format_ == "moodle" and looks_like_html(text)):
            converted, left_out = from_html(text.replace(HARD_BREAK, "\n"))
            lost = f"; left out: {', '.join(left_out)}" if left_out else ""
            self.note(f"HTML was turned into Markdown{lost}: {shortened(converted)}", piece)
            return converted
        converted = from_plain(text, formulas=format_ == "moodle")
        if converted != "\n".join(line.strip(" \t") for line in text.split("\n")):
            self.note(f"plain text was written as Markdown that shows the same: {shortened(piece.text)}", piece)
        return _BREAKS.sub(_with_breaks, converted)

    def _from_comments(self, title: Piece | None) -> dict[str, Any]:
        """Identity, tags, skill and difficulty: the title, and what comments say in Moodle's way or in ours."""
        said: dict[str, Any] = {}
        tags: list[str] = []
        for comment in self.block.comments:
            field = _FIELD.match(comment.raw)
            if field:
                said |= _field(field[1].lower(), _unescaped(field[2]), comment)
            for name, inside in _BRACKETS.findall(comment.raw) if not field else ():
                if name == "id":
                    said |= self._identity(_unescaped(inside).strip(), comment, has_title=title is not None)
                else:
                    tags += _unescaped(inside).split(",") if name == "tags" else [_unescaped(inside)]
        said["tags"] = list(dict.fromkeys(stripped for tag in tags if (stripped := tag.strip())))
        return said | self._slug(title.text, title) if title is not None else said

    def _identity(self, given: str, comment: Piece, *, has_title: bool) -> dict[str, Any]:
        if _QUESTION_ID.match(given):
            return {"question_id": given}
        if has_title:
            self.note(f"the id {shortened(given)} is not kept: the title is what the question is known by", comment)
            return {}
        return self._slug(given, comment)

    def _slug(self, name: str, piece: Piece) -> dict[str, Any]:
        slug = name if re.match(SLUG, name) else slugified(name)
        if not slug:
            self.note(f"{shortened(name)!r} has no Latin letter or digit, so it gives no slug", piece)
            return {}
        if slug != name:
            self.note(f"{shortened(name)!r} is the slug {slug}", piece)
        return {"slug": slug}


def _general_feedback(answers: Piece) -> tuple[Piece, Piece | None]:
    at = answers.raw.rfind("####")
    return (answers, None) if at < 0 else (answers.part(0, at), answers.part(at + 4))


def _with_breaks(found: re.Match[str]) -> str:
    return "\n\n" if found[0].count(HARD_BREAK) > 1 else "\\\n"


def _field(name: str, value: str, comment: Piece) -> dict[str, Any]:
    if name == "skill":
        return {"skill": value} if value else {}
    if value.lower() not in tuple(Difficulty):
        raise Refused(f"the difficulty is easy, medium or hard, not {shortened(value)}", comment)
    return {"difficulty": value.lower()}


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: {"n": "\n", "r": "\r"}.get(found[1], found[1]), text)
