"""Whatever an author types comes out as harmless HTML, and the readers of a text agree with each other."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from sitting.kit.markup import media_of, plain_text, problems, to_html
from sitting.kit.markup.formulas import formula
from sitting.kit.markup.highlighting import LANGUAGES, highlight
from tests.support.safe_html import visible_text

SHA = "ab" * 32
PIECES = [
    *("*", "**", "_", "~~", "`", "```", "```python\n", "~~~", "[", "]", "(", ")", "![", "](", "<", ">", "&", "&#", ";"),
    *("$", "$$", "\\", "\\$", "{", "}", "^", "|", "|-|-|\n", "#", "- ", "1. ", "> ", "    ", "\t", "\n", "\n\n", " "),
    *("<script>", "</script>", "<img src=x onerror=alert(1)>", "javascript:", "data:text/html,", "https://a.example"),
    *(
        "media:",
        SHA,
        f"![a](media:{SHA})",
        "[x](javascript:alert(1))",
        "<https://b.example>",
        '"',
        "'",
        "&lt;",
        "&colon;",
    ),
    *("\\frac", "\\text{", "\\href{javascript:alert(1)}", "\\sqrt", "\\left(", "\\begin{matrix}", "\\mathbb{R}", "x^2"),
    *("\0", "\ud800", "\ufeff", "\u202e", "\U0001f600", "é", "a", "def f(): pass", "-->", "<!--", "]]>"),
]
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=40).map("".join)
latex = st.lists(st.sampled_from(PIECES) | st.sampled_from("abcdefxyz0123456789+-=_&'"), max_size=30).map("".join)
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")


def address(sha256: str) -> str:
    return f"/media/{sha256}"


@given(texts, st.booleans())
def test_every_text_becomes_harmless_html_that_nests(text: str, inline: bool) -> None:
    visible_text(to_html(text, inline=inline, image_url=address))
    visible_text(to_html(text, inline=inline, image_url=None))


@given(texts, st.booleans())
def test_problems_and_plain_text_never_raise(text: str, inline: bool) -> None:
    assert all(problem.endswith(".") for problem in problems(text, inline=inline))
    assert plain_text(text, inline=inline).strip("\n") == plain_text(text, inline=inline)


@given(latex, st.booleans())
def test_a_formula_is_harmless_mathml_or_is_refused(source: str, display: bool) -> None:
    outcome = formula(source, display=display)
    assert (outcome.mathml is None) != (outcome.problem is None)
    visible_text(outcome.mathml or "")


@given(texts, st.booleans())
def test_images_of_a_text_are_those_it_shows(text: str, inline: bool) -> None:
    shown = re.findall(r'src="/media/([0-9a-f]{64})"', to_html(text, inline=inline, image_url=address))
    assert tuple(dict.fromkeys(shown)) == media_of(text, inline=inline)


@given(texts)
def test_a_second_rendering_equals_the_first(text: str) -> None:
    assert to_html(text, image_url=address) == to_html(text, image_url=address)


@given(st.text(characters, max_size=200), st.sampled_from(sorted(set(LANGUAGES.values()))))
def test_colours_leave_the_code_as_it_is(code: str, language: str) -> None:
    assert visible_text(f"<pre>x{highlight(code, language)}</pre>") == f"x{code}"


@given(st.text(st.characters(categories=["L", "N", "Zs"], exclude_characters="\xa0"), max_size=100))
def test_words_without_markup_come_out_as_they_are(text: str) -> None:
    assert visible_text(to_html(text, inline=True, image_url=None)).split() == text.split()
    assert plain_text(text, inline=True).split() == text.split()
