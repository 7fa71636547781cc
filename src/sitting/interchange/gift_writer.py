"""Banks as GIFT: what it can say, and a word about each thing that it cannot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal

from sitting.domain.question import AcceptedText, QuestionContent, QuestionType, QuestionVersion, TextMatch
from sitting.interchange.gift_numbers import plain_decimal
from sitting.interchange.reading import shortened
from sitting.interchange.report import ItemReport, Outcome, Remark

_RESERVED = re.compile(r"[\\~=#{}:\n]")
_WHITE = " \t\r\n\v\f\0"
TRUE_FALSE = ("True", "False")
_WILDCARD_STAR = re.compile(r"\\\*|\*")


class _LeftOut(Exception):
    """GIFT has no place for this question."""


def write_gift(questions: Iterable[QuestionVersion]) -> tuple[str, list[ItemReport]]:
    """The file, and what became of each question; a category line stands wherever the skill changes."""
    blocks: list[str] = []
    reports: list[ItemReport] = []
    skill = None
    for number, question in enumerate(questions, 1):
        changes: list[Remark] = []
        reasons: list[Remark] = []
        try:
            block = _question(question, changes)
        except _LeftOut as reason:
            reasons.append(Remark(str(reason)))
        else:
            if question.content.skill != skill:
                skill = question.content.skill
                blocks.append(f"$CATEGORY: $course$/top/{_one_line(skill).replace('/', '//')}\n")
            blocks.append(block)
        reports.append(_report(number, question, changes, reasons))
    return "\n".join(blocks), reports


def _report(number: int, question: QuestionVersion, changes: Sequence[Remark], reasons: Sequence[Remark]) -> ItemReport:
    return ItemReport(
        item=number,
        line=0,
        column=0,
        name=question.slug or shortened(question.content.text),
        outcome=Outcome.LEFT_OUT if reasons else Outcome.WRITTEN,
        question_id=question.question_id,
        slug=question.slug,
        version=question.version,
        changes=() if reasons else changes,
        reasons=reasons,
    )


def _question(question: QuestionVersion, changes: list[Remark]) -> str:
    content = question.content
    answers = _BY_KIND[content.type](content, changes)
    explanation = _text(content.explanation, "the explanation", changes)
    if explanation:
        answers += f"####{explanation}"
    title = f"::{_escaped(question.slug)}::" if question.slug else ""
    if any(tag != tag.strip() for tag in content.tags):
        changes.append(Remark("white space at the ends of tags is not kept"))
    asked = _text(content.text, "the text", changes, tag=True)
    return "".join(f"// {line}\n" for line in _comments(question)) + f"{title}{asked} {{{answers}}}\n"


def _comments(question: QuestionVersion) -> Iterator[str]:
    content = question.content
    yield " ".join([f"[id:{question.question_id}]", *(f"[tag:{_in_brackets(tag)}]" for tag in content.tags)])
    yield f"skill: {_in_comment(content.skill)}"
    yield f"difficulty: {content.difficulty}"


def _in_comment(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def _in_brackets(text: str) -> str:
    return _in_comment(text).replace("[", "\\[").replace("]", "\\]")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> str:
    return _RESERVED.sub(lambda found: "\\n" if found[0] == "\n" else f"\\{found[0]}", text)


def _text(text: str, what: str, changes: list[Remark], *, tag: bool = False, plain: bool = False) -> str:
    """A text, with a format where one is needed: at the question itself, and where a bracket would be taken for one."""
    kept = text.replace("\r\n", "\n").replace("\r", "\n").strip(_WHITE)
    if kept != text:
        changes.append(Remark(f"{what}: line ends are \\n, and white space at the ends is not kept"))
    format_ = "[plain]" if plain else "[markdown]"
    return f"{format_ if tag or kept.startswith(('[', '%')) else ''}{_escaped(kept)}" if kept else ""


def _single_choice(content: QuestionContent, changes: list[Remark]) -> str:
    return _choices(content, changes, {True: "=", False: "~"})


def _multiple_response(content: QuestionContent, changes: list[Remark]) -> str:
    """Sitting's rule, (right - wrong) / keys, as Moodle's weights."""
    share = str(round(Decimal(100) / len(content.keys), 5))
    share = share.rstrip("0").rstrip(".") if "." in share else share
    return _choices(content, changes, {True: f"~%{share}%", False: f"~%-{share}%"})


def _choices(content: QuestionContent, changes: list[Remark], marks: dict[bool, str]) -> str:
    lines = []
    for number, option in enumerate(content.options, 1):
        feedback = _text(option.feedback, f"the feedback of option {number}", changes)
        said = _text(option.text, f"option {number}", changes)
        mark = marks[option.id in content.right_options]
        lines.append(f"\t{mark}{said}{f'#{feedback}' if feedback else ''}")
    return "\n" + "\n".join(lines) + "\n"


def _true_false(content: QuestionContent, changes: list[Remark]) -> str:
    if tuple(option.text for option in content.options) != TRUE_FALSE:
        raise _LeftOut("GIFT's true/false has the options True and False, in this order, and no others")
    true, false = (_text(o.feedback, f"the feedback of {o.text}", changes) for o in content.options)
    is_true = content.key == content.options[0].id
    wrong, right = (false, true) if is_true else (true, false)
    feedback = f"#{wrong}#{right}" if right else f"#{wrong}" if wrong else ""
    return f"{'TRUE' if is_true else 'FALSE'}{feedback}"


def _numeric(content: QuestionContent, changes: list[Remark]) -> str:
    if content.unit:
        units = ", ".join([content.unit, *(unit.name for unit in content.other_units)])
        changes.append(Remark(f"the units are not written: {units}"))
    lines = []
    for number in content.numbers:
        try:
            value, tolerance = plain_decimal(number.value), plain_decimal(number.tolerance)
        except ValueError as fault:
            raise _LeftOut(str(fault)) from None
        if (value, tolerance) != (number.value, number.tolerance):
            changes.append(Remark(f"the number {number.value}:{number.tolerance} is written {value}:{tolerance}"))
        lines.append(f"\t={_weight(number.credit) if number.credit < 1000 else ''}{value}:{tolerance}")
    return "#\n" + "\n".join(lines) + "\n"


def _weight(credit: int) -> str:
    """A share in thousandths as a weight in percent."""
    return f"%{credit // 10}%" if credit % 10 == 0 else f"%{credit // 10}.{credit % 10}%"


def _short_text(content: QuestionContent, changes: list[Remark]) -> str:
    lines = [line for each in content.accepted if (line := _accepted(each, changes)) is not None]
    if not lines:
        raise _LeftOut("GIFT has no place for any of its accepted answers")
    if content.case_sensitive:
        changes.append(Remark("that small and capital letters differ is not written"))
    return "\n" + "\n".join(lines) + "\n"


def _accepted(each: AcceptedText, changes: list[Remark]) -> str | None:
    text = _with_stars(each)
    if text is None or "->" in each.text:
        changes.append(Remark(f"the accepted answer {shortened(each.text)!r} ({each.match}) is not written"))
        return None
    said = _text(text, f"the accepted answer {shortened(each.text)!r}", changes, plain=True)
    return f"\t={_weight(each.credit)}{said}"


def _with_stars(each: AcceptedText) -> str | None:
    r"""The text in which `*` is any run of characters and `\*` a star; None if that cannot be said."""
    stars = _WILDCARD_STAR.findall(each.text)
    if each.match is TextMatch.WILDCARD:
        return each.text if "*" in stars else None
    if each.match is TextMatch.PATTERN or "\\*" in stars:
        return None
    return each.text.replace("*", "\\*")


_BY_KIND: dict[QuestionType, Callable[[QuestionContent, list[Remark]], str]] = {
    QuestionType.SINGLE_CHOICE: _single_choice,
    QuestionType.MULTIPLE_RESPONSE: _multiple_response,
    QuestionType.TRUE_FALSE: _true_false,
    QuestionType.NUMERIC: _numeric,
    QuestionType.SHORT_TEXT: _short_text,
}
