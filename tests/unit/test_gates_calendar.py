"""Dates, times of day and what stands around numbers, in the order of options."""

from __future__ import annotations

import pytest

from sitting.questions.gates import Outcome
from sitting.questions.gates.calendar import moment
from tests.support.items import judged, offered


@pytest.mark.parametrize(
    "options",
    [
        ("31 May", "10 May", "3 June"),
        ("May 31", "May 10", "June 3"),
        ("end of 2023", "March 2023", "March 2024"),
        ("on 3 March 1990", "on 1 March 1991", "on 2 March 1990"),
        ("11:30", "12:15", "11:45"),
        ("at 9 a.m.", "at 3 p.m.", "at 11 a.m."),
        ("March", "January", "June"),
        ("10 December", "3 October", "5 January"),
        ("100-115 km/h", "115-125 km/h", "120-140 km/h"),
        ("60–80 a minute", "100–120 a minute", "80–100 a minute"),
        ("once", "three times", "twice"),
        ("the 19th century", "the 21st century", "the 20th century"),
        ("3 months", "2 years", "4 weeks"),
        ("younger than 10", "older than 5", "older than 20"),
    ],
)
def test_dates_times_and_numbers_with_words_around_them_need_an_order(options: tuple[str, ...]) -> None:
    assert judged("numeric_options", offered(*options)).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    "options",
    [
        ("10 May", "31 May", "3 June"),
        ("3 October", "10 December", "5 January"),
        ("March 2023", "end of 2023", "March 2024"),
        ("11:15", "11:30", "12:15"),
        ("7 a.m.", "9 a.m.", "3 p.m."),
        ("100-114 km/h", "115-124 km/h", "125-140 km/h"),
        ("once", "twice", "three times"),
        ("4 weeks", "3 months", "2 years"),
        ("younger than 10", "10 to 20", "older than 20"),
    ],
)
def test_dates_and_times_in_order_pass(options: tuple[str, ...]) -> None:
    assert judged("numeric_options", offered(*options)).outcome is Outcome.PASSED


@pytest.mark.parametrize("text", ["12", "25:00", "10:75", "3:1", "may be", "end", "2020", "the second of two"])
def test_what_is_neither_date_nor_time_is_none(text: str) -> None:
    assert moment(text) is None
