"""What is exported and imported again is what it was; and no text makes a reader raise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitting.domain.question import Option, QuestionContent, QuestionVersion
from sitting.interchange.formats import Format, read_bank, write_bank
from sitting.interchange.markdown import from_html, from_plain
from sitting.interchange.reading import Defaults, ReadItem
from sitting.interchange.report import Outcome
from sitting.kit.markup import plain_text
from sitting.usecases.import_questions import content_of_item
from tests.support.contents import HARD, banks

NONE = Defaults()


def read_again(questions: list[QuestionVersion], format_: Format) -> list[ReadItem]:
    """The items of the file that these questions make."""
    text, _ = write_bank(questions, format_)
    return list(read_bank(text.encode(), format_, NONE).items)


def without_ids(content: QuestionContent) -> QuestionContent:
    """The same with ids of options that say only which one it is."""
    ids = {option.id: f"o_{number}" for number, option in enumerate(content.options)}
    options = tuple(Option(ids[option.id], option.text, option.feedback) for option in content.options)
    return replace(content, options=options, key=ids.get(content.key, ""), keys=tuple(ids[id_] for id_ in content.keys))


def content_of(item: ReadItem) -> QuestionContent:
    assert item.question is not None, item.reasons
    return content_of_item(item.question, ())


@given(banks())
def test_json_gives_every_question_back_with_all_its_ids(questions: list[QuestionVersion]) -> None:
    items = read_again(questions, Format.JSON)
    assert [item.question and (item.question.question_id, item.question.slug) for item in items] == [
        (question.question_id, question.slug) for question in questions
    ]
    assert [content_of(item).digest() for item in items] == [question.digest for question in questions]
    assert [item.changes for item in items] == [() for _ in questions]


@given(banks())
def test_csv_gives_every_question_back(questions: list[QuestionVersion]) -> None:
    items = read_again(questions, Format.CSV)
    assert [item.question and (item.question.question_id, item.question.slug) for item in items] == [
        (question.question_id, question.slug) for question in questions
    ]
    assert [without_ids(content_of(item)) for item in items] == [without_ids(q.content) for q in questions]


@given(banks())
def test_gift_gives_back_what_its_report_says_was_written_exactly(questions: list[QuestionVersion]) -> None:
    text, report = write_bank(questions, Format.GIFT)
    items = read_bank(text.encode(), Format.GIFT, NONE).items
    written = [
        (item, question)
        for item, question in zip(report.items, questions, strict=True)
        if item.outcome is Outcome.WRITTEN
    ]
    assert len(items) == len(written)
    for item, (said, question) in zip(items, written, strict=True):
        if not said.changes:
            assert without_ids(content_of(item)) == without_ids(question.content)
            assert item.changes == ()
            assert item.question is not None
            assert (item.question.question_id, item.question.slug) == (question.question_id, question.slug)


@given(banks())
def test_gift_leaves_out_only_what_it_says(questions: list[QuestionVersion]) -> None:
    _, report = write_bank(questions, Format.GIFT)
    assert [item.question_id for item in report.items] == [question.question_id for question in questions]
    assert all(bool(item.reasons) == (item.outcome is Outcome.LEFT_OUT) for item in report.items)


@given(st.text(st.sampled_from(HARD + "aTF{}~=#:\n\n"), max_size=200))
def test_no_text_makes_the_gift_reader_raise(text: str) -> None:
    for item in read_bank(text.encode(), Format.GIFT, Defaults("skill", None)).items:
        assert item.question is None
        assert item.reasons
        assert all(remark.line >= 1 and remark.column >= 1 for remark in item.reasons)


@pytest.mark.parametrize("format_", Format)
@given(data=st.one_of(st.binary(max_size=60), st.text(st.sampled_from('{}[]",:;\n\r\t\\' + HARD)).map(str.encode)))
def test_no_bytes_make_a_reader_raise(data: bytes, format_: Format) -> None:
    for item in read_bank(data, format_, NONE).items:
        assert (item.question is None) == bool(item.reasons)


@given(st.text(st.sampled_from("\\`*_[]()<>#+-.!|~$&;=:/ab1 htp"), max_size=40))
def test_plain_text_is_shown_as_it_was(text: str) -> None:
    assert plain_text(from_plain(text, formulas=False)).split() == text.split()


@given(st.text(st.sampled_from("<>/pbrlicodeuo &;#x41=\"'ahref:*_\n"), max_size=60))
def test_no_html_makes_the_converter_raise(text: str) -> None:
    converted, _ = from_html(text)
    assert len(converted) <= 8 * len(text) + 40
