"""What a gate says of an item: passed, failed or not applicable, with the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

STEM = "stem"
OPTIONS = "options"
KEY = "key"
ITEM = "item"
BANK = "bank"


class Outcome(StrEnum):
    """`not_applicable`: the gate is not made for this kind of question, its language, or what stands in it."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a gate found.

    Attributes:
        sentence: for the author.
        place: `stem`, `options`, `key`, `item`, `bank`, or the id of an option.
        evidence: what the outcome rests on, as JSON can hold it.
    """

    outcome: Outcome
    sentence: str
    place: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A finding with the name of the gate whose it is; the other fields are those of `Finding`."""

    gate: str
    outcome: Outcome
    sentence: str
    place: str
    evidence: Mapping[str, Any]

    @property
    def failed(self) -> bool:
        """Whether the item does not get through this gate."""
        return self.outcome is Outcome.FAILED

    def as_data(self) -> dict[str, Any]:
        """The verdict as JSON can hold it."""
        return {
            "gate": self.gate,
            "outcome": str(self.outcome),
            "sentence": self.sentence,
            "place": self.place,
            "evidence": dict(self.evidence),
        }


def passed(place: str, **evidence: Any) -> Finding:
    """Nothing to say."""
    return Finding(Outcome.PASSED, "", place, evidence)


def failed(place: str, sentence: str, **evidence: Any) -> Finding:
    """The author should change something."""
    return Finding(Outcome.FAILED, sentence, place, evidence)


def not_applicable(sentence: str, place: str = ITEM) -> Finding:
    """The gate has nothing to look at, and why."""
    return Finding(Outcome.NOT_APPLICABLE, sentence, place)


def verdict(gate: str, finding: Finding) -> Verdict:
    """The finding under the gate's name."""
    return Verdict(gate, finding.outcome, finding.sentence, finding.place, finding.evidence)
