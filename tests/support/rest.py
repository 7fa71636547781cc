"""REST in process: fixture `rest`, callers with a token or a session, and what an answer must look like."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from sitting.api import create_api
from sitting.domain.application import CandidateApplication
from sitting.domain.user import Role, User
from sitting.identity.sessions import COOKIE
from sitting.identity.tokens import TokenKeys, mint
from sitting.kit.clock import Clock
from sitting.storage.opening import open_storage
from sitting.storage.unit_of_work import Storage
from sitting.storage.url import DatabaseUrl
from sitting.usecases.open_invitation import open_invitation
from sitting.usecases.services import Services
from tests.support.builders import SIGNER, make_user
from tests.support.clock import ManualClock
from tests.support.traffic import Tap

BASE_URL = "http://sitting.test"
KEYS = TokenKeys("a secret for tests, long enough for anybody")
LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who sends requests, always with the same headers. Addresses are those behind /api/v1."""

    client: httpx2.AsyncClient
    headers: dict[str, str]
    user: User | None = None

    def holding(self, **headers: str) -> Caller:
        """The same with more headers."""
        return replace(self, headers={**self.headers, **headers})

    async def get(self, path: str, **query: Any) -> httpx2.Response:
        return await self.client.get(f"/api/v1{path}", params=query, headers=self.headers)

    async def post(self, path: str, body: Any = None) -> httpx2.Response:
        return await self.client.post(f"/api/v1{path}", json=body, headers=self.headers)

    async def put(self, path: str, body: Any) -> httpx2.Response:
        return await self.client.put(f"/api/v1{path}", json=body, headers=self.headers)

    async def patch(self, path: str, body: Any) -> httpx2.Response:
        return await self.client.patch(f"/api/v1{path}", json=body, headers=self.headers)

    async def delete(self, path: str) -> httpx2.Response:
        return await self.client.delete(f"/api/v1{path}", headers=self.headers)


@dataclass(frozen=True, slots=True)
class Rest:
    """The API over one storage, on a clock that the test moves."""

    services: Services
    clock: ManualClock
    client: httpx2.AsyncClient

    @property
    def storage(self) -> Storage:
        return self.services.storage

    @property
    def anonymous(self) -> Caller:
        """Nobody in particular."""
        return Caller(self.client, {})

    def caller(self, user: User) -> Caller:
        """That user, by token."""
        token = mint(KEYS, user.user_id, now=self.clock.now(), lifetime=LIFETIME)
        return Caller(self.client, {"Authorization": f"Bearer {token}"}, user)

    async def person(self, *roles: Role) -> Caller:
        """Somebody new with these roles, by token."""
        return self.caller(await make_user(self.storage, roles=roles))

    async def browser(self, application: CandidateApplication) -> Caller:
        """The candidate who came by the invitation link, with nothing but the cookie."""
        opened = await open_invitation(self.storage, application.secret, now=self.clock.now())
        return Caller(self.client, {"Cookie": f"{COOKIE}={opened.session_secret}"})


@asynccontextmanager
async def serving(storage: Storage, **services: Any) -> AsyncIterator[Rest]:
    """The API over that storage; `services` are more fields of Services."""
    clock = ManualClock()
    parts = make_services(storage, clock, **services)
    transport = httpx2.ASGITransport(Tap(create_api(parts), parts))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        yield Rest(parts, clock, client)


def unopened_services(**services: Any) -> Services:
    """Parts over a database that is not there, for what needs none."""
    storage = open_storage(DatabaseUrl.parse("sqlite:////nowhere/sitting.db"))
    return make_services(storage, ManualClock(), **services)


def make_services(storage: Storage, clock: Clock, **services: Any) -> Services:
    """The parts that create_api takes, with the keys of the tests."""
    return Services(storage, KEYS, SIGNER, clock, **services)


@pytest.fixture
async def rest(storage: Storage) -> AsyncIterator[Rest]:
    """The API over a database of the test's own, once for each kind."""
    async with serving(storage) as served:
        yield served


def said(response: httpx2.Response, status: int = 200) -> Any:
    """The body of an answer that must have that status."""
    assert response.status_code == status, f"{response.status_code} {response.text}"
    return response.json()


def refused(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The problem that the answer must be, with that status and code."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem: dict[str, Any] = said(response, status)
    assert problem["code"] == code, problem
    assert problem["status"] == status
    assert set(problem) == {"type", "title", "status", "detail", "code", "retryable", "details"}
    return problem
