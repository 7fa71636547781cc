"""What a client may send as an answer to each kind of question, and the form in which it is stored."""

from __future__ import annotations

from typing import Any

import pytest

from sitting.domain.answer import CLEARED, GivenAnswer
from sitting.domain.errors import InvalidAnswer
from sitting.domain.matching import MAX_VALUE_CHARACTERS
from sitting.domain.paper import PaperQuestion
from tests.support.plain_questions import slot_from

KINDS: dict[str, dict[str, Any]] = {
    "single": {"type": "single_choice", "options": ["o_a", "o_b"], "right": ["o_a"]},
    "boolean": {"type": "true_false", "options": ["o_a", "o_b"], "right": ["o_b"]},
    "multiple": {"type": "multiple_response", "options": ["o_a", "o_b", "o_c"], "right": ["o_a", "o_b"]},
    "number": {"type": "numeric", "numbers": [{"value": "1"}]},
    "metres": {"type": "numeric", "numbers": [{"value": "1"}], "unit": "m"},
    "text": {"type": "short_text", "accepted": [{"text": "x"}]},
}


def one(option: str) -> GivenAnswer:
    return GivenAnswer(selected_option=option)


def many(*options: str) -> GivenAnswer:
    return GivenAnswer(selected_options=options)


def typed(value: str) -> GivenAnswer:
    return GivenAnswer(value=value)


def asked(kind: str) -> PaperQuestion:
    return slot_from(KINDS[kind])


@pytest.mark.parametrize(
    ("kind", "sent", "stored"),
    [
        ("single", one("o_b"), one("o_b")),
        ("single", one("text o_b"), one("o_b")),
        ("boolean", one("text o_a"), one("o_a")),
        ("multiple", many("o_c", "o_a"), many("o_a", "o_c")),
        ("multiple", many("text o_b", "o_b", "o_a"), many("o_a", "o_b")),
        ("multiple", one("o_b"), many("o_b")),
        ("number", typed(" 1,5 "), typed(" 1,5 ")),
        ("number", one("1.5"), typed("1.5")),
        ("metres", typed("1 yard"), typed("1 yard")),
        ("text", typed("Straße\n"), typed("Straße\n")),
        ("text", one("typed by an older front end"), typed("typed by an older front end")),
        ("text", typed("x" * MAX_VALUE_CHARACTERS), typed("x" * MAX_VALUE_CHARACTERS)),
    ],
)
def test_answer_is_stored_in_one_form(kind: str, sent: GivenAnswer, stored: GivenAnswer) -> None:
    assert asked(kind).resolve(sent) == stored
    assert asked(kind).resolve(stored) == stored


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sent", [CLEARED, many(), typed(""), typed(" \n\N{NO-BREAK SPACE}")])
def test_nothing_clears_whatever_the_kind(kind: str, sent: GivenAnswer) -> None:
    assert asked(kind).resolve(sent) == CLEARED


@pytest.mark.parametrize("kind", ["number", "text"])
def test_blank_text_of_an_older_front_end_clears(kind: str) -> None:
    assert asked(kind).resolve(one(" ")) == CLEARED


@pytest.mark.parametrize(
    ("kind", "sent", "reason"),
    [
        ("single", one(""), "it has no such option"),
        ("single", one("o_c"), "it has no such option"),
        ("single", one("Text o_a"), "it has no such option"),
        ("single", many("o_a"), "it takes selected_option"),
        ("single", typed("o_a"), "it takes selected_option"),
        ("boolean", typed("true"), "it takes selected_option"),
        ("multiple", many("o_a", "o_d"), "it has no such option"),
        ("multiple", many(""), "it has no such option"),
        ("multiple", one(""), "it has no such option"),
        ("multiple", typed("o_a"), "it takes selected_options"),
        ("number", many("1"), "it takes value"),
        ("number", typed("one"), "it takes a number"),
        ("number", typed("1,500"), "the comma marks thousands or decimals"),
        ("number", typed("1 m"), "it takes a number without a unit"),
        ("text", many("x"), "it takes value"),
        ("text", typed("x" * (MAX_VALUE_CHARACTERS + 1)), "it takes at most 1000 characters"),
        ("text", typed("a\0b"), "NUL and lone surrogates are not possible"),
        ("text", typed("\ud83c"), "NUL and lone surrogates are not possible"),
        ("single", GivenAnswer("o_a", (), None), "it takes one answer"),
        ("multiple", GivenAnswer("o_a", ("o_a",)), "it takes one answer"),
        ("text", GivenAnswer("x", None, "x"), "it takes one answer"),
    ],
    ids=lambda said: ascii(said)[:40],
)
def test_impossible_answer_is_refused_with_the_reason(kind: str, sent: GivenAnswer, reason: str) -> None:
    with pytest.raises(InvalidAnswer) as refusal:
        asked(kind).resolve(sent)
    assert refusal.value.details == {"question_id": "q_1", "reason": reason}
