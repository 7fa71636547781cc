"""The gate `all_or_none`: in how many ways an option speaks of the others, and what only looks like it."""

from __future__ import annotations

import pytest

from sitting.questions.gates import Outcome
from tests.support.items import item, judged

FIVE = ("a lock", "a queue", "a timer")


@pytest.mark.parametrize(
    "option",
    [
        "none of the tools above",
        "everything listed above",
        "It needs two of the above.",
        "It cannot be told from the above",
        "in none of these cases",
        "for each of these reasons",
        "all of these at once",
        "whichever of these you like",
        "none of them",
        "any of the ways",
        "either the first or the second",
        "one of the first two, no matter which",
        "the first and the third answer together",
        "all may be right",
        "It depends, each of these can be right",
        "all the other answers",
        "something else entirely",
        "the other two",
        "a mixture of both",
        "all but the first",
        "because of A, B and C",
        "either A or C is met",
        "it waits, so both B and C",
        "a lock, a queue or both of them",
        "a lock and a timer together",
        "both wind and weather",
        "both that it waits and that it sleeps",
    ],
)
def test_options_that_refer_to_others_fail(option: str) -> None:
    verdict = judged("all_or_none", item("What is needed here?", *FIVE, option))
    assert (verdict.outcome, verdict.place) == (Outcome.FAILED, "o_3")


@pytest.mark.parametrize(
    "option",
    [
        "a value above 5",
        "all files below the root",
        "the file is not listed",
        "no answer at all",
        "larger than the others",
        "the first and last byte",
        "each thread has its own",
        "something else's lock",
        "both threads wait and stop",
        "from A to C",
        "vitamins A and D",
        "between 2 and 8 locks",
        "either a default or nothing",
        "one of its parts",
    ],
)
def test_options_that_speak_of_the_subject_pass(option: str) -> None:
    assert judged("all_or_none", item("What is needed here?", *FIVE, option)).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("stem", "option", "outcome"),
    [
        ("In which drawer is it?", "in more than one of the drawers", Outcome.FAILED),
        ("Which drawer is it in?", "no drawer", Outcome.FAILED),
        ("What is in the drawer?", "no drawer", Outcome.PASSED),
        ("Which of these tools is needed?", "all of them are needed", Outcome.FAILED),
        ("Two clerks ask for it. What do they get?", "all of them get one", Outcome.PASSED),
        ("What comes first?", "the first and the second", Outcome.FAILED),
        ("The first clerk waits for the second. Who ends?", "the first and the second", Outcome.PASSED),
        ("What is true of its answers?", "all answers are late", Outcome.PASSED),
    ],
)
def test_what_the_stem_tells_of_decides_what_a_word_means(stem: str, option: str, outcome: Outcome) -> None:
    assert judged("all_or_none", item(stem, *FIVE, option)).outcome is outcome


def test_amounts_among_amounts_are_no_reference() -> None:
    amounts = item("How many stop?", "half of them", "only one of these", "none of these")
    assert judged("all_or_none", amounts).outcome is Outcome.PASSED


def test_words_of_two_others_joined_are_the_two_others_and_code_counts_as_a_word() -> None:
    joined = item("How does it deal with it?", "It accepts the risk", "It transfers the risk", "It ignores it")
    assert judged("all_or_none", joined).outcome is Outcome.PASSED
    both = "It accepts and transfers the risk"
    with_both = item("How does it deal with it?", "It accepts the risk", "It transfers the risk", both)
    assert judged("all_or_none", with_both).outcome is Outcome.FAILED
    code = item("Which clause holds it?", "`HAVING`", "`WHERE`", "Either `WHERE` or `HAVING`")
    assert judged("all_or_none", code).outcome is Outcome.FAILED
    other = item("Which clause holds it?", "`HAVING`", "`WHERE`", "Either `ON` or `USING`")
    assert judged("all_or_none", other).outcome is Outcome.PASSED


def test_letters_that_most_options_use_are_names() -> None:
    named = item("Which vitamins dissolve in fat?", "only A and D", "only B and C", "only C and E")
    assert judged("all_or_none", named).outcome is Outcome.PASSED
