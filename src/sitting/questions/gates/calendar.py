"""Dates and times of day in options: 31 May, March 2024, end of 2023, 10:15, 7 a.m."""

from __future__ import annotations

import re
from fractions import Fraction

from sitting.questions.gates.word_list import in_order

DATE = "date"
_MONTHS = in_order(
    "january february march april may june july august september october november december "
    "jan feb mar apr may jun jul aug sep oct nov dec"
)
_DAYS, _YEAR = 31, 12 * 31
"""Every month is as long as the longest: enough to tell what comes first."""
_PART = {"early": 0, "start": 0, "beginning": 0, "mid": 15, "middle": 15, "late": 32, "end": 32}
_MONTH = "|".join(_MONTHS)
_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))? ?(?:(a|p)\.? ?m\.?|o'?clock)?")
_DATE = re.compile(
    rf"(?:the )?(?:({'|'.join(_PART)})(?: of |-| ))?(?:(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? )?(?:({_MONTH})\.?)?"
    r"(?: (\d{1,2})(?:st|nd|rd|th)?(?=,|$))?,? ?(\d{4})?"
)


def moment(text: str) -> tuple[Fraction, str] | None:
    """A number that grows with time, and what it is a time of; None if the text is neither a date nor a time of day."""
    return _time_of_day(text) or _date(text)


def in_one_year(number: Fraction, among: list[Fraction]) -> Fraction:
    """A date without a year beside others: January comes after December, where there is one in autumn."""
    turns = any(each >= 10 * _DAYS for each in among) and number < 4 * _DAYS
    return number + _YEAR if turns else number


def _time_of_day(text: str) -> tuple[Fraction, str] | None:
    if text == "noon":
        return Fraction(12 * 60), "clock"
    found = _CLOCK.fullmatch(text)
    if found is None or text.isdigit() or int(found[1]) > 24 or int(found[2] or 0) > 59:
        return None
    hour = int(found[1]) % 12 + 12 * (found[3] == "p") if found[3] else int(found[1])
    return Fraction(60 * hour + int(found[2] or 0)), "clock"


def _date(text: str) -> tuple[Fraction, str] | None:
    found = _DATE.fullmatch(text)
    if found is None or not (found[3] or (found[1] and found[5])):
        return None
    month = _MONTHS.index(found[3]) % 12 if found[3] else 11 * (_PART[found[1]] > _PART["mid"])
    day = int(found[2] or found[4] or 0) + (_PART[found[1]] if found[1] else 0)
    year = int(found[5]) if found[5] else 0
    return Fraction(_YEAR * year + _DAYS * month + day), f"{DATE} and year" if found[5] else DATE
