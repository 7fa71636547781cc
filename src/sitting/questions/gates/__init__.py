"""Gates: what an item must get through before anybody sees it. Pure, without a model; see docs/question-quality.md."""

from __future__ import annotations

from sitting.questions.gates.near_duplicate import Match, Others, QuestionIndex
from sitting.questions.gates.registry import GATE_NAMES, judge_bank, judge_item
from sitting.questions.gates.settings import DEFAULTS, GateSettings
from sitting.questions.gates.verdict import Outcome, Verdict

__all__ = [
    "DEFAULTS",
    "GATE_NAMES",
    "GateSettings",
    "Match",
    "Others",
    "Outcome",
    "QuestionIndex",
    "Verdict",
    "judge_bank",
    "judge_item",
]
