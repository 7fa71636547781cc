"""What a rehearsal does. All times are in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MAIL_DOMAIN = "example.invalid"
MAIL_PREFIX = "rehearsal-"
TAG = "rehearsal"
PASS_MARK = 50  # percent
MAIN_MINUTES = 12 * 60
GRACE = 3


class Phase(StrEnum):
    """What the candidates go through, in this order."""

    START = "start"
    STEADY = "steady"
    RECONNECT = "reconnect"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Growth:
    """How the number of candidates grows: by `factor`, until a step has an answer's p99 above `slow`, or more than
    `errors`, or `most` candidates.
    """

    factor: float
    slow: float
    most: int
    errors: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One rehearsal.

    Attributes:
        think: the mean time between a candidate's answers. ramp: over which all start. steady: how long they answer.
        lead: from the last start in the deadline phase to the deadline.
        timeout: after which a reply counts as lost. patience: how long a candidate tries to come back.
        growth: None for a rehearsal with a fixed number of candidates.
    """

    candidates: int
    questions: int = 20
    phases: tuple[Phase, ...] = tuple(Phase)
    think: float = 20.0
    ramp: float = 10.0
    steady: float = 60.0
    lead: float = 15.0
    timeout: float = 10.0
    patience: float = 120.0
    seed: int = 1
    growth: Growth | None = None

    @property
    def takes_main_test(self) -> bool:
        """Whether anything happens before the deadline phase."""
        return any(phase is not Phase.DEADLINE for phase in self.phases)
