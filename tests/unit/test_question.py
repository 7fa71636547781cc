from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sitting.domain.question import (
    AcceptedNumber,
    AcceptedText,
    Difficulty,
    Option,
    OtherUnit,
    QuestionContent,
    QuestionType,
    TextMatch,
)
from tests.support.samples import content

GOLDEN_DIGEST = "ea91bc980cacfc7f47257334233cd2d3858a3df60ded4cfafc644dadb42d732b"


def test_encoded_content_has_one_spelling_which_is_pinned() -> None:
    """Papers and published Tests refer to contents by this digest, for good."""
    assert content().encoded() == (
        b'{"difficulty":"easy","explanation":"Because of 1.","key":"o_1a","options":['
        b'{"id":"o_1a","text":"choice a of 1"},{"id":"o_1b","text":"choice b of 1"},'
        b'{"id":"o_1c","text":"choice c of 1"}],"skill":"python","text":"Question 1?","type":"single_choice"}'
    )
    assert content().digest() == GOLDEN_DIGEST


NUMERIC: dict[str, Any] = {
    "type": QuestionType.NUMERIC,
    "options": (),
    "key": "",
    "numbers": (AcceptedNumber("1.50", "0.1", 500),),
    "unit": "m",
    "unit_required": True,
    "other_units": (OtherUnit("km", "1000"),),
}
SHORT_TEXT: dict[str, Any] = {
    "type": QuestionType.SHORT_TEXT,
    "options": (),
    "key": "",
    "accepted": (AcceptedText("a*", TextMatch.WILDCARD, 1000), AcceptedText("b")),
    "case_sensitive": True,
}
MULTIPLE: dict[str, Any] = {"type": QuestionType.MULTIPLE_RESPONSE, "key": "", "keys": ("o_1a", "o_1b")}


def test_spelling_of_the_other_kinds_is_pinned_too() -> None:
    assert [content(**changes).digest()[:16] for changes in (NUMERIC, SHORT_TEXT, MULTIPLE, {"tags": ("x",)})] == [
        "e01c771755e54aea",
        "51c457b72a85d77b",
        "8d9ad0acecee42cb",
        "b45bcda099cb3e1c",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"text": 'Straße "🎓" \\ \u2028 \u0007', "difficulty": Difficulty.HARD},
        {"options": (Option("o_1a", "yes", "Well done."), Option("o_1b", "no"))},
        NUMERIC,
        SHORT_TEXT,
        MULTIPLE | {"tags": ("algebra", "hard")},
    ],
    ids=str,
)
def test_content_survives_its_spelling(changes: dict[str, Any]) -> None:
    said = content(**changes)
    assert msgspec.json.decode(said.encoded(), type=QuestionContent) == said


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "Question 1? "},
        {"key": "o_1b"},
        {"explanation": ""},
        {"skill": "Python"},
        {"difficulty": Difficulty.MEDIUM},
        {"options": content().options[::-1]},
        {"options": (Option("o_1a", "choice a of 1", "!"), *content().options[1:])},
        {"keys": ("o_1a",)},
        {"numbers": (AcceptedNumber("1"),)},
        {"unit": "m"},
        {"unit_required": True},
        {"other_units": (OtherUnit("km", "1000"),)},
        {"accepted": (AcceptedText("x"),)},
        {"case_sensitive": True},
        {"tags": ("x",)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_any_change_of_content_changes_its_address(changes: dict[str, Any]) -> None:
    assert content(**changes).digest() != content().digest()
