"""Texts of authors: what they become, what is refused, and what their authors are told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from hashlib import blake2b
from importlib import resources
from pathlib import Path

import pytest

from sitting.kit.markup import MAX_LENGTH, highlighting, media_of, plain_text, problems, rendering, stylesheet, to_html
from sitting.kit.markup.formulas import MAX_FORMULA, formula
from sitting.kit.markup.highlighting import KINDS, LANGUAGES, PLAIN
from tests.support.hostile_texts import BUSY, VECTORS
from tests.support.safe_html import UnsafeHtml, visible_text

SHA, OTHER = "ab" * 32, "cd" * 32
SECONDS = 5  # the slowest takes a tenth of it on a machine at rest
BANK = resources.files("sitting") / "cli" / "sample" / "bank"
SAMPLE = [question for file in BANK.iterdir() for question in json.loads(file.read_text("utf-8"))]


def html(text: str, *, inline: bool = False) -> str:
    return to_html(text, inline=inline, image_url=lambda sha256: f"/media/{sha256}")


# What is shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*a* **b** ~~c~~ `d`", "<p><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>"),
        ("# a\n\n### b", "<h3>a</h3>\n<h5>b</h5>"),
        ("1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>"),
        ("a  \nb", "<p>a<br>\nb</p>"),
        ("<b>a</b> & b", "<p>&lt;b&gt;a&lt;/b&gt; &amp; b</p>"),
        ("    x < 1", '<pre class="code"><code>x &lt; 1\n</code></pre>'),
        ("~~~nonsense\nx\n~~~", '<pre class="code"><code>x\n</code></pre>'),
    ],
)
def test_markdown_becomes_html(text: str, expected: str) -> None:
    assert html(text) == expected


def test_inline_text_holds_no_blocks() -> None:
    assert html("# a\n- *b*", inline=True) == "# a\n- <em>b</em>"


def test_table_is_aligned_by_classes_and_not_by_styles() -> None:
    table = html("| a | b |\n|--:|:-:|\n| 1 | 2 |")
    assert '<th class="align-right">a</th>' in table
    assert '<td class="align-center">2</td>' in table


@pytest.mark.parametrize(
    ("language", "code", "expected"),
    [
        ("python", "def f(): pass", '<span class="code-keyword">def</span> <span class="code-name">f</span>'),
        ("py", "x = 'a'", "<span class=\"code-string\">'a'</span>"),
        ("python-console", ">>> 1", '<span class="code-prompt">&gt;&gt;&gt; </span><span class="code-number">1</span>'),
        ("bash", "a # b", 'a <span class="code-comment"># b'),
        ("sql", "SELECT 1", '<span class="code-keyword">SELECT</span> <span class="code-number">1</span>'),
        ("json", '{"a": 1}', '<span class="code-number">1</span>'),
        ("http", "GET / HTTP/1.1", '<span class="code-keyword">HTTP</span>'),
        ("diff", "-a\n+b", '<span class="code-inserted">+b'),
    ],
)
def test_code_of_a_known_language_has_colours(language: str, code: str, expected: str) -> None:
    assert expected in html(f"```{language}\n{code}\n```")


def test_code_is_shown_plain_if_its_lexer_fails_or_loses_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def get_tokens_unprocessed(self, code: str) -> list[tuple[int, object, str]]:
            raise KeyError(code)

    class Losing:
        def get_tokens_unprocessed(self, code: str) -> list[tuple[int, object, str]]:
            return [(0, None, code[1:])]

    for lexer in (Broken(), Losing()):
        monkeypatch.setattr(highlighting, "_lexer", lambda _, lexer=lexer: lexer)
        assert highlighting.highlight("x < 1", "python") == "x &lt; 1"


def test_body_of_http_loads_no_lexer_of_its_own() -> None:
    shown = html("```http\nHTTP/1.1 200 OK\nContent-Type: text/x-python\n\ndef f(): pass\n```")
    assert "def f(): pass" in shown


# Formulas


def test_formulas_become_mathml() -> None:
    assert html("$x^2$") == ('<p><math display="inline"><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math></p>')
    assert '<math display="block">' in html("$$\na\n- b\n$$")
    assert "<li>" not in html("$$\na\n- b\n$$")


@pytest.mark.parametrize(
    "text",
    [
        "$5,$10",
        "$5 and $10",
        "$5, or 3 for $8",
        r"\$x\$",
        "a $ b $",
        "$a $",
        "`$x$`",
        "    $x$",
        "```\n$x$\n```",
        "$x`$`",
        "$$",
        "$$ $$",
    ],
)
def test_dollars_that_open_no_formula_stay_text(text: str) -> None:
    shown = html(text)
    assert "<math" not in shown
    assert "formula" not in shown
    assert "$" in visible_text(shown)


@pytest.mark.parametrize(
    "text", ["**$x$**", "($x$)", "$x$, $y$", "[$x$](https://a.example)", "|$x$|\n|-|", "- $x$", r"\$5 $x$"]
)
def test_formulas_stand_within_other_markup(text: str) -> None:
    assert "<mi>x</mi>" in html(text)


@pytest.mark.parametrize(
    ("latex", "reason"),
    [
        (r"\href{https://a.example}{x}", r"\href cannot be used here"),
        (r"\def\a{b}", r"\def cannot be used here"),
        (r"\foo", r"\foo is not known"),
        (r"\begin{foo}x\end{foo}", "the environment foo is not known"),
        (r"\frac{a}", "a part of it is missing, or is not known"),
        ("{a", "its braces do not match"),
        ("x^", "it is not complete, or not LaTeX"),
        ("a & b", "& has no meaning where it stands"),
        (r"\sqrt{" * 100 + "x" + "}" * 100, "it is nested too deeply"),
        ("x" * (MAX_FORMULA + 1), f"it is longer than {MAX_FORMULA} characters"),
    ],
)
def test_formula_that_cannot_be_shown_stands_as_typed_and_is_named(latex: str, reason: str) -> None:
    assert formula(latex, display=False).problem == reason
    shown = html(f"${latex}$")
    assert shown.startswith('<p><code class="formula">$')
    assert visible_text(shown) == f"${latex}$"
    assert [problem.endswith(f" cannot be shown: {reason}.") for problem in problems(f"${latex}$")] == [True]


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\mathbb{R}", "<mi>\u211d</mi>"),
        (r"\mathbf{ab}", "<mi>\U0001d41a</mi><mi>\U0001d41b</mi>"),
        (r"\mathit{gh}", "<mi>\u210e</mi>"),
        (r"\begin{aligned}a&=b\end{aligned}", '<mtd columnalign="right"><mi>a</mi></mtd>'),
        (r"\text{a < b}", "<mtext>a\xa0&lt;\xa0b</mtext>"),
        (r"\hspace{999em}", "<mspace></mspace>"),
        (r"\mathop{ab}", "<mo>ab</mo>"),
        (r"O(n\log n)", "<mi>log</mi>"),
    ],
)
def test_formula_is_written_for_browsers_of_today(latex: str, expected: str) -> None:
    assert expected in (formula(latex, display=False).mathml or "")


# Images and links


def test_image_gets_the_address_it_is_given() -> None:
    assert html(f'![a "b" *c*](media:{SHA})') == f'<p><img src="/media/{SHA}" alt="a &quot;b&quot; c"></p>'
    assert (
        to_html(f"![a](media:{SHA})", image_url=lambda _: '/x?a="&b') == '<p><img src="/x?a=&quot;&amp;b" alt="a"></p>'
    )


def test_address_is_asked_for_again_for_each_reader() -> None:
    text = f"![a](media:{SHA})"
    shown = [to_html(text, image_url=lambda _: "/x"), to_html(text, image_url=lambda _: "/y")]
    assert shown == ['<p><img src="/x" alt="a"></p>', '<p><img src="/y" alt="a"></p>']


@pytest.mark.parametrize(
    "source", ["https://a.example/b.png", "data:image/png;base64,AA", "/b.png", "media:abc", f"media:{SHA.upper()}"]
)
def test_image_from_elsewhere_is_its_description_and_is_named(source: str) -> None:
    assert html(f"![a *b*]({source})") == "<p>a b</p>"
    assert [source in problem for problem in problems(f"![a]({source})")] == [True]


def test_images_without_a_place_are_their_descriptions() -> None:
    assert to_html(f"![a](media:{SHA})", image_url=None) == "<p>a</p>"


def test_media_are_those_shown_in_order_and_once() -> None:
    text = f"![a](media:{OTHER}) ![b](media:{SHA}) ![c](media:{OTHER}) `![d](media:{'0' * 64})`"
    assert media_of(text) == (OTHER, SHA)


def test_image_in_an_option_is_found_where_a_block_would_hold_code() -> None:
    text = f"    ![a](media:{SHA})"
    assert (media_of(text), media_of(text, inline=True)) == ((), (SHA,))


def test_link_opens_elsewhere_and_tells_nothing() -> None:
    expected = 'href="https://a.example/?b=1&amp;c" target="_blank" rel="noopener noreferrer nofollow"'
    assert expected in html("[x](https://a.example/?b=1&c)")


# What authors are told


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (f"![](media:{SHA})", "has no description"),
        ("[x](ftp://a.example)", "ftp://a.example"),
        ("```python\nx", "```python is not closed"),
        ("```klingon\nx\n```", "klingon"),
        ("$$\nx", "does not end with $$"),
        ("x" * (MAX_LENGTH + 1), "longer than 20000"),
        (" ".join(f"${n}$" for n in range(201)), "more than 200 formulas"),
        ("```python\n" + "x = 1\n" * 700 + "```", "more than 4000 characters of code"),
    ],
)
def test_author_is_told_of(text: str, part: str) -> None:
    assert [part in problem for problem in problems(text)] == [True]


@pytest.mark.parametrize(
    "text", ["a $x$ `b`", "```python\nx\n```", "- ```\n  x\n  ```\n- b", "> ```\n> x\n> ```", "$5 and $10"]
)
def test_author_of_a_good_text_is_told_nothing(text: str) -> None:
    assert problems(text) == []


def test_plain_text_is_the_text_without_markup() -> None:
    text = "# A\n\n*b* [c](https://a.example) $x^2$\nd\n\n    code <\n\n|e|f|\n|-|-|\n|g|h|\n\n"
    more = f"![i](media:{SHA})\n\n- j &amp;\n- k"
    assert plain_text(text + more) == "A\nb c x^2 d\ncode <\ne | f\ng | h\ni\nj &\nk"


def test_document_names_every_language() -> None:
    document = (Path(__file__).parents[2] / "docs" / "question-text.md").read_text("utf-8")
    named = document.partition("The languages are")[2].partition("Beyond")[0]
    assert set(re.findall("`(.*?)`", named)) == set(LANGUAGES) | PLAIN - {""}


# Safety and work


@pytest.mark.parametrize("text", VECTORS)
@pytest.mark.parametrize("inline", [False, True])
def test_hostile_text_does_no_harm(text: str, *, inline: bool) -> None:
    assert len(VECTORS) >= 90
    visible_text(html(text, inline=inline))
    visible_text(html(f"a\n\n> - {text}\n\n**b {text}**", inline=inline))


@pytest.mark.parametrize(
    "harm", ["<script>", "<p onclick='x'>", "<a href='javascript:x'>", "<p style='x'>", "<svg>", "<p>", "<math><p>"]
)
def test_reader_of_these_tests_sees_harm(harm: str) -> None:
    with pytest.raises(UnsafeHtml):
        visible_text(harm)


def test_text_cannot_hold_its_own_marks() -> None:
    seen: list[str] = []
    filling = rendering._Filling("$a$ x-0-", with_images=True)
    seen.append(filling.put("<math></math>"))
    assert re.fullmatch("[0-9a-f]{32}-0-", seen[0])
    assert not seen[0].startswith(blake2b(b"$a$ x-0-", digest_size=16).hexdigest())  # there is a key to it
    forged = f"$a$ {seen[0]} &#{ord(seen[0][0])};{seen[0][1:]}"
    assert html(forged).count("<math") == 1
    assert seen[0] in visible_text(html(forged))


@pytest.mark.parametrize("name", BUSY)
@pytest.mark.parametrize("inline", [False, True])
def test_hostile_text_takes_bounded_time_and_space(name: str, *, inline: bool) -> None:
    text = BUSY[name]
    assert len(text) <= MAX_LENGTH
    begun = time.process_time()
    shown = html(text, inline=inline)
    problems(text)
    assert time.process_time() - begun < SECONDS
    assert len(shown) < 1_000_000
    visible_text(shown)


def test_table_of_too_many_cells_stays_text() -> None:
    assert "<table" not in html(BUSY["a wide table"])
    assert "<table" in html("|a|b|\n|-|-|\n" + "|c|d|\n" * 1000)


@pytest.mark.parametrize("code", [" " * 80 + "x = 1", "x = 1  # " + "y" * 500])
def test_code_that_keeps_a_lexer_busy_is_shown_plain(code: str) -> None:
    assert highlighting.highlight(code, "python") == code


def test_longer_text_is_shown_as_typed() -> None:
    text = "*a* <b> \ud800" + "x" * MAX_LENGTH
    assert html(text).startswith("<p>*a* &lt;b&gt; ?x")
    assert plain_text(text) == text
    assert media_of(f"![a](media:{SHA})" + text) == ()


def test_second_reader_of_a_text_costs_no_rendering() -> None:
    rendering._parts.cache_clear()
    first, second = html("a *b* $c$"), html("a *b* $c$")
    assert (first, rendering._parts.cache_info().hits) == (second, 1)
    assert rendering._parts.cache_info().maxsize is not None


def test_start_of_the_application_loads_neither_pygments_nor_latex() -> None:
    program = "import sys, sitting.kit.markup as m; m.to_html('a', image_url=None); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "markdown_it" in loaded
    assert not {"pygments", "latex2mathml", "xml.etree.ElementTree"} & set(loaded)


# The sample bank


@pytest.mark.parametrize("question", SAMPLE, ids=lambda question: question["slug"])
def test_sample_question_reads_as_it_was_written(question: dict[str, object]) -> None:
    text = str(question["text"])
    assert problems(text) == []
    blocks = re.findall("<pre[^>]*><code[^>]*>(.*?)</code></pre>", html(text), re.DOTALL)
    assert [visible_text(block) for block in blocks] == fenced_blocks(text)


def fenced_blocks(text: str) -> list[str]:
    """What stands between two lines of three back-ticks."""
    return re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


# Colours


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_reckoned_right() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("colours", [stylesheet.LIGHT, stylesheet.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("kind", ["text", *KINDS])
def test_colour_of_code_can_be_read(colours: dict[str, str], kind: str) -> None:
    assert contrast(colours[kind], colours["background"]) >= 4.5


def test_style_sheet_is_what_its_generator_makes() -> None:
    made = (resources.files("sitting") / "web" / "static" / "code.css").read_text("utf-8")
    assert made == stylesheet.stylesheet()
    assert set(stylesheet.LIGHT) == set(stylesheet.DARK) == {"background", "text", *KINDS}
