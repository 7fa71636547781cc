"""What stands between the braces of a GIFT question, by its kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sitting.interchange.gift_numbers import middle_and_tolerance, plain_decimal, weight_of
from sitting.interchange.gift_source import Piece
from sitting.interchange.reading import shortened

_TRUE, _FALSE = ("T", "TRUE"), ("F", "FALSE")
_ANY_STAR = re.compile(r"\\\*|\*")
MAX_ANSWERS = 200  # far above what a question may have; only so that nobody waits for the refusal
_NEAR = Decimal("0.01")  # Moodle writes thirds with five decimals
_PLAIN_TAG = re.compile(r"\[(?:html|moodle|plain|markdown)\]")


class Refused(Exception):
    """The question cannot be read; `piece` is the place that is the reason."""

    def __init__(self, message: str, piece: Piece) -> None:
        self.message, self.piece = message, piece
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Saying:
    """What a reader of answers may use: `shown` makes Markdown of a piece, `changed` notes a change at a piece."""

    shown: Callable[[Piece], str]
    changed: Callable[[str, Piece], None]


def read_answers(answers: Piece, saying: Saying) -> dict[str, Any]:
    """The fields that the answers fill, its `type` among them.

    Raises:
        Refused: Sitting has no such kind of question, or it cannot be read.
    """
    raw = answers.raw
    if raw.count("~") + raw.count("=") > MAX_ANSWERS:
        raise Refused(f"it has more than {MAX_ANSWERS} answers", answers)
    if not raw:
        raise Refused("an essay has no right answer: Sitting has no such questions", answers)
    if raw[0] == "#":
        return _numeric(answers.part(1), saying)
    if "~" in raw:
        return _choice(answers, saying)
    if "=" in raw and "->" in raw:
        raise Refused("Sitting has no matching questions", answers)
    word = answers.cut("#", 1)[0].strip()
    if word.raw in (*_TRUE, *_FALSE):
        return _true_false(answers, saying)
    if word.raw.upper() in (*_TRUE, *_FALSE):
        raise Refused(f"write {{{word.raw.upper()}}}: in small letters it would be a short answer", word)
    return _short_text(answers, saying)


def _true_false(answers: Piece, saying: Saying) -> dict[str, Any]:
    word, *feedback = answers.cut("#", 2)
    is_true = word.strip().raw in _TRUE
    wrong, right = [*(saying.shown(piece) for piece in feedback), "", ""][:2]
    true, false = (right, wrong) if is_true else (wrong, right)
    return {
        "type": "true_false",
        "options": [
            {"text": "True", "correct": is_true, "feedback": true},
            {"text": "False", "correct": not is_true, "feedback": false},
        ],
    }


@dataclass(frozen=True, slots=True)
class _Choice:
    """An option: `weight` in percent; None where there was neither `=` nor a weight."""

    whole: Piece
    text: Piece
    feedback: Piece | None
    is_right: bool
    weight: Decimal | None


def _choice(answers: Piece, saying: Saying) -> dict[str, Any]:
    choices = [_read_choice(piece) for piece in _marked(answers, "~=")]
    has_right = any(choice.is_right for choice in choices)
    correct = _of_single(choices, answers, saying) if has_right else _of_multiple(choices, answers, saying)
    options = [
        {
            "text": saying.shown(choice.text),
            "correct": is_correct,
            "feedback": saying.shown(choice.feedback) if choice.feedback else "",
        }
        for choice, is_correct in zip(choices, correct, strict=True)
    ]
    return {"type": "single_choice" if has_right else "multiple_response", "options": options}


def _marked(answers: Piece, marks: str) -> Iterator[Piece]:
    """Each answer with its mark.

    Raises:
        Refused: something stands before the first one.
    """
    starts = [found.start() for found in re.finditer(f"[{marks}]", answers.raw)]
    head = answers.part(0, starts[0]).strip()
    if head:
        raise Refused(f"an answer begins with = or ~, and this does not: {shortened(head.text)}", head)
    for start, end in zip(starts, [*starts[1:], len(answers.raw)], strict=True):
        yield answers.part(start, end)


def _read_choice(piece: Piece) -> _Choice:
    said = piece.part(1).strip()
    weight, rest = weight_of(said.raw)
    text, *feedback = said.part(len(said.raw) - len(rest)).cut("#", 1)
    is_right = piece.raw[0] == "=" and weight in (None, 100)
    return _Choice(piece, text, feedback[0] if feedback else None, is_right, weight)


def _of_single(choices: list[_Choice], answers: Piece, saying: Saying) -> list[bool]:
    if sum(choice.is_right for choice in choices) > 1:
        raise Refused(
            "one option is to be chosen, but several are right; give them weights to let all be chosen", answers
        )
    for choice in choices:
        if choice.weight is not None and not choice.is_right and choice.weight != 0:
            share = f"{choice.weight.normalize():f}"
            saying.changed(
                f"the weight of {share} % is not kept: one option is right, the others bring nothing", choice.whole
            )
    return [choice.is_right for choice in choices]


def _of_multiple(choices: list[_Choice], answers: Piece, saying: Saying) -> list[bool]:
    correct = [choice.weight is not None and choice.weight > 0 for choice in choices]
    if not any(correct):
        raise Refused("no option is right", answers)
    share = Decimal(100) / sum(correct)
    wanted = [share if is_correct else -share for is_correct in correct]
    weights = [choice.weight or Decimal(0) for choice in choices]
    if any(abs(weight - other) > _NEAR for weight, other in zip(weights, wanted, strict=True)):
        saying.changed("the weights are not kept: Sitting scores (right - wrong) / number of right options", answers)
    return correct


def _weighted(answers: Piece, saying: Saying) -> Iterator[tuple[Piece, Decimal]]:
    """Each typed answer with its credit as a share; those that bring nothing are noted and left out.

    Raises:
        Refused: a weight is beyond 100 %.
    """
    for piece in answers.cut("=", -1):
        said = piece.strip()
        if not said:
            continue
        weight, rest = weight_of(said.raw)
        text, *feedback = said.part(len(said.raw) - len(rest)).cut("#", 1)
        _note_feedback(feedback, saying)
        percent = Decimal(100) if weight is None else weight
        credit = (percent / 100).quantize(Decimal("0.001"))
        if percent > 100:
            raise Refused("a weight is beyond 100 %", said)
        if credit <= 0:
            saying.changed(f"{shortened(text.text)!r} brings nothing and is not kept: so does every other answer", said)
            continue
        if credit * 100 != percent:
            saying.changed(f"its weight is {(credit * 100).normalize():f} %: one decimal is kept", said)
        yield text, credit


def _note_feedback(feedback: list[Piece], saying: Saying) -> None:
    if feedback and feedback[0].text:
        message = f"feedback belongs to options and is not kept here: {shortened(feedback[0].text)}"
        saying.changed(message, feedback[0])


def _numeric(answers: Piece, saying: Saying) -> dict[str, Any]:
    right, *wrong = answers.cut("~", 1)
    if wrong:
        _note_feedback(wrong[0].cut("#", 1)[1:], saying)
    numbers = []
    for piece, credit in _weighted(right, saying):
        value, tolerance = _number(piece)
        numbers.append({"value": value, "tolerance": tolerance, "credit": credit})
    if not numbers:
        raise Refused("it has no right number", answers)
    return {"type": "numeric", "numbers": numbers}


def _number(piece: Piece) -> tuple[str, str]:
    text = _without_tag(piece.text)
    if text == "*":
        raise Refused("a star takes every number: Sitting has no such answers", piece)
    try:
        if ".." in text:
            low, _, high = text.partition("..")
            return middle_and_tolerance(low.strip(), high.strip())
        value, _, tolerance = text.partition(":")
        return plain_decimal(value.strip()), plain_decimal(tolerance.strip() or "0")
    except ValueError as fault:
        raise Refused(str(fault), piece) from None


def _short_text(answers: Piece, saying: Saying) -> dict[str, Any]:
    accepted = []
    for piece, credit in _weighted(answers, saying):
        text = _without_tag(piece.text)
        is_wildcard = "*" in _ANY_STAR.findall(text)
        accepted.append(
            {
                "text": text if is_wildcard else text.replace("\\*", "*"),
                "match": "wildcard" if is_wildcard else "exact",
                "credit": credit,
            }
        )
    if not accepted:
        raise Refused("it has no right answer", answers)
    return {"type": "short_text", "accepted": accepted}


def _without_tag(text: str) -> str:
    """What is typed has no format."""
    found = _PLAIN_TAG.match(text)
    return text[found.end() :].strip() if found else text
