"""GIFT, feature by feature: docs/gift.md says what becomes of each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sitting.domain.question import AcceptedNumber, AcceptedText, Difficulty, QuestionType, TextMatch
from sitting.interchange.formats import Format, read_bank
from sitting.interchange.reading import Defaults, ReadFile, ReadItem
from sitting.interchange.shape import WrittenQuestion

PAGE = Path(__file__).parents[2] / "docs" / "gift.md"
ROW = re.compile(r"^\| ([^|]+) \| `(.+)` \| (taken|changed|refused): `(.+)` \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE.read_text("utf-8"))


def read(text: str, **defaults: Any) -> ReadFile:
    return read_bank(text.encode(), Format.GIFT, Defaults(**({"skill": "S", "difficulty": Difficulty.EASY} | defaults)))


def item_of(text: str) -> ReadItem:
    (item,) = read(text).items
    return item


def question_of(text: str) -> WrittenQuestion:
    question = item_of(text).question
    assert question is not None, item_of(text).reasons
    return question


def places(remarks: Any) -> list[tuple[int, int]]:
    return [(remark.line, remark.column) for remark in remarks]


def test_the_page_has_a_row_for_every_line_of_its_table() -> None:
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    assert len(ROWS) == len(lines) - 1  # the heading
    assert len(ROWS) > 40


@pytest.mark.parametrize(("feature", "example", "becomes", "what"), ROWS, ids=[f"{row[0]} {row[3]}" for row in ROWS])
def test_each_feature_becomes_what_the_page_says(feature: str, example: str, becomes: str, what: str) -> None:
    item = read(example.replace("⏎", "\n")).items[0]
    if becomes == "refused":
        assert item.question is None
        assert what in item.reasons[0].message
        return
    assert item.question is not None, item.reasons
    if becomes == "changed":
        assert any(what in change.message for change in item.changes), (feature, item.changes)
    else:
        assert item.changes == ()
        assert item.question.type == what


def test_options_keep_order_feedback_and_which_one_is_right() -> None:
    question = question_of("Who?{~Ann#No. =Bob #Yes.\n ~Cy}")
    assert [(o.text, o.correct, o.feedback) for o in question.options] == [
        ("Ann", False, "No."),
        ("Bob", True, "Yes."),
        ("Cy", False, ""),
    ]


def test_true_false_feedback_goes_to_the_option_that_it_is_about() -> None:
    for text, right, wrong in (("{T#wrong#right}", 0, 1), ("{FALSE#wrong#right}", 1, 0)):
        options = question_of(f"S.{text}").options
        assert (options[right].correct, options[right].feedback) == (True, "right")
        assert (options[wrong].correct, options[wrong].feedback) == (False, "wrong")


def test_numbers_keep_every_digit() -> None:
    question = question_of("N?{#=1..2 =%33.3%10000000000000000000.1:0.30 =-5 =.5:1e-3}")
    assert question.numbers == (
        AcceptedNumber("1.5", "0.5", 1000),
        AcceptedNumber("10000000000000000000.1", "0.30", 333),
        AcceptedNumber("-5", "0", 1000),
        AcceptedNumber("0.5", "0.001", 1000),
    )


def test_stars_are_wildcards_unless_a_backslash_stands_before_them() -> None:
    question = question_of(r"W?{=a* =b\* =c\**}")
    assert question.accepted == (
        AcceptedText("a*", TextMatch.WILDCARD),
        AcceptedText("b*", TextMatch.EXACT),
        AcceptedText(r"c\**", TextMatch.WILDCARD),
    )


def test_missing_word_leaves_a_line() -> None:
    assert question_of("Two plus {=two =2} equals four.").text == "Two plus _____ equals four."
    assert question_of("Two plus two?{=four}").text == "Two plus two?"


def test_escapes_give_the_characters_and_new_lines() -> None:
    question = question_of(r"[markdown]a\=b\~c\#d\{e\}f\:g\\h\ni\x{=\=1\#2 ~x}")
    assert question.text == "a=b~c#d{e}f:g\\h\ni\\x"
    assert question.options[0].text == "=1#2"


def test_comments_within_a_question_are_no_part_of_it() -> None:
    question = question_of("Who\n// not this\nis it?{\n=Ann\n  // nor this\n~Bob}")
    assert (question.text, [o.text for o in question.options]) == ("Who\nis it?", ["Ann", "Bob"])


def test_identity_tags_skill_and_difficulty_come_from_comments() -> None:
    text = "// question: 7  name: x\n// [id:q_7h2k] [tag:a b] [tag:c\\]d] [tags:e, f]\n// skill: SQL\n"
    text += "// difficulty: Hard\n"
    question = question_of(f"{text}::who-is-it::Who?{{T}}")
    assert (question.question_id, question.slug) == ("q_7h2k", "who-is-it")
    assert question.tags == ("a b", "c]d", "e", "f")
    assert (question.skill, question.difficulty) == ("SQL", Difficulty.HARD)


def test_category_is_the_skill_until_the_next_one() -> None:
    text = "A.{T}\n\n$CATEGORY: $course$/top/Science/Physics\n\nB.{T}\n\nC.{T}\n\n$CATEGORY: x/N//A\n\nD.{T}"
    found = read(text, skill="Other")
    assert [item.question and item.question.skill for item in found.items] == ["Other", "Physics", "Physics", "N/A"]
    assert [remark.line for remark in found.remarks] == [3, 9, 0, 0]  # the defaults are told of the whole file


def test_two_titles_that_come_to_the_same_slug_are_told_apart_and_it_is_said() -> None:
    items = read("::Tomb::A.{T}\n\n::tomb::B.{T}\n\n::TOMB!::C.{T}").items
    assert [item.question and item.question.slug for item in items] == ["tomb", "tomb-2", "tomb-3"]
    assert "the slug is tomb-2" in items[1].changes[-1].message


def test_question_without_skill_or_difficulty_is_refused_with_both_reasons() -> None:
    (item,) = read("A.{T}", skill=None, difficulty=None).items
    assert item.question is None
    assert [reason.message.split(",")[0] for reason in item.reasons] == ["it has no skill", "it has no difficulty"]


def test_faults_name_line_and_column_and_the_next_question_goes_on() -> None:
    text = "\ufeff// one\r\nWho is\r\n  it {=a ~b\r\n\r\nB.{T}\r\n\r\nC? {#x}"
    first, second, third = read(text).items
    assert places(first.reasons) == [(3, 6)]
    assert (first.line, first.column) == (2, 1)
    assert second.question is not None
    assert (second.line, second.column) == (5, 1)
    assert places(third.reasons) == [(7, 6)]


def test_bytes_that_are_no_utf8_are_refused_with_their_place() -> None:
    (item,) = read_bank(b"A.{T}\n\nB\xff.{T}", Format.GIFT, Defaults()).items
    assert (item.question, places(item.reasons)) == (None, [(3, 2)])


def test_scripts_never_come_through_html() -> None:
    question = question_of("[html]<script>alert(1)</script><a href='javascript\\:x'>a</a> &lt;b&gt;{T}")
    assert "alert" not in question.text
    assert "javascript" not in question.text
    assert question.type is QuestionType.TRUE_FALSE


def test_moodles_own_formulas_stay_formulas() -> None:
    assert question_of(r"Is \\(x_1\\) more than $$y_2$$ and a_b * c?{T}").text.startswith("Is $x_1$ more than $$y_2$$")


def test_texts_of_a_million_characters_are_read_in_a_time_that_grows_with_their_length() -> None:
    import time

    def seconds(unit: str, number: int) -> float:
        begun = time.perf_counter()
        read(unit * number)
        return time.perf_counter() - begun

    for unit in ("q{=a~", "\\~", "~%5", "\\(", "x{=a#b}\n\n", "[tag:\\"):
        short, long = seconds(unit, 20_000 // len(unit)), seconds(unit, 1_000_000 // len(unit))
        assert long < 50 * short * 6 + 2, unit
