"""What one call of a model was: how it ended, what it took, what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sitting.domain.spending import Cost

MAX_DETAIL = 300


class Outcome(StrEnum):
    """How a call ended. Only `ok` gave an answer."""

    OK = "ok"
    CONNECT_TIMEOUT = "connect_timeout"
    FIRST_BYTE_TIMEOUT = "first_byte_timeout"
    STALLED = "stalled"  # bytes came, and then none for too long
    TIMEOUT = "timeout"  # it took too long as a whole
    UNREACHABLE = "unreachable"
    CUT_OFF = "cut_off"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    REJECTED = "rejected"  # any other status: the same request would fail again
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"  # no answer of a chat API
    TRUNCATED = "truncated"  # the answer was longer than its tokens
    REFUSED = "refused"  # the model would not
    UNUSABLE = "unusable"  # the answer has not the form that was asked for
    BREAKER_OPEN = "breaker_open"
    BUDGET_EXHAUSTED = "budget_exhausted"
    CANCELLED = "cancelled"


PASSING = frozenset(
    {
        Outcome.CONNECT_TIMEOUT,
        Outcome.FIRST_BYTE_TIMEOUT,
        Outcome.STALLED,
        Outcome.TIMEOUT,
        Outcome.UNREACHABLE,
        Outcome.CUT_OFF,
        Outcome.RATE_LIMITED,
        Outcome.SERVER_ERROR,
    }
)
"""Where the same request may succeed a little later."""

SICK = PASSING - {Outcome.RATE_LIMITED} | {Outcome.TOO_LARGE, Outcome.MALFORMED}
"""What says that the endpoint is not well. Who asks to be asked less often is."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call.

    Attributes:
        reported: whether the endpoint said so; otherwise these are upper estimates.
    """

    prompt_tokens: int
    answer_tokens: int
    reported: bool

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.answer_tokens


@dataclass(frozen=True, slots=True)
class Call:
    """The record of one attempt, for whoever asked to store.

    Attributes:
        model: what was asked for; `answered_by` is what the endpoint says that answered, empty if it did not.
        prompt, prompt_digest: name with version (`write_items.v1`), and SHA-256 of the wording.
        attempt: from 1, within one question to the model.
        schema_sent: whether the form of the answer was given as a JSON schema, or asked for in words.
        started_at: by the clock of this node.
        milliseconds, first_byte_milliseconds: from the request on; the latter None if nothing came.
        usage: None where nothing was used up, since the request did not reach a model.
        cost: what was settled with the budget.
        status: of HTTP, None without an answer.
        detail: one line about what went wrong; never holds the key.
    """

    model: str
    answered_by: str
    prompt: str
    prompt_digest: str
    attempt: int
    schema_sent: bool
    started_at: datetime
    milliseconds: int
    first_byte_milliseconds: int | None
    usage: Usage | None
    cost: Cost
    outcome: Outcome
    status: int | None = None
    detail: str = ""


class ModelFailed(Exception):
    """No answer came that can be used.

    Attributes:
        outcome: why, never `ok`.
        detail: one line for staff; never holds the key.
        retry_after: seconds that the endpoint asks to wait, None if it does not.
        status: of HTTP, None without an answer.
    """

    def __init__(
        self, outcome: Outcome, detail: str, *, retry_after: float | None = None, status: int | None = None
    ) -> None:
        self.outcome = outcome
        self.detail = one_line(detail)
        self.retry_after = retry_after
        self.status = status
        super().__init__(f"{outcome}: {self.detail}")


def one_line(text: str) -> str:
    """The beginning of a text, of at most MAX_DETAIL characters, fit for a log."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * MAX_DETAIL]).split())
    return line if len(line) <= MAX_DETAIL else line[: MAX_DETAIL - 1] + "…"
