"""Which questions can be used: answerable, fair, and storable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation

from sitting.domain.errors import InvalidMessage
from sitting.domain.matching import is_unit, pattern_fault, plain_unit
from sitting.domain.question import AcceptedText, QuestionContent, QuestionType, TextMatch
from sitting.kit.canonical import is_storable

MAX_OPTIONS = 20
MAX_ACCEPTED = 50
MAX_TAGS = 20
MAX_DIGITS = 30
MAX_DECIMAL_CHARACTERS = 70
FULL_CREDIT = 1000
TRUE_FALSE_OPTIONS = 2


def check_content(content: QuestionContent) -> None:
    """Refuse a question that could not be answered, or not fairly.

    Raises:
        InvalidMessage: `details.problems` lists what is wrong.
    """
    problems = [*_common(content), *_BY_KIND[content.type](content)]
    if problems:
        raise InvalidMessage("This question cannot be used.", problems=problems)


def _found(checks: dict[str, bool]) -> Iterator[str]:
    return (problem for problem, found in checks.items() if found)


def _common(content: QuestionContent) -> Iterator[str]:
    texts = [content.text, content.explanation, content.skill, content.unit, *content.tags]
    texts += [part for option in content.options for part in (option.id, option.text, option.feedback)]
    texts += [accepted.text for accepted in content.accepted] + [unit.name for unit in content.other_units]
    credits_ = [each.credit for each in content.numbers] + [each.credit for each in content.accepted]
    return _found(
        {
            "the text is empty": not content.text.strip(),
            "NUL and lone surrogates are not possible": not all(map(is_storable, texts)),
            f"it has more than {MAX_TAGS} tags": len(content.tags) > MAX_TAGS,
            "a tag is empty or stands there twice": not all(tag.strip() for tag in content.tags)
            or len(set(content.tags)) != len(content.tags),
            "a credit is not above 0 and up to 100 percent": any(not 1 <= each <= FULL_CREDIT for each in credits_),
            "no answer brings all the points": bool(credits_) and max(credits_) < FULL_CREDIT,
        }
    )


def _options(content: QuestionContent) -> Iterator[str]:
    texts = [option.text for option in content.options]
    ids = [option.id for option in content.options]
    yield from _no_other_key(content, options=True)
    yield from _found(
        {
            f"it needs 2 to {MAX_OPTIONS} options": not 2 <= len(texts) <= MAX_OPTIONS,
            "an option is empty": any(not text.strip() for text in texts),
            "two options have the same text": len(set(texts)) != len(texts),
            "two options have the same id": len(set(ids)) != len(ids),
            "an option's text begins with o_ and would look like an id": any(text.startswith("o_") for text in texts),
        }
    )


def _single_choice(content: QuestionContent) -> Iterator[str]:
    yield from _options(content)
    ids = [option.id for option in content.options]
    yield from _found({"exactly one option must be correct": content.key not in ids or bool(content.keys)})


def _true_false(content: QuestionContent) -> Iterator[str]:
    yield from _single_choice(content)
    yield from _found({"a true/false question has two options": len(content.options) != TRUE_FALSE_OPTIONS})


def _multiple_response(content: QuestionContent) -> Iterator[str]:
    yield from _options(content)
    ids = [option.id for option in content.options]
    in_order = tuple(id_ for id_ in ids if id_ in content.keys)
    yield from _found({"at least one option must be correct": not content.keys or content.keys != in_order})
    yield from _found({"exactly one key belongs to single choice": bool(content.key)})


def _numeric(content: QuestionContent) -> Iterator[str]:
    yield from _no_other_key(content, numbers=True)
    names = [plain_unit(name) for name in _unit_names(content)]
    decimals = [part for number in content.numbers for part in (number.value, number.tolerance)]
    sound = all(map(_is_decimal, decimals)) and all(_is_decimal(unit.factor) for unit in content.other_units)
    yield from _found(
        {
            f"it needs 1 to {MAX_ACCEPTED} right numbers": not 1 <= len(content.numbers) <= MAX_ACCEPTED,
            f"a number is not a decimal of at most {MAX_DIGITS} digits": not sound,
            "a tolerance is negative": sound and any(Decimal(number.tolerance) < 0 for number in content.numbers),
            "a unit's factor is not above 0": sound and any(Decimal(unit.factor) <= 0 for unit in content.other_units),
            "other units need a unit of the question": bool(content.other_units) and not content.unit,
            "a unit is required but none is named": content.unit_required and not content.unit,
            "a unit stands there twice": len(set(names)) != len(names),
            "a unit is empty, or cannot be told from the number before it": not all(map(is_unit, names)),
        }
    )


def _unit_names(content: QuestionContent) -> Iterator[str]:
    if content.unit:
        yield content.unit
    yield from (unit.name for unit in content.other_units)


def _short_text(content: QuestionContent) -> Iterator[str]:
    yield from _no_other_key(content, accepted=True)
    yield from _found(
        {
            f"it needs 1 to {MAX_ACCEPTED} accepted answers": not 1 <= len(content.accepted) <= MAX_ACCEPTED,
            "an accepted answer is empty": any(not each.text.strip() for each in content.accepted),
        }
    )
    yield from _found({"an accepted answer takes anything": any(map(_takes_anything, content.accepted))})
    for each in content.accepted:
        if each.match is TextMatch.EXACT or not is_storable(each.text):
            continue
        fault = pattern_fault(each, case_sensitive=content.case_sensitive)
        if fault is not None:
            yield f"the {each.match} {each.text[:60]!r} cannot be used: {fault}"


def _takes_anything(accepted: AcceptedText) -> bool:
    return accepted.match is TextMatch.WILDCARD and bool(accepted.text.strip()) and not accepted.text.strip("* ")


def _no_other_key(
    content: QuestionContent, *, options: bool = False, numbers: bool = False, accepted: bool = False
) -> Iterator[str]:
    """A key of another kind would look as if it counted."""
    return _found(
        {
            f"{content.type} takes no options": bool(content.options or content.key or content.keys) and not options,
            f"{content.type} takes no numbers or units": not numbers
            and bool(content.numbers or content.unit or content.other_units or content.unit_required),
            f"{content.type} takes no accepted texts": not accepted
            and bool(content.accepted or content.case_sensitive),
        }
    )


def _is_decimal(text: str) -> bool:
    if len(text) > MAX_DECIMAL_CHARACTERS:
        return False
    try:
        number = Decimal(text)
    except InvalidOperation:
        return False
    if not number.is_finite() or "_" in text or not text.isascii() or text != text.strip():
        return False
    exponent = number.as_tuple().exponent
    return (
        isinstance(exponent, int)
        and -MAX_DIGITS <= exponent <= MAX_DIGITS
        and len(number.as_tuple().digits) <= MAX_DIGITS
    )


_BY_KIND: dict[QuestionType, Callable[[QuestionContent], Iterator[str]]] = {
    QuestionType.SINGLE_CHOICE: _single_choice,
    QuestionType.MULTIPLE_RESPONSE: _multiple_response,
    QuestionType.TRUE_FALSE: _true_false,
    QuestionType.NUMERIC: _numeric,
    QuestionType.SHORT_TEXT: _short_text,
}
