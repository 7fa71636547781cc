"""Where public keys come from: a JWKS document at an address, fetched when needed and kept for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from sitting.domain.errors import Unavailable
from sitting.identity.public_keys import KeySet, PublicKey, read_key_set

FRESH = timedelta(minutes=10)
"""How long keys are used without a look at their source."""
PAUSE = timedelta(seconds=30)
"""How long after one fetch the next may begin, whoever shows whatever."""
LAST_RESORT = timedelta(hours=24)
"""How long keys are used whose source does not answer."""
TIMEOUT_SECONDS = 5.0
MAX_BYTES = 256 * 1024
# Not compressed: what is small on the way may be large once it is unpacked.
_HEADERS = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}

log = structlog.get_logger(__name__)
Fetch = Callable[[], Awaitable[bytes]]


class FetchFailed(Exception):
    """The key set did not come; the message says why."""


class PublishedKeys:
    """The keys that are published at one address, as of the last time that it could be asked.

    Keys come from memory; the address is asked when they are older than FRESH, or when a token names one that is not
    among them, but never twice within PAUSE, and by one request at a time. Where it fails, the keys of before serve on,
    for LAST_RESORT at most, and nobody waits for the next attempts.
    """

    def __init__(self, url: str, fetch: Fetch | None = None) -> None:
        self.url = url
        self._fetch = fetch or (lambda: fetch_document(url))
        self._keys: KeySet | None = None
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._failing = False
        self._running: asyncio.Task[None] | None = None

    async def find(self, algorithm: str, kid: str | None, *, now: datetime) -> PublicKey | None:
        """The key by which a token of that algorithm and key name is to be checked; None if there is no such key.

        Raises:
            Unavailable: there are no keys at all, for their source does not answer.
        """
        keys = self._known(now)
        found = None if keys is None else keys.find(algorithm, kid)
        if found is not None and _is_within(FRESH, self._fetched_at, now):
            return found
        fetching = self._refresh(now)
        if fetching is not None and (found is None or not self._failing):
            await asyncio.shield(fetching)
        keys = self._known(now)
        if keys is None:
            raise Unavailable("Tokens cannot be checked right now. Please try again.")
        return keys.find(algorithm, kid)

    def _known(self, now: datetime) -> KeySet | None:
        return self._keys if _is_within(LAST_RESORT, self._fetched_at, now) else None

    def _refresh(self, now: datetime) -> asyncio.Task[None] | None:
        """The fetch that runs, or else a new one if it is time; a caller who goes away does not end it."""
        if self._running is None and not _is_within(PAUSE, self._tried_at, now):
            self._tried_at = now
            self._running = asyncio.create_task(self._run(now), name="key set")
        return self._running

    async def _run(self, now: datetime) -> None:
        try:
            self._keys = read_key_set(await self._fetch())
        except (FetchFailed, ValueError) as fault:
            self._failing = True
            log.warning("key_set_failed", cause=str(fault), keys_of=self._fetched_at)
        except Exception as fault:  # nobody may be waiting who would hear of it
            self._failing = True
            log.error("key_set_failed", keys_of=self._fetched_at, exc_info=fault)
        else:
            self._fetched_at, self._failing = now, False
            log.info("key_set_fetched", keys=[(key.kid, key.algorithm) for key in self._keys.keys])
        finally:
            self._running = None


async def fetch_document(url: str) -> bytes:
    """What stands at that address, at most MAX_BYTES of it, within TIMEOUT_SECONDS in all.

    Raises:
        FetchFailed: it does not answer in time, or with anything but 200 and a document of that size.
    """
    import httpx2  # noqa: PLC0415  a tenth of a second that most installations never need

    try:
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client,
            client.stream("GET", url, headers=_HEADERS) as response,
        ):
            if response.status_code != httpx2.codes.OK:
                raise FetchFailed(f"it answered with status {response.status_code}")
            document = bytearray()
            async for piece in response.aiter_raw():
                document += piece
                if len(document) > MAX_BYTES:
                    raise FetchFailed(f"it is larger than {MAX_BYTES} bytes")
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError) as fault:
        raise FetchFailed(f"it does not answer ({type(fault).__name__})") from fault
    return bytes(document)


def _is_within(span: timedelta, since: datetime | None, now: datetime) -> bool:
    """Whether `since` is no further away than that; a clock that was set back must not stretch it for ever."""
    return since is not None and abs(now - since) < span
