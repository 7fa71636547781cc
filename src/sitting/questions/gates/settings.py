"""The thresholds of the gates, each with its reason and where that comes from.

Haladyna 2002: T. M. Haladyna, S. M. Downing and M. C. Rodriguez, A review of multiple-choice item-writing guidelines
for classroom assessment, Applied Measurement in Education 15(3), 309-334; numbers are those of its 31 guidelines.
Tarrant 2009: M. Tarrant, J. Ware and A. M. Mohammed, An assessment of functioning and non-functioning distractors in
multiple-choice questions, BMC Medical Education 9:40.
Moore 2023: S. Moore, H. A. Nguyen, T. Chen and J. Stamper, Assessing the quality of multiple-choice questions using
GPT-4 and rule-based methods, EC-TEL 2023.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

_SHARES = frozenset({"duplicate_similarity", "chance_level", "chance_margin"})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a threshold is what it is. `source` is the work that it rests on, or `measured` where we found it out."""

    gate: str
    reason: str
    source: str


def _threshold(default: Any, gate: str, reason: str, source: str) -> Any:
    return field(default=default, metadata={"reason": Reason(gate, reason, source)})


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """What the gates hold an item against. Ratios and shares are plain numbers, lengths are characters as shown."""

    fewest_options: int = _threshold(
        3, "option_count", "Two options are a coin toss; three do as well as four or five.", "Haladyna 2002, 18"
    )
    most_options: int = _threshold(
        5, "option_count", "Few items have even three distractors that anybody chooses.", "Tarrant 2009"
    )
    longest_ratio: float = _threshold(
        1.3,
        "longest_key",
        "Options are to be about equally long; a key a third longer than all others stands out.",
        "Haladyna 2002, 24; Moore 2023; the number is measured",
    )
    longest_excess: int = _threshold(
        15, "longest_key", "Between short options a ratio says nothing: Rome, Washington.", "measured"
    )
    telling_absolutes: int = _threshold(
        2,
        "absolute_terms",
        "Words such as all and only have honest uses; one distractor with such a word gives nothing away.",
        "Haladyna 2002, 28; the number is measured",
    )
    telling_letters: int = _threshold(
        3, "word_repeat", "Shorter words are seldom terms of the subject.", "Haladyna 2002, 28; the number is measured"
    )
    reading_grade: float = _threshold(
        14.0,
        "reading_level",
        "A Flesch-Kincaid grade beyond two years of college tests reading (Kincaid et al. 1975).",
        "Haladyna 2002, 8; the number is measured",
    )
    reading_words: int = _threshold(15, "reading_level", "A grade of fewer words is noise.", "measured")
    reading_sentence: int = _threshold(
        45,
        "reading_level",
        "Nobody reads a sentence of so many words once.",
        "Haladyna 2002, 13; the number is measured",
    )
    duplicate_similarity: float = _threshold(
        0.5,
        "near_duplicate",
        "The share of words in common, by weight. Rewordings share 0.6 and more, other questions 0.36 at most.",
        "measured",
    )
    chance_level: float = _threshold(
        0.01, "key_position, key_length", "How seldom chance may explain it before the bank is to blame.", "convention"
    )
    chance_margin: float = _threshold(
        0.05,
        "key_position, key_length",
        "In a large bank the slightest tilt is certain; below this share it helps no guesser.",
        "Haladyna 2002, 20 and 24; the number is measured",
    )

    def reasons(self) -> dict[str, Reason]:
        """Of each threshold, by its name, why it is what it is."""
        return {each.name: each.metadata["reason"] for each in fields(self)}

    @classmethod
    def of(cls, values: Mapping[str, float]) -> GateSettings:
        """The defaults, but for these thresholds by name.

        Raises:
            ValueError: a name is unknown, or a value cannot be meant so.
        """
        defaults = {each.name: each.default for each in fields(cls)}
        found: dict[str, Any] = {}
        for name, value in values.items():
            if name not in defaults:
                raise ValueError(f"{name} is no threshold; known are {', '.join(defaults)}")
            if not (math.isfinite(value) and value > 0) or (name in _SHARES and value > 1):
                raise ValueError(f"{name} must be a number above 0{' and at most 1' if name in _SHARES else ''}")
            if isinstance(defaults[name], int) and value != int(value):
                raise ValueError(f"{name} must be a whole number")
            found[name] = int(value) if isinstance(defaults[name], int) else float(value)
        made = cls(**found)
        if made.fewest_options > made.most_options:
            raise ValueError("fewest_options must not be above most_options")
        return made


DEFAULTS = GateSettings()
