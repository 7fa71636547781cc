"""Every fault that a question can have is named once; sound questions pass."""

from __future__ import annotations

from typing import Any

import pytest

from sitting.domain.errors import InvalidMessage
from sitting.domain.question import (
    AcceptedNumber,
    AcceptedText,
    Option,
    OtherUnit,
    QuestionContent,
    QuestionType,
    TextMatch,
)
from sitting.domain.question_check import MAX_ACCEPTED, MAX_OPTIONS, MAX_TAGS, check_content
from sitting.usecases.question_draft import DraftedOption, QuestionDraft, content_of
from tests.support.samples import content


def options(*texts: str) -> tuple[Option, ...]:
    return tuple(Option(f"o_{number}", text) for number, text in enumerate(texts, start=1))


def numeric(**changes: Any) -> dict[str, Any]:
    usual = {"type": QuestionType.NUMERIC, "options": (), "key": "", "numbers": (AcceptedNumber("1.5"),)}
    return usual | changes


def short_text(*texts: AcceptedText, **changes: Any) -> dict[str, Any]:
    usual = {"type": QuestionType.SHORT_TEXT, "options": (), "key": "", "accepted": texts or (AcceptedText("x"),)}
    return usual | changes


def multiple(**changes: Any) -> dict[str, Any]:
    return {"type": QuestionType.MULTIPLE_RESPONSE, "key": "", "keys": ("o_1a", "o_1b")} | changes


def true_false(**changes: Any) -> dict[str, Any]:
    return {"type": QuestionType.TRUE_FALSE, "options": options("True", "False"), "key": "o_1"} | changes


def wildcard(text: str) -> AcceptedText:
    return AcceptedText(text, TextMatch.WILDCARD)


def pattern(text: str) -> AcceptedText:
    return AcceptedText(text, TextMatch.PATTERN)


def problems(**changes: Any) -> list[str]:
    with pytest.raises(InvalidMessage) as refusal:
        check_content(content(**changes))
    found: list[str] = refusal.value.details["problems"]
    return found


KM, HALF = OtherUnit("km", "1000"), AcceptedNumber("2", credit=500)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"options": options("yes", "no"), "key": "o_2"},
        {"options": options(*map(str, range(MAX_OPTIONS))), "key": "o_1"},
        {"explanation": ""},
        {"text": "Straße 🎓 \\u0000?"},
        {"options": options("O_1", "o-1", "no_1"), "key": "o_1"},
        {"tags": tuple(map(str, range(MAX_TAGS)))},
        true_false(),
        multiple(),
        multiple(keys=("o_1a", "o_1b", "o_1c")),
        numeric(),
        numeric(numbers=(AcceptedNumber("-1E30", "0.0", 1), AcceptedNumber("+0.000000000000000000000000000001"))),
        numeric(numbers=(AcceptedNumber("1"),) * MAX_ACCEPTED),
        numeric(unit="m", unit_required=True, other_units=(KM, OtherUnit("µm", "0.000001"), OtherUnit("E", "2"))),
        numeric(unit="千克"),
        numeric(unit="%"),
        short_text(),
        short_text(AcceptedText("*"), wildcard("a*"), wildcard(r"\*"), pattern(r"[a-z]+\d{2}"), case_sensitive=True),
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_sound_questions_are_accepted(changes: dict[str, Any]) -> None:
    check_content(content(**changes))


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"text": " \n"}, "text is empty"),
    ({"text": "a\0b"}, "NUL"),
    ({"explanation": "a\0b"}, "NUL"),
    ({"skill": "a\0b"}, "NUL"),
    ({"tags": ("a\0b",)}, "NUL"),
    ({"options": options("yes", "a\0b"), "key": "o_1"}, "NUL"),
    ({"options": (Option("o_1", "yes", "a\0b"), Option("o_2", "no")), "key": "o_1"}, "NUL"),
    ({"explanation": "half a \ud83c"}, "surrogates"),
    ({"options": options("yes", "\udc00"), "key": "o_1"}, "surrogates"),
    (short_text(AcceptedText("\0")), "NUL"),
    (short_text(pattern("a\0b")), "NUL"),
    ({"tags": tuple(map(str, range(MAX_TAGS + 1)))}, "more than 20 tags"),
    ({"tags": ("",)}, "tag is empty"),
    ({"tags": (" ",)}, "tag is empty"),
    ({"tags": ("a", "a")}, "stands there twice"),
    ({"options": options("yes"), "key": "o_1"}, "2 to 20 options"),
    ({"options": options(*map(str, range(21))), "key": "o_1"}, "2 to 20 options"),
    ({"options": options("yes", " "), "key": "o_1"}, "option is empty"),
    ({"options": options("yes", "yes"), "key": "o_1"}, "same text"),
    ({"options": (Option("o_1", "yes"), Option("o_1", "no")), "key": "o_1"}, "same id"),
    ({"options": options("yes", "o_1"), "key": "o_1"}, "look like an id"),
    ({"key": "o_9"}, "exactly one option"),
    ({"key": "choice a of 1"}, "exactly one option"),
    ({"keys": ("o_1a",)}, "exactly one option"),
    ({"numbers": (AcceptedNumber("1"),)}, "single_choice takes no numbers"),
    ({"unit": "m"}, "single_choice takes no numbers"),
    ({"unit_required": True}, "single_choice takes no numbers"),
    ({"accepted": (AcceptedText("x"),)}, "single_choice takes no accepted"),
    ({"case_sensitive": True}, "single_choice takes no accepted"),
    (true_false(options=options("a", "b", "c")), "two options"),
    (true_false(key=""), "exactly one option"),
    (multiple(keys=()), "at least one option"),
    (multiple(keys=("o_1b", "o_1a")), "at least one option"),
    (multiple(keys=("o_1a", "o_9")), "at least one option"),
    (multiple(key="o_1a"), "exactly one key"),
    (numeric(numbers=()), "1 to 50 right numbers"),
    (numeric(numbers=(AcceptedNumber("1"),) * 51), "1 to 50 right numbers"),
    (numeric(options=options("a", "b")), "numeric takes no options"),
    (numeric(key="o_1"), "numeric takes no options"),
    (numeric(accepted=(AcceptedText("x"),)), "numeric takes no accepted"),
    (numeric(numbers=(AcceptedNumber("1", "-0.1"),)), "tolerance is negative"),
    (numeric(numbers=(AcceptedNumber("1", credit=0), AcceptedNumber("1"))), "credit is not above 0"),
    (numeric(numbers=(AcceptedNumber("1", credit=-5), AcceptedNumber("1"))), "credit is not above 0"),
    (numeric(numbers=(AcceptedNumber("1", credit=1001),)), "credit is not above 0"),
    (numeric(numbers=(HALF,)), "no answer brings all the points"),
    (numeric(unit="m", other_units=(OtherUnit("km", "0"),)), "factor is not above 0"),
    (numeric(unit="m", other_units=(OtherUnit("km", "-1"),)), "factor is not above 0"),
    (numeric(other_units=(KM,)), "other units need a unit"),
    (numeric(unit_required=True), "unit is required but none"),
    (numeric(unit="m", other_units=(OtherUnit("m", "1"),)), "unit stands there twice"),
    (numeric(unit="m", other_units=(KM, KM)), "unit stands there twice"),
    (numeric(unit="\u00b5m", other_units=(OtherUnit("\u03bcm ", "2"),)), "unit stands there twice"),
    (numeric(unit=" "), "cannot be told from the number"),
    (numeric(unit="m", other_units=(OtherUnit("", "2"),)), "cannot be told from the number"),
    *((numeric(unit=unit), "cannot be told from the number") for unit in ("2m", ".m", ", m", "e3", "E-3 m", "½", "²")),
    *(
        (numeric(numbers=(AcceptedNumber(said), AcceptedNumber("1"))), "not a decimal of at most 30 digits")
        for said in (
            "",
            "x",
            "1,5",
            " 1",
            "1_000",
            "NaN",
            "Infinity",
            "1e31",
            "1e-31",
            "9" * 31,
            "1" * 10_000,
            "\N{ARABIC-INDIC DIGIT ONE}",
            "0x1",
        )
    ),
    (numeric(unit="m", other_units=(OtherUnit("km", "1/2"),)), "not a decimal"),
    (short_text(options=options("a", "b")), "short_text takes no options"),
    (short_text(unit="m"), "short_text takes no numbers"),
    (short_text(accepted=()), "1 to 50 accepted"),
    (short_text(*[AcceptedText("x")] * 51), "1 to 50 accepted"),
    (short_text(AcceptedText(" ")), "accepted answer is empty"),
    (short_text(AcceptedText("x", credit=999)), "no answer brings all the points"),
    (short_text(wildcard("*")), "takes anything"),
    (short_text(wildcard(" ** *")), "takes anything"),
    (short_text(pattern("(")), "the pattern '(' cannot be used"),
    (short_text(pattern("(?=a)b")), "cannot be used"),
    (short_text(pattern(r"(a)\1")), "cannot be used"),
    (short_text(pattern(r"\p{L}{1,900}")), "too large"),
    (short_text(pattern("a" * 501)), "more than 500 characters"),
    (short_text(wildcard("a*" * 251)), "more than 500 characters"),
]


@pytest.mark.parametrize(("changes", "word"), FAULTS, ids=lambda said: ascii(said)[:40])
def test_each_fault_of_a_question_is_named_and_nothing_else(changes: dict[str, Any], word: str) -> None:
    [problem] = problems(**changes)
    assert word in problem


def test_all_faults_are_named_at_once() -> None:
    assert len(problems(text="", options=options("yes"), key="o_9")) == 3


# --- drafts become contents ---


def drafted(**said: Any) -> QuestionContent:
    return content_of(QuestionDraft(**{"skill": "s", "difficulty": "easy", "text": "?"} | said))


def test_true_false_statement_gets_its_two_options() -> None:
    for truth in (True, False):
        made = drafted(type=QuestionType.TRUE_FALSE, correct=truth)
        assert [option.text for option in made.options] == ["True", "False"]
        assert made.key == made.options[0 if truth else 1].id


def test_keys_of_a_multiple_response_are_the_ids_of_its_correct_options() -> None:
    said = [DraftedOption("a", correct=True), DraftedOption("b", correct=False), DraftedOption("c", correct=True)]
    made = drafted(type=QuestionType.MULTIPLE_RESPONSE, options=said)
    assert (made.key, made.keys) == ("", (made.options[0].id, made.options[2].id))
    assert drafted(type=QuestionType.MULTIPLE_RESPONSE, options=said[:2]).right_options != ()


def test_option_whose_text_stays_keeps_its_id() -> None:
    known = (Option("o_old", "a"), Option("o_other", "gone"))
    draft = QuestionDraft(
        skill="s",
        difficulty="easy",  # type: ignore[arg-type]
        text="?",
        options=[DraftedOption("b", correct=True), DraftedOption("a", correct=False, feedback="No.")],
    )
    made = content_of(draft, known)
    assert made.options[1] == Option("o_old", "a", "No.")
    assert made.options[0].id.startswith("o_")
    assert made.options[0].id not in ("o_old", "o_other")


@pytest.mark.parametrize(
    "said",
    [
        {"type": QuestionType.TRUE_FALSE},
        {"type": QuestionType.TRUE_FALSE, "correct": True, "options": [DraftedOption("a", True)] * 2},
        {"type": QuestionType.NUMERIC, "correct": True, "numbers": [AcceptedNumber("1")]},
        {"options": [DraftedOption("a", correct=True), DraftedOption("b", correct=True)]},
        {"options": [DraftedOption("a", correct=False), DraftedOption("b", correct=False)]},
    ],
)
def test_draft_without_one_clear_key_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessage) as refusal:
        drafted(**said)
    assert refusal.value.details["problems"]
