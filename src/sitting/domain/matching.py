"""Typed answers against their keys: numbers with units and tolerances, texts with patterns. All arithmetic is exact."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from sitting.domain.errors import InvalidAnswer
from sitting.domain.question import AcceptedNumber, AcceptedText, QuestionContent, TextMatch

MAX_VALUE_CHARACTERS = 1000
MAX_PATTERN_CHARACTERS = 500
MAX_EXPONENT = 60
PATTERN_MEMORY = 1 << 20

_SPACES = re.compile(r"\s+")
_NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>\d{1,3}(?: \d{3}(?!\d))++|\d*+)(?:(?P<mark>[.,])(?P<part>\d*+))?+"
    r"(?:[eE](?P<exponent>[+-]?\d++))?+(?![\d.,])",
    re.ASCII,
)


def read_number(text: str) -> tuple[Fraction, str]:
    """The number that was typed, and the unit behind it (empty if none).

    Point and comma both mark decimals, spaces group thousands, `e` gives a power of ten; digits are 0 to 9. A comma
    before exactly three digits is refused where it could mark thousands: half the world reads it so.

    Raises:
        InvalidAnswer: it does not begin with a number, or with one that can be read in two ways; `details.reason`.
    """
    plain = _SPACES.sub(" ", unicodedata.normalize("NFC", text).replace("−", "-")).strip()
    found = _NUMBER.match(plain)
    if found is None or not (found["whole"] or found["part"]):
        raise InvalidAnswer("This is not a number.", reason="it takes a number")
    if len(found[0]) > MAX_EXPONENT:  # before int(), which takes quadratic time
        raise InvalidAnswer("This number has too many digits.", reason=f"it takes at most {MAX_EXPONENT} characters")
    whole, part = found["whole"].replace(" ", ""), found["part"] or ""
    if found["mark"] == "," and len(part) == 3 and 1 <= len(whole) <= 3 and whole != "0" and not found["exponent"]:
        raise InvalidAnswer(
            "This number can be read in two ways: write 1.5 for decimals, and thousands without a comma.",
            reason="the comma marks thousands or decimals",
        )
    exponent = int(found["exponent"] or 0)
    if abs(exponent) > MAX_EXPONENT:
        raise InvalidAnswer("This number is too large or too small.", reason=f"e goes up to {MAX_EXPONENT}")
    number = Fraction(int(whole + part or "0"), 10 ** len(part)) * Fraction(10) ** exponent
    unit = plain[found.end() :].strip()
    if unit and unicodedata.category(unit[0]).startswith("N"):  # also behind a superscript or a fraction
        raise InvalidAnswer("These are several numbers.", reason="it takes one number")
    return (-number if found["sign"] == "-" else number), unit


def number_credit(content: QuestionContent, text: str) -> int:
    """The credit of a typed number, in thousandths; 0 is wrong. The best of all right numbers that it meets counts."""
    try:
        number, unit = read_number(text)
    except InvalidAnswer:
        return 0
    factor = _factor(content, unit)
    if factor is None:
        return 0
    return max((each.credit for each in content.numbers if _is_near(each, number * factor)), default=0)


def _factor(content: QuestionContent, unit: str) -> Fraction | None:
    """What one of `unit` is in the question's own unit; None if it is not known, or missing where it must be there."""
    if not unit:
        return None if content.unit_required else Fraction(1)
    named = plain_unit(unit)
    if named == plain_unit(content.unit):
        return Fraction(1)
    return next((Fraction(Decimal(o.factor)) for o in content.other_units if plain_unit(o.name) == named), None)


def plain_unit(name: str) -> str:
    """The name of a unit as it is compared: case counts (mW, MW), the spelling of one sign does not (µ, μ; ², 2)."""
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", name)).strip()


def is_unit(name: str) -> bool:
    """Whether a reader can tell that name from the number before it."""
    try:
        read = [read_number(said) for said in (f"1{name}", f"1 {name}")]
    except InvalidAnswer:
        return False
    plain = plain_unit(name)
    return bool(plain) and all(number == 1 and plain_unit(unit) == plain for number, unit in read)


def _is_near(accepted: AcceptedNumber, number: Fraction) -> bool:
    return abs(number - Fraction(Decimal(accepted.value))) <= Fraction(Decimal(accepted.tolerance))


def text_credit(content: QuestionContent, text: str) -> int:
    """The credit of a typed text, in thousandths; 0 is wrong. The best of all accepted texts that it meets counts."""
    matching = (each.credit for each in content.accepted if _meets(each, text, case_sensitive=content.case_sensitive))
    return max(matching, default=0)


def normalised(text: str, *, case_sensitive: bool) -> str:
    """The text as it is compared: composed (NFC), white space as single spaces, none at the ends, case as told."""
    plain = _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()
    if case_sensitive:
        return plain
    # Decomposed before folding and composed behind it: folding alone can leave letters and accents apart.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", plain).casefold())


def _meets(accepted: AcceptedText, text: str, *, case_sensitive: bool) -> bool:
    is_pattern = accepted.match is TextMatch.PATTERN
    # RE2 does the case of patterns: folding would change letters that the pattern names.
    given = normalised(text, case_sensitive=case_sensitive or is_pattern)
    if accepted.match is TextMatch.EXACT:
        return given == normalised(accepted.text, case_sensitive=case_sensitive)
    return _compiled(*_source(accepted, case_sensitive=case_sensitive)).fullmatch(given) is not None


def _source(accepted: AcceptedText, *, case_sensitive: bool) -> tuple[str, bool]:
    """The pattern that stands for an accepted text, and whether RE2 is to look at the case."""
    if accepted.match is TextMatch.PATTERN:
        return unicodedata.normalize("NFC", accepted.text), case_sensitive
    return _wildcard_source(normalised(accepted.text, case_sensitive=case_sensitive)), True


def _wildcard_source(text: str) -> str:
    r"""A pattern in which `*` stands for any run of characters, and `\*` for itself."""
    pieces = re.split(r"(\\\*|\*)", text)
    return "(?s)" + "".join(".*" if piece == "*" else re.escape(piece.replace(r"\*", "*")) for piece in pieces)


def pattern_fault(accepted: AcceptedText, *, case_sensitive: bool) -> str | None:
    """Why it cannot be used as the pattern or wildcard that it is; None if it can.

    RE2 takes linear time, and knows neither look-around nor back-references.
    """
    if len(accepted.text) > MAX_PATTERN_CHARACTERS:
        return f"it has more than {MAX_PATTERN_CHARACTERS} characters"
    try:
        _compile(*_source(accepted, case_sensitive=case_sensitive))
    except ValueError as fault:
        return str(fault)
    return None


@lru_cache(maxsize=256)
def _compiled(source: str, case_sensitive: bool) -> Any:
    return _compile(source, case_sensitive)


def _compile(source: str, case_sensitive: bool) -> Any:
    """An RE2 pattern: whatever an author writes is matched in time that grows with the text alone.

    Raises:
        ValueError: it is no pattern.
    """
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415 - only patterns need it

    options = re2.Options()
    options.case_sensitive, options.log_errors, options.max_mem = case_sensitive, False, PATTERN_MEMORY
    try:
        return re2.compile(source, options=options)
    except re2.error as fault:
        raise ValueError(fault.args[0].decode() if isinstance(fault.args[0], bytes) else str(fault)) from None
