"""How much a skill matters."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Priority(StrEnum):
    HIGH = "H"
    MEDIUM = "M"
    LOW = "L"


@dataclass(frozen=True, slots=True)
class PriorityWeights:
    """By how much, in thousandths, the points of a skill's questions are multiplied."""

    high: int = 3000
    medium: int = 2000
    low: int = 1000

    def of(self, priority: Priority) -> int:
        """The weight of that priority."""
        return {Priority.HIGH: self.high, Priority.MEDIUM: self.medium, Priority.LOW: self.low}[priority]


DEFAULT_WEIGHTS = PriorityWeights()
