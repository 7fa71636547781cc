"""How fast one socket may talk, as a machine without I/O: a token bucket, and patience for who does not heed it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MESSAGES_PER_SECOND = 30
BURST_SECONDS = 10
MAX_PASSED_OVER = 100


@dataclass(slots=True)
class Pace:
    """A bucket of `per_second` × 10 messages that fills again with `per_second`.

    Attributes:
        per_second: messages a client may send for ever.
        tokens: how many it may send at once now.
        passed_over: how many it sent too fast since the bucket was last half full.
    """

    per_second: float = MESSAGES_PER_SECOND
    tokens: float = -1.0
    passed_over: int = 0
    filled_at: datetime | None = None

    @property
    def burst(self) -> float:
        """How many messages a client may send at once that said nothing for a while."""
        return self.per_second * BURST_SECONDS

    @property
    def is_exhausted(self) -> bool:
        """Whether the client was told often enough, and goes on."""
        return self.passed_over > MAX_PASSED_OVER

    def message(self, at: datetime) -> float:
        """Count a message that arrived at `at`.

        Returns:
            0.0 if it may pass, else in how many seconds one may.
        """
        self._fill(at)
        if self.tokens >= self.burst / 2:
            self.passed_over = 0
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        self.passed_over += 1
        return (1 - self.tokens) / self.per_second

    def _fill(self, at: datetime) -> None:
        if self.filled_at is None:
            self.tokens = self.burst
        else:  # a clock that was put back fills nothing, and one that was put forward at most once
            gone = max(0.0, (at - self.filled_at).total_seconds())
            self.tokens = min(self.burst, self.tokens + gone * self.per_second)
        self.filled_at = at
