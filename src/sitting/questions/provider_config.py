"""Where a model is asked, and within which bounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from urllib.parse import urlsplit

from sitting.questions.provider_calls import Usage
from sitting.questions.provider_retry import Retries

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class AnswerForm(StrEnum):
    """How an endpoint is told the form of the answer: by a JSON schema, by words in the prompt, or as it turns out."""

    AUTO = "auto"
    SCHEMA = "schema"
    WORDS = "words"


class TokensField(StrEnum):
    """What the bound of an answer is called; OpenAI's reasoning models know only the longer name, many others not."""

    MAX_TOKENS = "max_tokens"
    MAX_COMPLETION_TOKENS = "max_completion_tokens"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. Without streaming the first byte comes with the last, so only `connect` and `whole` count."""

    connect: float = 5.0
    first_byte: float = 30.0
    between_bytes: float = 15.0
    whole: float = 120.0

    def __post_init__(self) -> None:
        if min(self.connect, self.first_byte, self.between_bytes, self.whole) <= 0:
            raise ValueError("timeouts must be above zero")


@dataclass(frozen=True, slots=True)
class Prices:
    """Money for a million tokens of prompt and of answer; so also millionths of it for one token."""

    prompt: Decimal = Decimal(0)
    answer: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if not (self.prompt.is_finite() and self.answer.is_finite() and min(self.prompt, self.answer) >= 0):
            raise ValueError("prices must be numbers, and not below zero")

    def micros(self, usage: Usage) -> int:
        """What these tokens cost, in millionths, rounded up."""
        exact = usage.prompt_tokens * self.prompt + usage.answer_tokens * self.answer
        return int(exact.to_integral_value(ROUND_CEILING))


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """An endpoint that speaks the chat completions API of OpenAI, or another of its kind.

    Attributes:
        base_url: what stands before `path`, such as `https://host/v1`.
        key: the bearer token; None for servers that want none. It is never shown.
        streaming: whether answers are read while they are written.
        max_response_bytes: of one answer as it comes over the wire; max_answer_bytes: of its text.
        calls_at_once: of this node; more wait.

    Raises:
        ValueError: something cannot be meant so; the message holds no secret.
    """

    base_url: str
    model: str
    key: str | None = field(default=None, repr=False)
    answer_form: AnswerForm = AnswerForm.AUTO
    streaming: bool = True
    tokens_field: TokensField = TokensField.MAX_TOKENS
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: Retries = field(default_factory=Retries)
    prices: Prices = field(default_factory=Prices)
    max_response_bytes: int = 4 * 1024 * 1024
    max_answer_bytes: int = 256 * 1024
    calls_at_once: int = 4
    path: str = "/chat/completions"

    def __post_init__(self) -> None:
        check_base_url(self.base_url, has_key=self.key is not None)
        if not self.model.strip():
            raise ValueError("the model needs a name")
        if self.key is not None and not (self.key and all("!" <= character <= "~" for character in self.key)):
            raise ValueError("the key must be visible ASCII characters, without spaces")
        if self.calls_at_once < 1 or min(self.max_response_bytes, self.max_answer_bytes) < 1:
            raise ValueError("bounds must be at least 1")

    @property
    def address(self) -> str:
        """Where requests go."""
        return f"{self.base_url.rstrip('/')}{self.path}"

    @property
    def is_secured(self) -> bool:
        """Whether nobody on the way can read or change what is said."""
        return urlsplit(self.base_url).scheme == "https"


def check_base_url(address: str, *, has_key: bool) -> None:
    """Whether requests may go there.

    Raises:
        ValueError: it is no address, names a user, has a query, or would send the key in the clear.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or not address.isascii() or " " in address:
        raise ValueError("the address of the model is not of the form https://host/path")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("the address of the model must name no user, no query and no fragment")
    _ = parts.port  # raises ValueError if it is none
    if has_key and parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("the address of the model must begin with https, or its key could be read on the way")
