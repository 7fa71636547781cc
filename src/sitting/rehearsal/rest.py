"""REST with patience: what may be asked again is asked again until it is answered."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from http.cookies import SimpleCookie
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from sitting.kit.clock import SystemClock

PAGE = 200
COOKIE = "sitting_session"
AT_ONCE = 8
FIRST_WAIT, LONGEST_WAIT = 0.25, 5.0
BRIEF_PATIENCE = 5.0  # seconds


class Refused(Exception):
    """The server answered, and it was no; `status` is HTTP's."""

    def __init__(self, what: str, status: int, said: str) -> None:
        super().__init__(f"{what} was answered with {status}: {said}")
        self.status = status


class Unreachable(Exception):
    """There was no answer for as long as we had patience."""


class Rest:
    """The server's REST, for staff by token and for candidates by their cookies."""

    def __init__(self, url: str, token: str, *, run: str, timeout: float, patience: float) -> None:
        """`run` makes the Idempotency-Keys of one rehearsal its own; times in seconds."""
        self._run = run
        self._patience = patience
        self._keys = itertools.count(1)
        self._staff = {"Authorization": f"Bearer {token}"}
        limits = httpx2.Limits(max_connections=50, max_keepalive_connections=50)
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))  # hundreds of people share this client
        self._http = httpx2.AsyncClient(
            base_url=url,
            timeout=httpx2.Timeout(timeout, pool=None),  # to wait for our own turn is no fault of the server
            limits=limits,
            cookies=no_cookies,
            trust_env=False,
        )
        self.server_time = SystemClock().now()
        """What the server said of the time in its last answer, to the second."""
        self.answered = 0
        """How many requests were granted so far."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    def be_brief(self) -> None:
        """The server has been waited for long enough: have little patience from now on."""
        self._patience = min(self._patience, BRIEF_PATIENCE)

    async def get(self, path: str, **query: Any) -> Any:
        """What staff read at that path below /api/v1.

        Raises:
            Refused, Unreachable
        """
        return (await self._patiently("GET", path, params=query)).json()

    async def post(self, path: str, body: Any = None, *, once: bool = True) -> Any:
        """What a POST of staff answers; `once` makes it one under an Idempotency-Key.

        Raises:
            Refused, Unreachable
        """
        headers = {"Idempotency-Key": f"{self._run}-{next(self._keys)}"} if once else {}
        return (await self._patiently("POST", path, json=body, headers=headers)).json()

    async def delete(self, path: str) -> None:
        """Take something out of use.

        Raises:
            Refused, Unreachable
        """
        await self._patiently("DELETE", path)

    async def items(self, path: str, **query: Any) -> AsyncIterator[Any]:
        """All items of a list, page by page."""
        after = ""
        while True:
            page = await self.get(path, limit=PAGE, after=after, **query)
            for item in page["items"]:
                yield item
            if page["next"] is None:
                return
            after = page["next"]

    async def enter(self, link: str) -> str:
        """The secret of the session that an invitation link gives, asked for as its page's button does."""
        response = await self._patiently("POST", urlsplit(link).path, whole_path=True)
        morsel = SimpleCookie(response.headers.get("set-cookie", "")).get(COOKIE)
        if morsel is None:
            raise Refused("the invitation link", response.status_code, "no session came with it")
        return morsel.value

    async def ticket(self, session: str) -> str:
        """A ticket for one socket, asked for once.

        Raises:
            Refused, httpx2.HTTPError
        """
        headers = {"Cookie": f"{COOKIE}={session}"}
        response = await self._http.post("/api/v1/ws-tickets", headers=headers)
        if response.status_code != HTTPStatus.CREATED:
            raise Refused("a ticket", response.status_code, _said(response))
        ticket: str = response.json()["ticket"]
        return ticket

    def _note_time(self, response: httpx2.Response) -> None:
        with suppress(ValueError):
            self.server_time = parsedate_to_datetime(response.headers.get("date", "")).replace(tzinfo=UTC)

    async def _patiently(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, whole_path: bool = False, **more: Any
    ) -> httpx2.Response:
        address = path if whole_path else f"/api/v1{path}"
        own = {} if whole_path else self._staff | (headers or {})
        loop = asyncio.get_running_loop()
        until, wait, why = loop.time() + self._patience, FIRST_WAIT, ""
        while loop.time() < until:
            try:
                response = await self._http.request(method, address, headers=own, **more)
            except httpx2.HTTPError as fault:
                why = str(fault) or type(fault).__name__
            else:
                if response.status_code < HTTPStatus.BAD_REQUEST:
                    self._note_time(response)
                    self.answered += 1
                    return response
                if not _may_pass(response):
                    raise Refused(f"{method} {path}", response.status_code, _said(response))
                why = _said(response)
            await asyncio.sleep(random.uniform(wait / 2, wait))  # noqa: S311  no secret, and not part of the plan
            wait = min(2 * wait, LONGEST_WAIT)
        raise Unreachable(f"{method} {path} got no answer for {self._patience:g} seconds: {why}")


def _may_pass(response: httpx2.Response) -> bool:
    if response.status_code in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT):
        return True
    return response.status_code == HTTPStatus.SERVICE_UNAVAILABLE or bool(_problem(response).get("retryable"))


def _said(response: httpx2.Response) -> str:
    return str(_problem(response).get("detail") or response.reason_phrase)


def _problem(response: httpx2.Response) -> dict[str, Any]:
    try:
        problem = response.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
