"""Gates that look at the options: number, difference, keys, options about options, lengths, absolute terms, numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sitting.domain.question import Option, QuestionContent, QuestionType
from sitting.questions.gates import GateSettings, Outcome
from tests.support.items import KEY, item, judged, offered

PASSED, FAILED, NOT_APPLICABLE = Outcome.PASSED, Outcome.FAILED, Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(("number", "outcome"), [(2, FAILED), (3, PASSED), (4, PASSED), (5, PASSED), (6, FAILED)])
def test_three_to_five_options_are_wanted_and_the_limits_can_be_moved(number: int, outcome: Outcome) -> None:
    content = offered(*(f"choice {n}" for n in range(number)))
    verdict = judged("option_count", content)
    assert verdict.outcome is outcome
    assert verdict.evidence["options"] == number
    wide = GateSettings(fewest_options=2, most_options=6)
    assert judged("option_count", content, settings=wide).outcome is PASSED


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A stack", "a  stack."),
        ("Re-read", "reread"),
        ("client-side", "client side"),
        ("“Yes”", "yes"),
        ("1,000", "1000"),
        ("*Oslo*", "Oslo"),
        ("Stack (LIFO)", "stack LIFO"),
        ("It waits, then stops.", "It waits then stops"),
        ("It waits.", "“It waits.”"),
        ("\u2018Yes\u2019", "yes"),
        ("`COUNT(x)`", "COUNT(x)"),
    ],
)
def test_options_that_differ_in_case_space_and_punctuation_alone_read_the_same(one: str, other: str) -> None:
    verdict = judged("distinct_options", offered(one, "something else", other))
    assert verdict.outcome is FAILED
    assert verdict.place == "o_2"
    assert verdict.evidence["options"] == [KEY, "o_2"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("`a/b`", "`A/B`"),
        ("C", "C++"),
        ("mW", "MW"),
        ("Aa", "aa"),
        ("-l", "l"),
        (". .. a", "a"),
        ("3.5", "35"),
        ("$x^2$", "$x^3$"),
        ("x > y", "x < y"),
        ("a.txt", "atxt"),
        ("its", "it's"),
        ("the dogs", "the dog’s"),
        ("`COUNT(x)`", "count(x)"),
    ],
)
def test_options_that_a_reader_can_tell_apart_are_distinct(one: str, other: str) -> None:
    assert judged("distinct_options", offered(one, "something else", other)).outcome is PASSED


def test_one_key_means_exactly_one_of_the_options() -> None:
    content = offered("red", "green", "blue")
    assert judged("one_key", content).outcome is PASSED
    assert "No option" in judged("one_key", replace(content, key="")).sentence
    two = judged("one_key", replace(content, key="", keys=(KEY, "o_1")))
    assert (two.outcome, two.evidence["keys"]) == (FAILED, [KEY, "o_1"])
    unknown = judged("one_key", replace(content, key="o_9"))
    assert (unknown.outcome, unknown.evidence["unknown"]) == (FAILED, ["o_9"])
    twice = replace(content, options=(*content.options, Option(KEY, "yellow")))
    assert judged("one_key", twice).outcome is FAILED
    multiple = replace(content, type=QuestionType.MULTIPLE_RESPONSE, key="", keys=(KEY, "o_1"))
    assert judged("one_key", multiple).outcome is NOT_APPLICABLE


@pytest.mark.parametrize(
    "option",
    [
        "All of the above",
        "None of the above.",
        "all of these",
        "None of these",
        "Both A and B",
        "A and C only",
        "(a) and (b)",
        "Neither A nor B",
        "Options 1 and 2",
        "Answers A and B are both correct",
        "Both of the above",
        "All the options are correct",
        "None of the other answers",
        "There is no correct answer",
        "More than one of the above",
        "None of them",
        "Both the first and the second option",
        "Both a lock and a queue",
    ],
)
def test_options_about_other_options_fail(option: str) -> None:
    verdict = judged("all_or_none", item("What does this do?", "a lock", "a queue", "a timer", option))
    assert (verdict.outcome, verdict.place) == (FAILED, "o_3")


@pytest.mark.parametrize(
    "option",
    [
        "None",
        "Both fail",
        "Nothing at all",
        "All threads stop",
        "Both commit, and neither doctor stays on call",
        "None of the three, because it stops",
        "`x = 5 AND y = 6`",
    ],
)
def test_options_about_the_subject_may_say_all_both_and_none(option: str) -> None:
    assert judged("all_or_none", item("What happens?", "`x = 5`", "`y = 6`", option)).outcome is PASSED


def test_letters_that_the_stem_has_named_are_no_labels_of_options() -> None:
    stem = "The processes A, B and C wait. Which of them run?"
    assert judged("all_or_none", item(stem, "A and B", "A and C", "B and C")).outcome is PASSED
    assert judged("all_or_none", item("A lock is held. What runs?", "x", "y", "A and B")).outcome is FAILED


def test_none_of_them_is_an_amount_where_the_other_options_are() -> None:
    amounts = item("How many of the servers answer?", "only one of them", "half of them", "none of them")
    assert judged("all_or_none", amounts).outcome is PASSED


def test_key_that_is_longest_by_far_fails_and_shown_characters_count() -> None:
    long = "A queue, since it serves whoever came first before all others"
    verdict = judged("longest_key", offered(long, "A stack of jobs", "A heap of jobs"))
    assert (verdict.outcome, verdict.place, verdict.evidence["key"]) == (FAILED, "key", len(long))
    assert judged("longest_key", offered(long, "A stack", long.replace("queue", "pile"))).outcome is PASSED
    assert judged("longest_key", offered("Internet Protocol", "TCP", "UDP")).outcome is PASSED
    formula = r"$\frac{\mathrm{a}}{\mathrm{b}}+\frac{\mathrm{c}}{\mathrm{d}}$"
    assert judged("longest_key", offered(formula, "$a+b$", "$a-b$")).outcome is PASSED


def test_absolute_terms_are_a_cue_only_where_the_key_has_none() -> None:
    distractors = ("It always waits", "It sleeps", "It stops")
    verdict = judged("absolute_terms", offered("It waits at times", *distractors))
    assert (verdict.outcome, verdict.place, verdict.evidence["options"]) == (FAILED, "o_1", {"o_1": ["always"]})
    assert judged("absolute_terms", offered("It never waits", *distractors)).outcome is PASSED


@pytest.mark.parametrize(
    ("distractors", "outcome"),
    [
        (("It keeps all keys", "It sorts values"), PASSED),
        (("It keeps all keys", "It sorts every value"), FAILED),
        (("It only keeps keys", "It sorts values"), FAILED),
        (("All threads must wait", "It sorts values"), FAILED),
        (("2 only", "3 only"), PASSED),
        (("No key is ever dropped", "It sorts values"), FAILED),
        (("Keys and nothing else", "It sorts values"), FAILED),
        (("Keys that all nodes hold", "A list that every node sorts"), FAILED),
        (("Keys of any kind", "It sorts values"), FAILED),
        (("It sorts wherever it is", "It waits for anyone"), FAILED),
        (("It waits forever", "It sorts values"), PASSED),
        (("No keys", "Nothing at all"), PASSED),
        (("It sorts at all", "It waits for all of them"), PASSED),
        (("Nothing at all", "It sorts values"), PASSED),
        (("`all(x)`", "`only(x)`"), PASSED),
    ],
)
def test_words_with_honest_uses_need_to_be_many_or_to_carry_the_sentence(
    distractors: tuple[str, ...], outcome: Outcome
) -> None:
    assert judged("absolute_terms", offered("It drops old keys", *distractors)).outcome is outcome


@pytest.mark.parametrize(
    "options",
    [
        ("5", "3", "8"),
        ("10-20", "20-30", "30-40"),
        ("between 1 and 5", "between 4 and 8", "between 9 and 12"),
        ("less than 10", "more than 5", "20"),
        ("5 ms", "1 s", "3 ms"),
        ("two", "five", "three"),
        ("$2^{10}$", "$2^{8}$", "$2^{12}$"),
        ("1/2", "1/4", "3/4"),
        ("at least 5", "at least 10", "at least 20"),
        ("0.5", "50 %", "2"),
        ("0", "An error", "7", "3"),
        ("3 million", "5 thousand", "2 billion"),
        ("under 10 %", "10 % to 20 %", "15 % to 30 %"),
    ],
)
def test_numbers_without_order_and_ranges_that_overlap_fail(options: tuple[str, ...]) -> None:
    assert judged("numeric_options", offered(*options)).outcome is FAILED


@pytest.mark.parametrize(
    "options",
    [
        ("1", "2", "3"),
        ("3", "2", "1"),
        ("0-9", "10-19", "20-29"),
        ("less than 10", "10 to 20", "more than 20"),
        ("5 ms", "50 ms", "1 s"),
        ("1/4", "50 %", "3/4"),
        ("4 times", "5 times", "8 times"),
        ("-5", "−1", "+3"),
    ],
)
def test_numbers_in_order_and_ranges_side_by_side_pass(options: tuple[str, ...]) -> None:
    assert judged("numeric_options", offered(*options)).outcome is PASSED


@pytest.mark.parametrize(
    "options", [("O(n)", "O(1)", "O(2)"), ("5, 3", "3, 5", "4, 4"), ("3 apples", "2 pears", "1 m")]
)
def test_what_is_no_number_has_no_order(options: tuple[str, ...]) -> None:
    assert judged("numeric_options", offered(*options)).outcome is NOT_APPLICABLE


def test_overlap_names_both_options() -> None:
    verdict = judged("numeric_options", offered("0-10", "10-20", "21-30"))
    assert verdict.evidence["overlap"] == [KEY, "o_1"]
    assert "“0-10” and “10-20”" in verdict.sentence


def test_every_gate_answers_whatever_the_item_holds() -> None:
    odd: list[QuestionContent] = [
        item("", ""),
        item("?", "?", "?"),
        item("`", "$", "**", "___"),
        item("a" * 30_000, "b" * 5_000, "c"),
        replace(item("x", "y"), options=()),
        item("\ud800 which?", "\ud800", "b", "c"),
    ]
    for content in odd:
        for gate in (
            "option_count",
            "distinct_options",
            "numeric_options",
            "reading_level",
            "stem_form",
            "word_repeat",
        ):
            assert judged(gate, content).outcome in Outcome
