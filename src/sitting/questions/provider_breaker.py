"""Keeps a node from asking an endpoint that does not answer: closed, open, half open. No I/O; instants are seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sitting.questions.provider_calls import ModelFailed, Outcome


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class BreakerOpen(ModelFailed):
    """Nobody is asked; `retry_after` says for how many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(Outcome.BREAKER_OPEN, f"the model is not asked for {seconds:.0f} s", retry_after=seconds)


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to ask once. What becomes of it says nothing any more when the breaker has moved on to another era."""

    era: int


class Breaker:
    """Shared by all calls of a node.

    After `failures` in a row nobody asks for `seconds`; then one does, and its success lets the others. Its failure
    doubles the time, up to `longest_seconds`.
    """

    def __init__(self, failures: int = 5, seconds: float = 15, longest_seconds: float = 300) -> None:
        if failures < 1 or not 0 < seconds <= longest_seconds:
            raise ValueError("a breaker needs at least one failure and a time between 0 and the longest")
        self._allowed, self._first, self._longest = failures, seconds, longest_seconds
        self._failed = 0
        self._era = 0
        self._pause = seconds
        self._until: float | None = None  # None: closed
        self._probing = False

    def state(self, now: float) -> BreakerState:
        """How it stands at `now`, in seconds of any clock that never goes back."""
        if self._until is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if now >= self._until else BreakerState.OPEN

    def admit(self, now: float) -> Permit:
        """Leave to ask; its holder must say how it ended.

        Raises:
            BreakerOpen: not now.
        """
        state = self.state(now)
        if state is BreakerState.OPEN or (state is BreakerState.HALF_OPEN and self._probing):
            assert self._until is not None
            raise BreakerOpen(max(self._until - now, 1.0))
        self._probing = state is BreakerState.HALF_OPEN
        return Permit(self._era)

    def succeeded(self, permit: Permit) -> None:
        """The endpoint is well."""
        if permit.era != self._era:
            return
        self._failed = 0
        if self._until is not None:
            self._until, self._probing, self._pause = None, False, self._first
            self._era += 1

    def failed(self, permit: Permit, now: float) -> None:
        """The endpoint is not well."""
        if permit.era != self._era:
            return
        self._failed += 1
        if self._until is not None:
            self._pause = min(2 * self._pause, self._longest)
            self._open(now + self._pause)
        elif self._failed >= self._allowed:
            self._open(now + self._pause)

    def abandoned(self, permit: Permit) -> None:
        """It never came out how the endpoint is: somebody else may try."""
        if permit.era == self._era:
            self._probing = False

    def hold_off(self, seconds: float, now: float) -> None:
        """The endpoint asks to be left alone for so long; it gets at most `longest_seconds`."""
        self._open(max(self._until or now, now + min(seconds, self._longest)))

    def _open(self, until: float) -> None:
        self._until, self._probing, self._failed = until, False, 0
        self._era += 1
