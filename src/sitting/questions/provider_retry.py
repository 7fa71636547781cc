"""When to ask an endpoint again. Pure; durations are seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Retries:
    """How often, and with what waits.

    Attributes:
        attempts: in all, from 1.
        first_delay, longest_delay: the wait doubles from the one up to the other.
        longest_retry_after: who asks for a longer wait than this is not waited for.
    """

    attempts: int = 3
    first_delay: float = 0.5
    longest_delay: float = 8.0
    longest_retry_after: float = 30.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or min(self.first_delay, self.longest_delay, self.longest_retry_after) < 0:
            raise ValueError("there must be at least one attempt, and no wait below zero")


def delay_before(retries: Retries, attempt: int, retry_after: float | None, chance: float) -> float:
    """The wait before that attempt (2 is the first repetition).

    Between half of the doubling wait and all of it, by `chance` from 0 to 1, so that those who failed together do not
    come back together; never sooner than the endpoint asks.
    """
    whole = min(retries.first_delay * 2.0 ** min(attempt - 2, 30), retries.longest_delay)
    spread = whole * (0.5 + chance / 2)
    return spread if retry_after is None else retry_after + spread


def read_retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds from a Retry-After header (RFC 9110, 10.2.3: seconds, or a date); None if it says nothing that counts."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return max(0.0, (instant - now).total_seconds())
