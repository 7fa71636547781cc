from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sitting.domain.errors import InvalidMessage
from sitting.domain.question import MAX_OPTIONS, Difficulty, Option, QuestionContent, check_content
from tests.support.samples import content


def options(*texts: str) -> tuple[Option, ...]:
    return tuple(Option(f"o_{number}", text) for number, text in enumerate(texts, start=1))


def problems(**changes: Any) -> list[str]:
    with pytest.raises(InvalidMessage) as refusal:
        check_content(content(**changes))
    found: list[str] = refusal.value.details["problems"]
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"options": options("yes", "no"), "key": "o_2"},
        {"options": options(*map(str, range(MAX_OPTIONS))), "key": "o_1"},
        {"explanation": ""},
        {"text": "Straße 🎓 \\u0000?"},
        {"options": options("O_1", "o-1", "no_1"), "key": "o_1"},
    ],
    ids=str,
)
def test_sound_questions_are_accepted(changes: dict[str, Any]) -> None:
    check_content(content(**changes))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"text": " \n"}, "text is empty"),
        ({"options": options("yes"), "key": "o_1"}, "2 to 20 options"),
        ({"options": options(*map(str, range(21))), "key": "o_1"}, "2 to 20 options"),
        ({"options": options("yes", " "), "key": "o_1"}, "option is empty"),
        ({"options": options("yes", "yes"), "key": "o_1"}, "same text"),
        ({"options": (Option("o_1", "yes"), Option("o_1", "no")), "key": "o_1"}, "same id"),
        ({"options": options("yes", "o_1"), "key": "o_1"}, "look like an id"),
        ({"key": "o_9"}, "exactly one option"),
        ({"key": "choice a of 1"}, "exactly one option"),
        ({"text": "a\0b"}, "NUL"),
        ({"explanation": "a\0b"}, "NUL"),
        ({"skill": "a\0b"}, "NUL"),
        ({"options": options("yes", "a\0b"), "key": "o_1"}, "NUL"),
        ({"explanation": "half a \ud83c"}, "surrogates"),
        ({"options": options("yes", "\udc00"), "key": "o_1"}, "surrogates"),
    ],
    ids=ascii,
)
def test_each_fault_of_a_question_is_named_and_nothing_else(changes: dict[str, Any], word: str) -> None:
    [problem] = problems(**changes)
    assert word in problem


def test_all_faults_are_named_at_once() -> None:
    assert len(problems(text="", options=options("yes"), key="o_9")) == 3


GOLDEN_DIGEST = "ea91bc980cacfc7f47257334233cd2d3858a3df60ded4cfafc644dadb42d732b"


def test_encoded_content_has_one_spelling_which_is_pinned() -> None:
    """Papers and published Tests refer to contents by this digest, for good."""
    assert content().encoded() == (
        b'{"difficulty":"easy","explanation":"Because of 1.","key":"o_1a","options":['
        b'{"id":"o_1a","text":"choice a of 1"},{"id":"o_1b","text":"choice b of 1"},'
        b'{"id":"o_1c","text":"choice c of 1"}],"skill":"python","text":"Question 1?","type":"single_choice"}'
    )
    assert content().digest() == GOLDEN_DIGEST


def test_content_survives_its_spelling() -> None:
    said = content(text='Straße "🎓" \\ \u2028 \u0007', difficulty=Difficulty.HARD)
    assert msgspec.json.decode(said.encoded(), type=QuestionContent) == said


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "Question 1? "},
        {"key": "o_1b"},
        {"explanation": ""},
        {"skill": "Python"},
        {"difficulty": Difficulty.MEDIUM},
        {"options": content().options[::-1]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_any_change_of_content_changes_its_address(changes: dict[str, Any]) -> None:
    assert content(**changes).digest() != content().digest()
