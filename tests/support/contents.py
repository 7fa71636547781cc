"""Any content that a question may have: strategies for Hypothesis, fond of the characters that files find hard."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from sitting.domain.errors import InvalidMessage
from sitting.domain.question import (
    AcceptedNumber,
    AcceptedText,
    Difficulty,
    Option,
    OtherUnit,
    QuestionContent,
    QuestionType,
    QuestionVersion,
    TextMatch,
)
from sitting.domain.question_check import check_content

HARD = "\\~=#{}:\n\r\t \"',;|[]%*->&<$`_/.éß0123o\u2028\ufeff\x0b\xa0😀"
texts = st.one_of(
    st.text(st.sampled_from(HARD), max_size=12),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    st.sampled_from(
        ["[html]x", "%50%x", "####", "->", "a->b", "TRUE", "::x::", "// x", "$CATEGORY: x", "\\n", "'=1", "=1+1", "\\*"]
    ),
)
filled = texts.filter(lambda text: bool(text.strip()))
names = filled.map(str.strip).filter(bool)
credits_ = st.one_of(st.just(1000), st.integers(1, 1000))
slugs = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)
tags = st.lists(filled, max_size=4, unique=True).map(tuple)


@st.composite
def decimals(draw: st.DrawFn, *, signed: bool = True) -> str:
    whole = draw(st.from_regex(r"[0-9]{1,12}", fullmatch=True))
    part = draw(st.one_of(st.just(""), st.from_regex(r"\.[0-9]{1,12}", fullmatch=True)))
    return f"{draw(st.sampled_from(['', '-'])) if signed else ''}{whole}{part}"


@st.composite
def contents(draw: st.DrawFn) -> QuestionContent:
    """Any content that the bank takes."""
    kind = draw(st.sampled_from(QuestionType))
    said: dict[str, Any] = {"options": (), "key": ""} | draw(_OF_KIND[kind])
    content = QuestionContent(
        type=kind,
        text=draw(filled),
        explanation=draw(texts),
        skill=draw(names),
        difficulty=draw(st.sampled_from(Difficulty)),
        tags=draw(tags),
        **said,
    )
    try:
        check_content(content)
    except InvalidMessage:  # few are: a text that looks like an id, a pattern that is none
        from hypothesis import reject

        reject()
    return content


@st.composite
def versions(draw: st.DrawFn) -> QuestionVersion:
    """A question of the bank, with or without a slug."""
    content = draw(contents())
    id_ = "q_" + draw(st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=8, max_size=12))
    return QuestionVersion(id_, draw(st.none() | slugs), 1, content, content.digest())


def banks() -> st.SearchStrategy[list[QuestionVersion]]:
    """Several questions, each with an id and a slug of its own."""
    found = st.lists(versions(), min_size=1, max_size=4, unique_by=(lambda v: v.question_id, lambda v: v.slug or v))
    return found


@st.composite
def _options(draw: st.DrawFn, least: int = 2, most: int = 5) -> tuple[Option, ...]:
    said = draw(st.lists(filled, min_size=least, max_size=most, unique=True))
    return tuple(Option(f"o_{n}x", text, draw(texts)) for n, text in enumerate(said))


@st.composite
def _single(draw: st.DrawFn) -> dict[str, Any]:
    options = draw(_options())
    return {"options": options, "key": draw(st.sampled_from(options)).id}


@st.composite
def _multiple(draw: st.DrawFn) -> dict[str, Any]:
    options = draw(_options())
    right = draw(st.sets(st.sampled_from(options), min_size=1))
    return {"options": options, "keys": tuple(option.id for option in options if option in right)}


@st.composite
def _true_false(draw: st.DrawFn) -> dict[str, Any]:
    usual = st.tuples(texts, texts).map(lambda f: (Option("o_t", "True", f[0]), Option("o_f", "False", f[1])))
    options = draw(st.one_of(usual, _options(2, 2)))
    return {"options": options, "key": draw(st.sampled_from(options)).id}


@st.composite
def _numeric(draw: st.DrawFn) -> dict[str, Any]:
    number = st.builds(AcceptedNumber, decimals(), decimals(signed=False), credits_)
    unit_names = draw(st.lists(names.filter(lambda n: not n[0].isdigit()), max_size=3, unique=True))
    factor = decimals(signed=False).filter(lambda text: Decimal(text) > 0)
    return {
        "numbers": tuple(draw(st.lists(number, min_size=1, max_size=3))),
        "unit": unit_names[0] if unit_names else "",
        "unit_required": bool(unit_names) and draw(st.booleans()),
        "other_units": tuple(OtherUnit(name, draw(factor)) for name in unit_names[1:]),
    }


@st.composite
def _short_text(draw: st.DrawFn) -> dict[str, Any]:
    accepted = st.builds(AcceptedText, filled, st.sampled_from(TextMatch), credits_)
    return {
        "accepted": tuple(draw(st.lists(accepted, min_size=1, max_size=3))),
        "case_sensitive": draw(st.booleans()),
    }


_OF_KIND: dict[QuestionType, st.SearchStrategy[dict[str, Any]]] = {
    QuestionType.SINGLE_CHOICE: _single(),
    QuestionType.MULTIPLE_RESPONSE: _multiple(),
    QuestionType.TRUE_FALSE: _true_false(),
    QuestionType.NUMERIC: _numeric(),
    QuestionType.SHORT_TEXT: _short_text(),
}
