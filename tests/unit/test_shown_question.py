"""What a candidate is shown of a question: text, HTML, images, unit; and nothing of its key."""

from __future__ import annotations

import json

import pytest

from sitting.domain.question import AcceptedNumber, Option, QuestionType
from sitting.protocol.encoding import encode
from tests.support.samples import slot

FIRST, SECOND = "a1" * 32, "b2" * 32


def test_texts_come_as_written_and_as_html() -> None:
    shown = slot(1, text="What is `1 < 2`?", options=(Option("o_1", "*true*"), Option("o_2", "a < b"))).shown().question
    assert (shown.text, shown.html) == ("What is `1 < 2`?", "<p>What is <code>1 &lt; 2</code>?</p>")
    assert [(each.text, each.html) for each in shown.options] == [("*true*", "<em>true</em>"), ("a < b", "a &lt; b")]


def test_author_puts_no_script_into_a_page() -> None:
    shown = slot(1, text="<script>alert(1)</script>", options=(Option("o_1", "<img src=x onerror=alert(1)>"),)).shown()
    assert "<script" not in shown.question.html
    assert "<img" not in shown.question.options[0].html


def test_media_lists_every_image_once_in_the_order_in_which_it_is_seen() -> None:
    options = (Option("o_1", f"![b](media:{SECOND})"), Option("o_2", f"![a](media:{FIRST})"))
    shown = slot(1, text=f"Which is it?\n\n![a](media:{FIRST})", options=options).shown().question
    assert shown.media == (f"/api/v1/media/{FIRST}", f"/api/v1/media/{SECOND}")
    assert f'<img src="/api/v1/media/{FIRST}" alt="a">' in shown.html
    assert f'<img src="/api/v1/media/{SECOND}" alt="b">' in shown.options[0].html


@pytest.mark.parametrize(
    ("unit", "required", "shown"), [("km", False, "km"), ("km", True, None), ("", False, None)], ids=str
)
def test_unit_is_shown_unless_it_is_asked_for(unit: str, required: bool, shown: str | None) -> None:
    key = (AcceptedNumber("271828"),)
    question = slot(
        1, type=QuestionType.NUMERIC, options=(), key="", numbers=key, unit=unit, unit_required=required
    ).shown()
    data = json.loads(encode(question))["data"]["question"]
    assert (data["type"], data["options"], data["unit"]) == ("numeric", [], shown)
    assert "271828" not in encode(question)
