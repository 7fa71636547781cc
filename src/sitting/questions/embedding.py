"""Has vectors made of texts, by any endpoint that speaks the embeddings API of OpenAI.

Bounds, repetitions, the breaker and the budget are those of `provider`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Self, TypeVar

import msgspec

from sitting.kit.canonical import sha256_hex
from sitting.kit.clock import Clock
from sitting.questions.prompting import Prompt
from sitting.questions.provider import Listener, Provider
from sitting.questions.provider_breaker import Breaker
from sitting.questions.provider_budget import Purse
from sitting.questions.provider_calls import ModelFailed, Outcome, Usage
from sitting.questions.provider_config import ProviderConfig
from sitting.questions.provider_wire import MAX_TOKENS, Completion

T = TypeVar("T")
PATH = "/embeddings"
MOST_AT_ONCE = 16
"""Texts of one request. More are read in one go, and what waits beside that waits too long."""
_WHAT = "stem and right answers, as shown"
EMBED = Prompt("embed.v1", sha256_hex(_WHAT.encode()), "", "")
"""What calls are recorded under; the digest is that of what the texts are made of."""


class Vectors(msgspec.Struct, frozen=True):
    """The normalised vectors of the texts, in their order; float32 numbers, the lowest byte first."""

    vectors: tuple[bytes, ...]


class Embedder:
    """One endpoint and one model, for all who compare texts on a node, in one event loop. Closed by `close`."""

    def __init__(self, config: ProviderConfig, clock: Clock, breaker: Breaker | None = None) -> None:
        self.model = config.model
        self._provider = Provider(config, clock, breaker)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up; what is being asked fails."""
        await self._provider.close()

    async def embed(self, texts: Sequence[str], purse: Purse, listener: Listener) -> Sequence[bytes]:
        """The vectors of at most MOST_AT_ONCE texts, in their order, as `Vectors` describes them.

        Args:
            purse: pays for each attempt: an upper estimate is reserved before it, and what it took settled after it.

        Raises:
            ModelFailed: there are none, and `outcome` says why; BudgetExhausted and BreakerOpen are kinds of it.
        """
        if not 1 <= len(texts) <= MOST_AT_ONCE:
            raise ValueError(f"from 1 to {MOST_AT_ONCE} texts are taken at once, not {len(texts)}")
        body = msgspec.json.encode({"model": self.model, "input": list(texts), "encoding_format": "float"})
        wanted = len(texts)

        def reply(max_bytes: int) -> Completion:
            return _VectorsReply(max_bytes, wanted)

        answer = await self._provider.post(body, EMBED, Vectors, reply, purse, listener)
        return answer.value.vectors


class _Vector(msgspec.Struct):
    index: int
    embedding: list[float]


class _Document(msgspec.Struct):
    data: list[_Vector]


class _Tokens(msgspec.Struct):
    prompt_tokens: int


class _Used(msgspec.Struct):
    usage: _Tokens


class _VectorsReply(Completion):
    """The answer of an embeddings API: one document, in which the vectors of all texts stand."""

    def __init__(self, max_bytes: int, wanted: int) -> None:
        super().__init__(max_bytes)
        self._wanted = wanted
        self._data = b""

    def add(self, data: bytes) -> None:
        """Take in the whole answer.

        Raises:
            ModelFailed: it is no such answer, or reports a failure.
        """
        super().add(data)  # model, failures, and whether it is JSON at all
        self._data = data
        self.usage = _sensible_usage(data)
        self.done, self.finished = True, "stop"

    def read(self, form: type[T]) -> T:
        """The vectors.

        Raises:
            ModelFailed: they are not those of the texts.
        """
        try:
            found = sorted(msgspec.json.decode(self._data, type=_Document).data, key=lambda each: each.index)
            if [each.index for each in found] != list(range(self._wanted)):
                raise ValueError(f"there are not {self._wanted} vectors in it")
            vectors = [normalised(each.embedding) for each in found]
            if len({len(vector) for vector in vectors}) > 1:
                raise ValueError("the vectors in it are not of one length")
        except (msgspec.DecodeError, ValueError) as fault:
            raise ModelFailed(Outcome.UNUSABLE, str(fault)) from None
        return msgspec.convert({"vectors": vectors}, form)


def normalised(numbers: Sequence[float]) -> bytes:
    """The vector of length 1 in that direction, as `Vectors` describes it.

    Raises:
        ValueError: it has no direction.
    """
    length = math.hypot(*numbers)
    if not (0 < length < math.inf):
        raise ValueError("a vector in it has no direction")
    return struct.pack(f"<{len(numbers)}f", *(number / length for number in numbers))


def _sensible_usage(data: bytes) -> Usage | None:
    try:
        tokens = msgspec.json.decode(data, type=_Used).usage.prompt_tokens
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return Usage(tokens, 0, reported=True) if 0 <= tokens <= MAX_TOKENS else None
