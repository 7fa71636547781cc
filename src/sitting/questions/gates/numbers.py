"""Numbers and ranges in options, read as a reader would: 5 %, 1/2, $2^{10}$, ten, 10 to 20 ms, more than 3."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import inf

from sitting.questions.gates.calendar import moment
from sitting.questions.gates.word_list import in_order

_WORDS = in_order(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_TENS = in_order("thirty forty fifty sixty seventy eighty ninety hundred")
_NAMED: dict[str, int] = {word: number for number, word in enumerate(_WORDS)} | {
    word: 10 * number for number, word in enumerate(_TENS, 3)
}
_TIMES = {"once": 1, "twice": 2, "thrice": 3}
_SCALES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "k": 10**3}
_UNITS: dict[str, tuple[str, Fraction]] = {
    name: (kind, Fraction(factor))
    for kind, factors in {
        "time": {"ns": "1/1000000000", "µs": "1/1000000", "us": "1/1000000", "ms": "1/1000", "s": "1", "sec": "1",
                 "millisecond": "1/1000", "microsecond": "1/1000000", "second": "1", "min": "60", "minute": "60",
                 "h": "3600", "hour": "3600", "day": "86400", "week": "604800",
                 "month": "2629800", "year": "31557600"},
        "length": {"nm": "1/1000000000", "µm": "1/1000000", "mm": "1/1000", "cm": "1/100", "m": "1", "metre": "1",
                   "meter": "1", "km": "1000", "kilometre": "1000", "kilometer": "1000"},
        "mass": {"mg": "1/1000", "g": "1", "gram": "1", "kg": "1000", "kilogram": "1000"},
        "volume": {"ml": "1/1000", "cl": "1/100", "dl": "1/10", "l": "1", "litre": "1", "liter": "1"},
        "storage": {"bit": "1/8", "byte": "1", "b": "1", "kb": "1000", "mb": "1000000", "gb": "1000000000",
                    "tb": "1000000000000", "kib": "1024", "mib": "1048576", "gib": "1073741824"},
        "share": {"%": "1/100", "percent": "1/100", "per cent": "1/100", "‰": "1/1000"},
    }.items()
    for name, factor in factors.items()
}  # fmt: skip
_NUMBER = r"[+\-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+\-]?\d{1,3}\b)?|[+\-]?\.\d+"
_SCIENTIFIC = re.compile(rf"(?:(?P<factor>{_NUMBER}) ?(?:[x*]|times) ?)?(?P<base>\d+) ?\^ ?\(?(?P<power>[+\-]?\d+)\)?")
_FRACTION = re.compile(rf"(?P<above>{_NUMBER}) ?/ ?(?P<below>\d+)")
_PLAIN = re.compile(_NUMBER)
_DASHES = {ord(dash): "-" for dash in "\u2010\u2011\u2012\u2013\u2014\u2212"}
_HEDGE = re.compile(
    r"^(?:about|around|approximately|roughly|exactly|precisely|nearly|almost|some|only|just|≈|~|=|ca)\.? ?"
    r"|^(?:(?:in|on|at(?! least| most)|by|for|within|every|after|before|until)(?: the)?|the) "
)
_CURRENCY = re.compile(r"^([$€£¥])\s?")
_BELOW = re.compile(
    r"^(?:(?:fewer|less|smaller|lower|shorter|younger|earlier|lighter|slower|cheaper) than|under|below|<) ?(.+)$"
)
_UP_TO = re.compile(
    r"^(?:at most|up to|no more than|not more than|maximum of|<=|≤) ?(.+)$"
    r"|^(.+?) (?:or|and) (?:less|fewer|below|under)$"
)
_ABOVE = re.compile(
    r"^(?:(?:more|greater|larger|higher|longer|older|later|heavier|faster|dearer) than|over|above|>) ?(.+)$"
)
_FROM = re.compile(
    r"^(?:at least|no less than|no fewer than|minimum of|from|>=|≥) ?(.+)$"
    r"|^(.+?) (?:or|and) (?:more|above|over|higher|greater)$|^(.+)\+$"
)
_BETWEEN = re.compile(r"^(?:from )?(.+?) ?(?:-|\bto\b|\buntil\b|\bthrough\b|\.\.) ?(.+)$|^between (.+?) and (.+)$")


_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number or a range; a number is a range from itself to itself.

    Attributes:
        open_low, open_high: whether the end itself is left out.
        unit: what it is a number of; of units that are known, the kind, and the number is in its base unit.
    """

    low: Fraction | float
    high: Fraction | float
    open_low: bool
    open_high: bool
    unit: str

    @property
    def is_range(self) -> bool:
        """Whether it is more than one number."""
        return self.low != self.high

    def overlaps(self, other: Quantity) -> bool:
        """Whether some number belongs to both."""
        first, second = sorted((self, other), key=lambda each: (each.low, each.open_low, each.high))
        if first.high != second.low:
            return bool(first.high > second.low)
        return not first.open_high and not second.open_low


def quantity(text: str) -> Quantity | None:
    """The number or range that the whole text is; None if it is something else."""
    if len(text) > _LONGEST:
        return None
    text = _plain(text)
    for pattern, is_low, is_open in (
        (_UP_TO, False, False),
        (_FROM, True, False),
        (_BELOW, False, True),
        (_ABOVE, True, True),
    ):
        found = pattern.match(text)
        if found:
            return _half(next(group for group in found.groups() if group), is_low=is_low, is_open=is_open)
    single = _single(text)
    if single is not None:
        return Quantity(single[0], single[0], False, False, single[1])
    return _between(text)


def _plain(text: str) -> str:
    text = re.sub(r"\\(?:dfrac|tfrac|frac) ?\{([^{}]*)\} ?\{([^{}]*)\}", r"\1/\2", text)
    text = re.sub(r"\\(?:text|mathrm|,|;|!| ) ?(?:\{([^{}]*)\})?", r" \1", text.replace("\\%", "%"))
    text = re.sub(r"\\(?:times|cdot)\b", "*", text).replace("×", "*").replace("·", "*")
    text = re.sub(r"[{}]", "", text).translate(_DASHES)
    text = re.sub(r"(?<=\d)[\s\u202f\u00a0](?=\d{3}(?!\d))", "", text)
    text = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", text)
    text = " ".join(text.lower().split()).strip().rstrip(".;:,")
    return _HEDGE.sub("", text).strip()


def _half(text: str, *, is_low: bool, is_open: bool) -> Quantity | None:
    found = _single(_HEDGE.sub("", text))
    if found is None:
        return None
    number, unit = found
    if is_low:
        return Quantity(number, inf, is_open, True, unit)
    return Quantity(-inf, number, True, is_open, unit)


def _between(text: str) -> Quantity | None:
    found = _BETWEEN.match(text)
    if not found:
        return None
    low, high = found[1] or found[3], found[2] or found[4]
    first, second = _single(low), _single(high)
    if first is None or second is None:
        return None
    if not first[1] and second[1]:  # 10 to 20 ms: the unit stands behind the second
        first = _single(f"{low} {_behind_number(high)}") or first
    if first[1] != second[1] or first[0] > second[0]:
        return None
    return Quantity(first[0], second[0], False, False, second[1])


def _behind_number(text: str) -> str:
    found = _FRACTION.match(text) or _PLAIN.match(text)
    return text[found.end() :].strip() if found else text.partition(" ")[2]


def _single(text: str) -> tuple[Fraction, str] | None:
    """The number and its unit; for a date or a time of day, one that grows with time."""
    return moment(text) or _counted(text)


def _counted(text: str) -> tuple[Fraction, str] | None:
    money = _CURRENCY.match(text)
    text, unit = (text[money.end() :], money[1]) if money else (text, "")
    for pattern in (_SCIENTIFIC, _FRACTION, _PLAIN):
        found = pattern.match(text)
        if found and (number := _value(found, pattern)) is not None:
            return _with_unit(number, text[found.end() :].strip(), unit)
    first, _, rest = text.partition(" ")
    if first in _NAMED:
        return _with_unit(Fraction(_NAMED[first]), rest, unit)
    if first in _TIMES and not rest:
        return Fraction(_TIMES[first]), "time"
    tens, dash, ones = first.partition("-")
    if dash and tens in _NAMED and ones in _NAMED:
        return _with_unit(Fraction(_NAMED[tens] + _NAMED[ones]), rest, unit)
    return None


def _value(found: re.Match[str], pattern: re.Pattern[str]) -> Fraction | None:
    if pattern is _PLAIN:
        return Fraction(found[0].replace(",", ""))
    if pattern is _FRACTION:
        below = int(found["below"])
        return Fraction(found["above"].replace(",", "")) / below if below else None
    power, base = int(found["power"]), int(found["base"])
    if abs(power) > 400 or (base == 0 and power < 0):
        return None
    return Fraction((found["factor"] or "1").replace(",", "")) * Fraction(base) ** power


def _with_unit(number: Fraction, unit: str, money: str) -> tuple[Fraction, str] | None:
    first, _, rest = unit.partition(" ")
    if first in _SCALES:
        number, unit = number * _SCALES[first], rest
    if re.search(r"\d", unit) or len(unit.split()) > 3 or re.match(r"[,;:=<>!+*^()\[\]]|and\b|or\b|to\b|-", unit):
        return None
    known = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
    if known is not None and not money:
        return number * known[1], known[0]
    return number, f"{money} {_singular(unit)}".strip()


def _singular(unit: str) -> str:
    return " ".join(word.removesuffix("s") for word in unit.split())
