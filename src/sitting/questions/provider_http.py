"""One request to an endpoint and its answer, within bounds of time and size."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from sitting.questions.provider_calls import ModelFailed, Outcome
from sitting.questions.provider_config import ProviderConfig
from sitting.questions.provider_retry import read_retry_after
from sitting.questions.provider_wire import Completion, EventLines, error_text

if TYPE_CHECKING:
    import httpx2  # below only where a model is asked: a tenth of a second that most installations never need

MAX_ERROR_BYTES = 16 * 1024
AFTER_THE_END_SECONDS = 0.2
"""How long the end of a finished stream is waited for, so that its connection can be used again."""
KEEP_IDLE_SECONDS = 3.0
"""Shorter than servers keep idle connections: one that they close just then costs an attempt."""
_PASSING_STATUSES = frozenset({500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an answer has come: bytes of its text, and what was added to it last."""

    answer_bytes: int
    added: str


@dataclass(slots=True)
class Exchange:
    """What is known of a request while it goes on, also when it fails.

    Attributes:
        status, first_byte_at: of the answer, None until it comes; the latter by the event loop's clock.
        sent: whether the endpoint may have got the request.
    """

    completion: Completion
    lines: EventLines
    status: int | None = None
    first_byte_at: float | None = None
    sent: bool = True


def new_client(config: ProviderConfig) -> httpx2.AsyncClient:
    """A client for all requests to this endpoint. The time of bytes is watched by `exchange`.

    Proxies of the environment are used with https alone: they would see the key of anything else. Without https there
    are no certificates to load either; redirects, which could lead to it, are not followed.
    """
    import httpx2  # noqa: PLC0415

    secured = config.is_secured
    headers = {"Accept": "text/event-stream, application/json", "Accept-Encoding": "identity"}
    if config.key is not None:
        headers["Authorization"] = f"Bearer {config.key}"
    return httpx2.AsyncClient(
        headers=headers | {"Content-Type": "application/json", "User-Agent": "sitting"},
        timeout=httpx2.Timeout(None, connect=config.timeouts.connect),
        limits=httpx2.Limits(max_keepalive_connections=config.calls_at_once, keepalive_expiry=KEEP_IDLE_SECONDS),
        follow_redirects=False,
        trust_env=secured,
        verify=secured,
    )


class Requests:
    """Sends requests to one endpoint."""

    def __init__(self, config: ProviderConfig) -> None:
        self._config = config
        self._client = new_client(config)

    async def close(self) -> None:
        """Hang up. Nothing can be sent afterwards."""
        await self._client.aclose()

    def begin(self, reply: Callable[[int], Completion] = Completion) -> Exchange:
        """An exchange that has not happened yet; `reply` takes its answer in, of at most so many bytes."""
        longest = self._config.max_answer_bytes
        return Exchange(reply(longest), EventLines(2 * longest + 4096))

    async def send(
        self,
        exchange: Exchange,
        body: bytes,
        *,
        within: float,
        now: datetime,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        """Ask, and read the answer into `exchange`, as far as it comes; `now` is only for dates in Retry-After.

        Raises:
            ModelFailed: no whole answer came within `within` seconds and all other bounds.
        """
        import httpx2  # noqa: PLC0415

        try:
            async with asyncio.timeout(within):
                await self._watched(exchange, body, now, progress)
        except TimeoutError:
            if exchange.completion.is_whole:
                return
            raise ModelFailed(Outcome.TIMEOUT, f"no answer within {within:g} s") from None
        except httpx2.ConnectTimeout:
            exchange.sent = False
            raise ModelFailed(Outcome.CONNECT_TIMEOUT, "no connection in time") from None
        except (httpx2.ConnectError, httpx2.ProxyError, httpx2.InvalidURL) as fault:
            exchange.sent = False
            raise ModelFailed(Outcome.UNREACHABLE, f"there is no connection ({type(fault).__name__})") from None
        except (httpx2.HTTPError, OSError) as fault:
            if exchange.completion.is_whole:
                return
            raise ModelFailed(Outcome.CUT_OFF, f"the connection broke ({type(fault).__name__})") from None

    async def _watched(
        self, exchange: Exchange, body: bytes, now: datetime, progress: Callable[[Progress], None] | None
    ) -> None:
        """The exchange under the watch of the waits for bytes."""
        times = self._config.timeouts
        first = times.connect + times.first_byte if self._config.streaming else times.whole
        watch = asyncio.timeout(first)
        try:
            async with watch, self._client.stream("POST", self._config.address, content=body) as response:
                exchange.status = response.status_code
                await self._read(exchange, response, watch, now, progress)
        except TimeoutError:
            if not watch.expired():  # the operating system's own
                raise
            if exchange.completion.is_whole:
                return
            if exchange.first_byte_at is None:
                raise ModelFailed(Outcome.FIRST_BYTE_TIMEOUT, f"nothing came within {first:g} s") from None
            raise ModelFailed(Outcome.STALLED, f"nothing more came within {times.between_bytes:g} s") from None

    async def _read(
        self,
        exchange: Exchange,
        response: httpx2.Response,
        watch: asyncio.Timeout,
        now: datetime,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        is_answer = response.status_code == HTTPStatus.OK
        limit = self._config.max_response_bytes if is_answer else MAX_ERROR_BYTES
        if is_answer:
            _refuse_unreadable(response.headers, limit)
        streamed = is_answer and _is_stream(response.headers)
        loop, document, size = asyncio.get_running_loop(), bytearray(), 0
        async for some in response.aiter_raw():
            exchange.first_byte_at = exchange.first_byte_at or loop.time()
            size += len(some)
            if size > limit:
                break
            if streamed:
                self._take_in(exchange, some, progress)
            else:
                document += some
            wait = AFTER_THE_END_SECONDS if exchange.completion.done else self._config.timeouts.between_bytes
            watch.reschedule(loop.time() + wait)
        if not is_answer:
            raise _refusal(response, error_text(self._without_key(bytes(document[:limit]))), now)
        if size > limit and not exchange.completion.done:
            raise ModelFailed(Outcome.TOO_LARGE, f"the answer has more than {limit} bytes")
        if not streamed:
            exchange.completion.add(self._without_key(bytes(document)))

    def _take_in(self, exchange: Exchange, some: bytes, progress: Callable[[Progress], None] | None) -> None:
        completion = exchange.completion
        for data in exchange.lines.feed(some):
            if completion.done:
                return
            before = completion.parts
            completion.add(self._without_key(data))
            if progress is not None and completion.parts > before:
                progress(Progress(completion.size, completion.last))

    def _without_key(self, data: bytes) -> bytes:
        """Some servers say the key in their refusals, and those go into logs and records."""
        return data if self._config.key is None else data.replace(self._config.key.encode(), b"(key)")


def _refuse_unreadable(headers: httpx2.Headers, limit: int) -> None:
    """Before anything of it is read: what is packed may be large once unpacked, and what says that it is large is."""
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ModelFailed(Outcome.MALFORMED, "the answer is packed, which was not asked for")
    length = headers.get("Content-Length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > limit:
        raise ModelFailed(Outcome.TOO_LARGE, f"the answer has more than {limit} bytes")


def _is_stream(headers: httpx2.Headers) -> bool:
    kind: str = headers.get("Content-Type", "")
    return kind.partition(";")[0].strip().lower() == "text/event-stream"


def _refusal(response: httpx2.Response, said: str, now: datetime) -> ModelFailed:
    status = response.status_code
    retry_after = read_retry_after(response.headers.get("Retry-After"), now)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ModelFailed(Outcome.RATE_LIMITED, said, retry_after=retry_after, status=status)
    outcome = Outcome.SERVER_ERROR if status in _PASSING_STATUSES else Outcome.REJECTED
    return ModelFailed(outcome, f"status {status}: {said}", retry_after=retry_after, status=status)
