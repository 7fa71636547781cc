"""Answers and keys in words, for people who read them."""

from __future__ import annotations

from decimal import Decimal

from sitting.domain.answer import GivenAnswer
from sitting.domain.question import AcceptedNumber, AcceptedText, QuestionContent, QuestionType, TextMatch

ALL = 1000


def given_text(content: QuestionContent, given: GivenAnswer) -> str | None:
    """What was answered; None if nothing."""
    if given.is_cleared:
        return None
    if given.value is not None:
        return given.value
    texts = {option.id: option.text for option in content.options}
    chosen = given.selected_options or (given.selected_option or "",)
    return "; ".join(texts.get(each, each) for each in chosen)


def key_text(content: QuestionContent) -> str:
    """What is right; a pattern between slashes, and behind it in percent what does not bring all the points."""
    if content.type is QuestionType.NUMERIC:
        return " or ".join(_number_text(number, content.unit) + _share(number.credit) for number in content.numbers)
    if content.type is QuestionType.SHORT_TEXT:
        return " or ".join(_accepted_text(accepted) + _share(accepted.credit) for accepted in content.accepted)
    texts = {option.id: option.text for option in content.options}
    return "; ".join(texts[each] for each in content.right_options)


def _number_text(number: AcceptedNumber, unit: str) -> str:
    said = f"{number.value} ± {number.tolerance}" if Decimal(number.tolerance) else number.value
    return f"{said} {unit}".rstrip()


def _accepted_text(accepted: AcceptedText) -> str:
    return f"/{accepted.text}/" if accepted.match is TextMatch.PATTERN else accepted.text


def _share(credit: int) -> str:
    return "" if credit == ALL else f" ({credit / 10:g} %)"
