"""Requests and answers of the chat completions API as bytes. No I/O.

Of an answer only what is needed is read; fields that nobody knows, and usage that makes no sense, break nothing.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from sitting.questions.provider_calls import ModelFailed, Outcome, Usage
from sitting.questions.provider_config import ProviderConfig
from sitting.questions.provider_json import read_answer

T = TypeVar("T")
_DONE = b"[DONE]"
MAX_TOKENS = 10**9
"""Of one call: who reports more means something else."""
_AROUND_A_MESSAGE = 64
_OUT_OF_TOKENS = frozenset({"length", "max_tokens", "model_length"})
_FINISHED_WELL = frozenset({"stop", "eos", "end_turn", "tool_calls", "function_call"})


def request_body(
    config: ProviderConfig,
    system: str,
    user: str,
    *,
    max_tokens: int,
    schema: tuple[str, dict[str, Any]] | None,
    temperature: float | None,
    seed: int | None,
) -> bytes:
    """What is posted; `schema` is the name of the answer's form and its JSON schema."""
    body: dict[str, Any] = {
        "model": config.model,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
        config.tokens_field.value: max_tokens,
    }
    if config.streaming:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if schema is not None:
        named = {"name": schema[0], "strict": True, "schema": schema[1]}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    optional = {"temperature": temperature, "seed": seed}
    return msgspec.json.encode(body | {name: value for name, value in optional.items() if value is not None})


def upper_usage(body: bytes, max_tokens: int) -> Usage:
    """No call of this body can use more: a token is at least one byte of what is sent, and each message has a frame."""
    return Usage(len(body) + 2 * _AROUND_A_MESSAGE, max_tokens, reported=False)


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int


class _Text(msgspec.Struct):
    """A message, or what was added to it."""

    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Text | None = None
    message: _Text | None = None
    finish_reason: str | None = None


class _Piece(msgspec.Struct):
    """A completion, or a chunk of one; some servers report failures in the midst of a stream."""

    choices: list[_Choice] | None = None
    model: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


class EventLines:
    """Server-sent events, as their bytes come in: the data of each, without what else they hold."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._line = bytearray()
        self._data: list[bytes] = []

    def feed(self, some: bytes) -> list[bytes]:
        """The data of all events that these bytes complete.

        Raises:
            ModelFailed: a line is longer than any should be.
        """
        *ended, rest = some.split(b"\n")
        found: list[bytes] = []
        for part in ended:
            self._extend(part)
            found += self._end_line()
        self._extend(rest)
        return found

    def _extend(self, part: bytes) -> None:
        if len(self._line) + len(part) > self._longest:
            raise ModelFailed(Outcome.TOO_LARGE, f"a line of the stream has more than {self._longest} bytes")
        self._line += part

    def _end_line(self) -> list[bytes]:
        line = bytes(self._line).removesuffix(b"\r")
        self._line.clear()
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
        elif not line and self._data:
            data, self._data = b"\n".join(self._data), []
            return [data]
        return []


class Completion:
    """An answer as it grows, from the pieces that have come.

    Attributes:
        text: of the first choice; finished: why it ended, None while it has not; done: nothing more will come.
        usage: as reported, None if it was not or makes no sense.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._parts: list[str] = []
        self.size = 0
        self.finished: str | None = None
        self.refused = ""
        self.done = False
        self.usage: Usage | None = None
        self.model = ""

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def parts(self) -> int:
        """How many pieces of text have come."""
        return len(self._parts)

    @property
    def last(self) -> str:
        """The latest piece of text."""
        return self._parts[-1]

    @property
    def is_whole(self) -> bool:
        """Whether the answer has ended, even if more may come (usage)."""
        return self.done or self.finished is not None

    def add(self, data: bytes) -> None:
        """Take in one event of a stream, or a whole answer.

        Raises:
            ModelFailed: it is no chat completion, reports a failure, or makes the text too large.
        """
        if data.strip() == _DONE:
            self.done = True
            return
        try:
            piece = msgspec.json.decode(data, type=_Piece)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            raise ModelFailed(Outcome.MALFORMED, f"what came is no chat completion: {fault}") from None
        if bytes(piece.error) not in (b"", b"null"):
            raise ModelFailed(Outcome.SERVER_ERROR, error_text(b'{"error":' + bytes(piece.error) + b"}"))
        self.model = (piece.model or self.model)[:200]
        self.usage = _sensible_usage(bytes(piece.usage)) or self.usage
        for choice in piece.choices or ():
            if choice.index == 0:
                self._take(choice)

    def _take(self, choice: _Choice) -> None:
        said = choice.delta or choice.message or _Text()
        self.refused = (self.refused + (said.refusal or ""))[:1000]
        self.finished = (choice.finish_reason or "").lower() or self.finished
        if said.content:
            self.size += len(said.content.encode(errors="replace"))
            if self.size > self._max_bytes:
                raise ModelFailed(Outcome.TOO_LARGE, f"the answer has more than {self._max_bytes} bytes")
            self._parts.append(said.content)

    def check_finished(self) -> None:
        """Whether this is an answer to its end.

        Raises:
            ModelFailed: it was cut off, ended by its bound, or refused.
        """
        if self.refused or self.finished == "content_filter":
            raise ModelFailed(Outcome.REFUSED, self.refused or "the answer was filtered")
        if self.finished in _OUT_OF_TOKENS:
            raise ModelFailed(Outcome.TRUNCATED, "the answer needs more tokens than it may have")
        if self.finished is None:
            raise ModelFailed(Outcome.CUT_OFF, "the answer ended before its end")
        if self.finished not in _FINISHED_WELL:
            raise ModelFailed(Outcome.MALFORMED, f"the answer ended for a reason that is not known: {self.finished}")

    def read(self, form: type[T]) -> T:
        """The answer in that form.

        Raises:
            ModelFailed: it has another.
        """
        return read_answer(self.text, form)


def error_text(body: bytes) -> str:
    """What an endpoint says about a failure, as far as it can be found."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body.decode(errors="replace")
    error = said.get("error", said) if isinstance(said, dict) else said
    message = error.get("message", error) if isinstance(error, dict) else error
    return message if isinstance(message, str) else str(message)


def _sensible_usage(said: bytes) -> Usage | None:
    try:
        usage = msgspec.json.decode(said, type=_Usage)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    both = (usage.prompt_tokens, usage.completion_tokens)
    return Usage(*both, reported=True) if min(both) >= 0 and max(both) <= MAX_TOKENS else None
