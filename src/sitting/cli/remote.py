"""REST for commands that talk to a running server, as the person who typed them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from sitting.cli.errors import Stop
from sitting.kit.ids import random_id
from sitting.settings import LOOPBACK

PAGE = 100
SECONDS = 30.0
PATIENCE_SECONDS = 30.0
FIRST_WAIT_SECONDS = 0.2
_KEY = "Idempotency-Key"
_PASSING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE})


class Refusal(Stop):
    """The server said no.

    Attributes:
        code, details: of the problem; empty if it was none of Sitting's.
    """

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", ""))
        self.details: dict[str, Any] = problem.get("details") or {}
        sentence = str(problem.get("detail") or f"the server answered with {status}")
        super().__init__(" ".join([sentence, *reasons(self.details)]))


def reasons(details: dict[str, Any]) -> list[str]:
    """What the details of a problem say, in sentences."""
    said = [*details.get("problems", ()), *details.get("verdicts", ())]
    sentences = [_sentence(each) for each in said]
    shown = {name: value for name, value in details.items() if name in ("outcome", "kind", "needed", "left", "skills")}
    return sentences + [f"{name}: {value}" for name, value in shown.items()]


def _sentence(said: Any) -> str:
    if not isinstance(said, dict):
        return str(said)
    where, what = said.get("gate") or said.get("at"), said.get("sentence") or said.get("problem")
    return f"{where}: {what}"


class Remote:
    """A server's REST; paths are those behind /api/v1. Closed at the end of a `with`."""

    def __init__(self, url: str, token: str = "") -> None:
        self._http = httpx2.Client(
            base_url=f"{url}/api/v1",
            timeout=SECONDS,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            trust_env=urlsplit(url).hostname not in LOOPBACK,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def sign_in(self, email: str, password: str) -> None:
        """Be that person from now on.

        Raises:
            Stop: the server does not know them so, or does not answer.
        """
        token = self.post("/auth/token", {"email": email, "password": password}, once=False)["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: Any) -> Any:
        """What is there.

        Raises:
            Refusal. Stop: the server does not answer.
        """
        return self._patiently("GET", path, params=query)

    def post(self, path: str, body: Any = None, *, once: bool = True, seconds: float = SECONDS) -> Any:
        """What a POST answers; with `once` it is sent again if no answer comes, under one Idempotency-Key.

        Raises:
            Refusal. Stop: the server does not answer.
        """
        if once:
            return self._patiently("POST", path, json=body, headers={_KEY: random_id("k", 20)})
        return self._answer(self._send("POST", path, json=body, timeout=seconds))

    def items(self, path: str, **query: Any) -> Iterator[Any]:
        """All items of a list, page by page."""
        after = ""
        while True:
            page = self.get(path, limit=PAGE, after=after, **query)
            yield from page["items"]
            if page["next"] is None:
                return
            after = page["next"]

    def events(self, path: str) -> Iterator[tuple[str, Any]]:
        """Kind and data of each event of a stream, until it ends or breaks.

        Raises:
            Refusal. Stop: the server does not answer.
        """
        try:
            with self._http.stream("GET", path) as response:
                if response.status_code != HTTPStatus.OK:
                    response.read()
                    self._answer(response)
                kind = ""
                for line in response.iter_lines():
                    name, _, value = line.partition(": ")
                    if name == "event":
                        kind = value
                    elif name == "data":
                        yield kind, json.loads(value)
        except httpx2.ConnectError as fault:
            raise Stop(_unreachable(self._http, fault)) from None
        except httpx2.HTTPError:
            return

    def _patiently(self, method: str, path: str, **more: Any) -> Any:
        until, wait = time.monotonic() + PATIENCE_SECONDS, FIRST_WAIT_SECONDS
        while True:
            try:
                response = self._send(method, path, **more)
            except Stop:
                if time.monotonic() > until:
                    raise
            else:
                if not _may_pass(response) or time.monotonic() > until:
                    return self._answer(response)
            time.sleep(wait)
            wait = min(2 * wait, 5.0)

    def _send(self, method: str, path: str, **more: Any) -> httpx2.Response:
        try:
            return self._http.request(method, path, **more)
        except httpx2.HTTPError as fault:
            raise Stop(_unreachable(self._http, fault)) from None

    def _answer(self, response: httpx2.Response) -> Any:
        if response.is_success:
            return response.json()
        raise Refusal(response.status_code, _problem(response))


def _may_pass(response: httpx2.Response) -> bool:
    return response.status_code in _PASSING or bool(_problem(response).get("retryable"))


def _problem(response: httpx2.Response) -> dict[str, Any]:
    """What a refusal says; nothing of a success, and of what is no problem of Sitting's."""
    try:
        said = {} if response.is_success else response.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _unreachable(http: httpx2.Client, fault: Exception) -> str:
    return f"{str(http.base_url).removesuffix('/api/v1/')} does not answer: {str(fault) or type(fault).__name__}"
