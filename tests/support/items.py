"""Small items for tests of the gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sitting.domain.question import Difficulty, Option, QuestionContent, QuestionType
from sitting.questions.gates import Outcome, Verdict, judge_item

KEY = "o_key"


def item(stem: str, key: str, *distractors: str, at: int = 0, **changes: Any) -> QuestionContent:
    """A single-choice item with the key at place `at`; distractors are o_1, o_2 …"""
    options = [Option(f"o_{number}", text) for number, text in enumerate(distractors, 1)]
    options.insert(at, Option(KEY, key))
    content = QuestionContent(
        type=QuestionType.SINGLE_CHOICE,
        text=stem,
        options=tuple(options),
        key=KEY,
        explanation="",
        skill="Things",
        difficulty=Difficulty.EASY,
    )
    return replace(content, **changes)


def asked(stem: str) -> QuestionContent:
    """An item of which only the stem matters."""
    return item(stem, "a red one", "a green one", "a blue one")


def offered(*options: str) -> QuestionContent:
    """An item of which only the options matter; the first is the key."""
    return item("Which of these is it?", *options)


def judged(gate: str, content: QuestionContent, **more: Any) -> Verdict:
    """What one gate says of an item."""
    (verdict,) = judge_item(content, only=[gate], **more)
    assert verdict.gate == gate
    return verdict


def outcomes(gate: str, contents: Sequence[QuestionContent]) -> dict[str, Outcome]:
    """By stem and options, what a gate says of each."""
    return {
        " / ".join([content.text, *(option.text for option in content.options)]): judged(gate, content).outcome
        for content in contents
    }
