"""Typed answers: what is read as a number, and which texts meet a key."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sitting.domain.errors import InvalidAnswer
from sitting.domain.matching import number_credit, read_number, text_credit
from sitting.domain.question import AcceptedNumber, AcceptedText, OtherUnit, TextMatch
from tests.support.plain_questions import content_from
from tests.support.samples import content

NBSP, THIN, MINUS = "\N{NO-BREAK SPACE}", "\N{THIN SPACE}", "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("5", 5, ""),
        (" +5 ", 5, ""),
        ("-5", -5, ""),
        (f"{MINUS}5", -5, ""),
        ("0.1", Fraction(1, 10), ""),
        ("0,1", Fraction(1, 10), ""),
        (",5", Fraction(1, 2), ""),
        ("5.", 5, ""),
        ("0,500", Fraction(1, 2), ""),
        ("1.500", Fraction(3, 2), ""),
        ("1234,567", Fraction(1234567, 1000), ""),
        ("1 234", 1234, ""),
        (f"1{NBSP}234{THIN}567,5", Fraction(12345675, 10), ""),
        ("1e3", 1000, ""),
        ("1.5E-3 kg", Fraction(3, 2000), "kg"),
        ("5kg", 5, "kg"),
        ("5 e", 5, "e"),
        ("5eV", 5, "eV"),
        ("5 m / s2", 5, "m / s2"),
        ("1e60", 10**60, ""),
        ("50 %", 50, "%"),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, number: Fraction, unit: str) -> None:
    assert read_number(text) == (number, unit)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it takes a number"),
        ("five", "it takes a number"),
        ("-", "it takes a number"),
        (".", "it takes a number"),
        ("- 5", "it takes a number"),
        ("$5", "it takes a number"),
        ("1.2.3", "it takes a number"),
        ("1,234,567", "it takes a number"),
        ("1,234.5", "it takes a number"),
        ("1e5.5", "it takes a number"),
        ("٣", "it takes a number"),
        ("\N{FULLWIDTH DIGIT FIVE}", "it takes a number"),
        ("NaN", "it takes a number"),
        ("1,234", "the comma marks thousands or decimals"),
        ("-12,345 kg", "the comma marks thousands or decimals"),
        ("5 6", "it takes one number"),
        ("1 2345", "it takes one number"),
        ("5½", "it takes one number"),
        ("5²", "it takes one number"),
        ("5 ٣", "it takes one number"),
        ("1e61", "e goes up to 60"),
        ("1e-61", "e goes up to 60"),
        ("1" * 61, "it takes at most 60 characters"),
        ("1e" + "9" * 5000, "it takes at most 60 characters"),
    ],
    ids=lambda said: ascii(said)[:30],
)
def test_what_is_no_number_or_could_be_two_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidAnswer) as refusal:
        read_number(text)
    assert refusal.value.details["reason"] == reason


METRES = content(
    numbers=(AcceptedNumber("1500", "100", 500), AcceptedNumber("1500", "10"), AcceptedNumber("-1", "0", 250)),
    unit="m",
    other_units=(OtherUnit("km", "1000"), OtherUnit("µm", "0.000001")),
)


@pytest.mark.parametrize(
    ("text", "credit"),
    [
        ("1500", 1000),
        ("1490", 1000),
        ("1489.999999", 500),
        ("1510.000000000000000000000000001", 500),
        ("1600", 500),
        ("1600.000000000000000000000000001", 0),
        ("-1", 250),
        ("1.5 km", 1000),
        ("1.4km", 500),
        ("1500000000 µm", 1000),
        ("1500000000 \N{GREEK SMALL LETTER MU}m", 1000),
        ("1.5 KM", 0),
        ("1500 miles", 0),
        ("nothing", 0),
    ],
)
def test_best_of_all_right_numbers_counts_and_units_are_converted_exactly(text: str, credit: int) -> None:
    assert number_credit(METRES, text) == credit


def test_decimals_are_compared_exactly() -> None:
    sum_ = content(numbers=(AcceptedNumber("0.3"),))
    assert number_credit(sum_, "0.3") == 1000
    assert number_credit(sum_, "0.30000000000000004") == 0


def test_required_unit_must_be_there() -> None:
    asked = content(numbers=(AcceptedNumber("5"),), unit="kg", unit_required=True)
    assert [number_credit(asked, text) for text in ("5 kg", "5kg", "5", "5 g")] == [1000, 1000, 0, 0]


@pytest.mark.parametrize(
    ("text", "given", "folded", "exact"),
    [
        ("Straße", "STRASSE", True, False),
        ("Café", "Cafe\u0301", True, True),
        ("two  words", " two words\n", True, True),
        ("two words", f"two{NBSP}words", True, True),
        ("a", "A", True, False),
        ("ῼ", "ω\u0345", True, False),
        ("twowords", "two words", False, False),
        ("a*", "ab", False, False),
    ],
    ids=ascii,
)
def test_texts_are_compared_composed_and_with_single_spaces(text: str, given: str, folded: bool, exact: bool) -> None:
    for sensitive, meets in ((False, folded), (True, exact)):
        asked = content(accepted=(AcceptedText(text),), case_sensitive=sensitive)
        assert (text_credit(asked, given) == 1000) is meets


@pytest.mark.parametrize(
    ("text", "meeting", "missing"),
    [
        ("a*c", ["ac", "abc", "a\nc", "A b C"], ["ab", "xac", "acx"]),
        ("*b*", ["b", "abc"], ["ac"]),
        (r"2 \* 3", ["2 * 3"], ["2 4 3", r"2 \* 3"]),
        (r"a.c+(x)*", ["a.c+(x)", "a.c+(x)yz"], ["abc+(x)"]),
        ("é*", ["É", "e\u0301a"], ["e"]),
    ],
)
def test_star_stands_for_any_run_of_characters(text: str, meeting: list[str], missing: list[str]) -> None:
    asked = content(accepted=(AcceptedText(text, TextMatch.WILDCARD),))
    assert [text_credit(asked, each) for each in meeting] == [1000] * len(meeting)
    assert [text_credit(asked, each) for each in missing] == [0] * len(missing)


@pytest.mark.parametrize(
    ("text", "meeting", "missing"),
    [
        ("a|b", ["a", "B"], ["ab", "xa", "a b"]),
        (r"[A-Z]\d+", ["a1", "Z99"], ["1", "a"]),
        ("^x$", ["X"], ["xx"]),
        ("cafe\u0301", ["café"], ["cafe"]),
    ],
)
def test_pattern_is_met_from_end_to_end(text: str, meeting: list[str], missing: list[str]) -> None:
    asked = content(accepted=(AcceptedText(text, TextMatch.PATTERN),))
    assert [text_credit(asked, each) for each in meeting] == [1000] * len(meeting)
    assert [text_credit(asked, each) for each in missing] == [0] * len(missing)


def test_pattern_of_a_case_sensitive_question_looks_at_the_case() -> None:
    asked = content(accepted=(AcceptedText("[A-Z]x", TextMatch.PATTERN),), case_sensitive=True)
    assert [text_credit(asked, text) for text in ("Ax", "ax", "AX")] == [1000, 0, 0]


def test_hostile_pattern_takes_time_that_grows_with_the_text_alone() -> None:
    """A backtracking engine would not come back."""
    asked = content_from(
        {
            "type": "short_text",
            "accepted": [
                {"text": "(a|aa)+(a*)*b", "match": "pattern"},
                {"text": "a*" * 200 + "b", "match": "wildcard"},
            ],
        }
    )
    assert text_credit(asked, "a" * 1000) == 0
