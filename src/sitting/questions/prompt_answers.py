"""The forms of what models answer, one for each task. Bounds of size are ours: no schema tells them to the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
_Sentence = Annotated[str, msgspec.Meta(max_length=1000)]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
_OptionText = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
_Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]


Letter = Literal["A", "B", "C", "D", "E"]
"""An option, as models are shown it: the first is A."""

LETTERS = ("A", "B", "C", "D", "E")


def lettered(options: Sequence[str]) -> str:
    """The options as models are shown them, one in a line: `A. …`.

    Raises:
        ValueError: there are more of them than letters.
    """
    if len(options) > len(LETTERS):
        raise ValueError(f"{len(options)} options cannot be lettered")
    return "\n".join(f"{letter}. {' '.join(text.split())}" for letter, text in zip(LETTERS, options, strict=False))


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said beyond the form was not understood."""


class ProposedSkill(_Form, frozen=True):
    """One skill of `propose_skill_graph`; `depth` is 1 to 3, `evidence` a quotation from the job description."""

    name: _Name
    description: _Sentence
    priority: Literal["H", "M", "L"]
    depth: Annotated[int, msgspec.Meta(ge=1, le=3)]
    sub_skills: Annotated[tuple[_Name, ...], msgspec.Meta(max_length=6)]
    evidence: _Sentence


class ProposedSkills(_Form, frozen=True):
    """The answer to `propose_skill_graph`; empty if the text asks for no skill."""

    skills: Annotated[tuple[ProposedSkill, ...], msgspec.Meta(max_length=30)]


class WrittenOption(_Form, frozen=True):
    """An option as a model wrote it: how many are right is for the gates to say."""

    text: _OptionText
    correct: bool
    why: _Sentence


class WrittenItem(_Form, frozen=True):
    """A question as a model wrote it, unchecked; texts are Markdown."""

    stem: _Text
    options: Annotated[tuple[WrittenOption, ...], msgspec.Meta(min_length=1, max_length=10)]
    explanation: Annotated[str, msgspec.Meta(max_length=4000)]


class WrittenItems(_Form, frozen=True):
    """The answer to `write_items`."""

    items: Annotated[tuple[WrittenItem, ...], msgspec.Meta(max_length=20)]


class BlindSolution(_Form, frozen=True):
    """The answer to `solve_blind`; `none`: the solver finds no single right option."""

    why: _Sentence
    option: Literal["A", "B", "C", "D", "E", "none"]
    confidence: _Percent


class OptionsGuess(_Form, frozen=True):
    """The answer to `guess_from_options`."""

    cue: _Sentence
    option: Letter
    confidence: _Percent


class OptionVerdict(_Form, frozen=True):
    option: Letter
    why: _Sentence
    is_right: bool


class OptionVerdicts(_Form, frozen=True):
    """The answer to `judge_options`: as many verdicts as the model gave, maybe not one for each option."""

    verdicts: Annotated[tuple[OptionVerdict, ...], msgspec.Meta(max_length=10)]


class RepairedItem(_Form, frozen=True):
    """The answer to `repair_item`."""

    changed: _Sentence
    given_up: bool
    item: WrittenItem
