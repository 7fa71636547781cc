"""Signing in, being recognised, signing out."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import jwt
import pytest

from sitting.domain.errors import NotAuthenticated
from sitting.domain.user import Role, User
from sitting.identity.identify import identify_by_ticket
from sitting.identity.passwords import hash_password, verify_password
from sitting.identity.tokens import mint
from sitting.storage.tables import revoked_tokens
from sitting.storage.unit_of_work import Storage
from tests.support.builders import invite, make_user, publish_test
from tests.support.rest import BASE_URL, KEYS, Caller, Rest, refused, said, serving
from tests.support.storage import execute, rows

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def password_hash() -> str:
    return hash_password(PASSWORD)


@pytest.fixture
async def author(rest: Rest, password_hash: str) -> User:
    """Somebody with a password and two roles."""
    return await make_user(
        rest.storage,
        email="author@example.org",
        roles=[Role.REVIEWER, Role.AUTHOR],
        password_hash=password_hash,
    )


async def log_in(rest: Rest, email: str = "author@example.org", password: str = PASSWORD) -> Caller:
    token = said(await rest.anonymous.post("/auth/token", {"email": email, "password": password}))["access_token"]
    return rest.anonymous.holding(Authorization=f"Bearer {token}")


async def test_password_is_exchanged_for_a_token_that_works(rest: Rest, author: User) -> None:
    response = await rest.anonymous.post("/auth/token", {"email": " Author@Example.org ", "password": PASSWORD})
    body = said(response)
    assert body["user_id"] == author.user_id
    assert body["roles"] == ["author", "reviewer"]
    assert body["token_type"] == "bearer"
    assert body["expires_in_seconds"] == 8 * 3600
    assert response.headers["cache-control"] == "no-store"
    caller = rest.anonymous.holding(Authorization=f"Bearer {body['access_token']}")
    assert said(await caller.get("/me")) == {
        "user_id": author.user_id,
        "name": author.name,
        "email": "author@example.org",
        "external_id": None,
        "roles": ["author", "reviewer"],
    }


async def test_token_ends_with_its_time(rest: Rest, author: User) -> None:
    caller = await log_in(rest)
    rest.clock.advance(minutes=8 * 60 - 1)
    said(await caller.get("/me"))
    rest.clock.advance(minutes=2)
    refused(await caller.get("/me"), 401, "not_authenticated")


async def test_wrong_password_and_unknown_user_are_told_the_same(rest: Rest, author: User) -> None:
    for email in ("author@example.org", "nobody@example.org", "no address"):
        response = await rest.anonymous.post("/auth/token", {"email": email, "password": "something else"})
        problem = refused(response, 401, "not_authenticated")
        assert problem["detail"] == "Email and password do not fit."
        assert problem["details"] == {}
        assert response.headers["www-authenticate"] == "Bearer"


async def test_unknown_user_costs_a_password_check_too(
    rest: Rest, author: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str | None] = []

    def counting(stored: str | None, password: str) -> bool:
        checked.append(stored)
        return verify_password(stored, password)

    monkeypatch.setattr("sitting.usecases.sign_in.verify_password", counting)
    await make_user(rest.storage, email="token-only@example.org")
    for email in ("nobody@example.org", "token-only@example.org", "no address"):
        response = await rest.anonymous.post("/auth/token", {"email": email, "password": PASSWORD})
        refused(response, 401, "not_authenticated")
    assert checked == [None, None, None]


async def test_logout_revokes_this_token_and_no_other(rest: Rest, author: User) -> None:
    first, second = await log_in(rest), await log_in(rest)
    assert (await first.post("/auth/logout")).status_code == 204
    refused(await first.get("/me"), 401, "not_authenticated")
    refused(await first.post("/auth/logout"), 401, "not_authenticated")
    said(await second.get("/me"))
    (revoked,) = await rows(rest.storage, revoked_tokens)
    assert revoked.user_id == author.user_id


async def test_simultaneous_logouts_are_one(rest: Rest, author: User) -> None:
    caller = await log_in(rest)
    responses = await asyncio.gather(*(caller.post("/auth/logout") for _ in range(8)))
    assert {response.status_code for response in responses} <= {204, 401}
    assert len(await rows(rest.storage, revoked_tokens)) == 1


async def test_token_without_jti_cannot_be_revoked_and_is_told_so(rest: Rest) -> None:
    user = await make_user(rest.storage)
    claims = {"user_id": user.user_id, "exp": int((rest.clock.now() + timedelta(hours=1)).timestamp())}
    foreign = rest.anonymous.holding(Authorization=f"Bearer {jwt.encode(claims, KEYS.secret, algorithm='HS256')}")
    refused(await foreign.post("/auth/logout"), 409, "conflict")
    said(await foreign.get("/me"))


async def test_logout_by_cookie_ends_the_session(rest: Rest) -> None:
    browser = await rest.browser(await invite(rest.storage, await publish_test(rest.storage)))
    said(await browser.get("/me"))
    response = await browser.post("/auth/logout")
    assert response.status_code == 204
    assert 'sitting_session=""' in response.headers["set-cookie"]
    refused(await browser.get("/me"), 401, "not_authenticated")


async def test_no_token_or_a_broken_one_is_not_authenticated(rest: Rest) -> None:
    refused(await rest.anonymous.get("/me"), 401, "not_authenticated")
    for header in ("", "Bearer", "Bearer x.y.z", "Basic YTpi", "bearer  "):
        refused(await rest.anonymous.holding(Authorization=header).get("/me"), 401, "not_authenticated")


async def test_token_of_another_secret_is_not_authenticated(rest: Rest) -> None:
    user = await make_user(rest.storage)
    foreign = type(KEYS)("another secret, which is long enough as well")
    token = mint(foreign, user.user_id, now=rest.clock.now(), lifetime=timedelta(hours=1))
    refused(await rest.anonymous.holding(Authorization=f"Bearer {token}").get("/me"), 401, "not_authenticated")


async def test_password_change_voids_the_tokens_issued_before(rest: Rest, author: User, password_hash: str) -> None:
    caller = await log_in(rest)
    rest.clock.advance(seconds=2)
    async with rest.storage.unit_of_work() as unit:
        await unit.users.set_password(author.user_id, password_hash, now=rest.clock.now())
    refused(await caller.get("/me"), 401, "not_authenticated")
    said(await (await log_in(rest)).get("/me"))


async def test_roles_of_the_database_override_the_token(rest: Rest, author: User) -> None:
    token = mint(KEYS, author.user_id, now=rest.clock.now(), lifetime=timedelta(hours=1), role="admin")
    caller = rest.anonymous.holding(Authorization=f"Bearer {token}")
    refused(
        await caller.post("/users", {"name": "A", "email": "a@example.org", "roles": ["admin"]}), 403, "not_allowed"
    )
    await execute(rest.storage, "UPDATE users SET roles = 'candidate'")
    refused(await caller.get("/users"), 403, "not_allowed")


async def test_session_of_staff_is_a_candidates_and_nothing_more(rest: Rest) -> None:
    admin = await make_user(rest.storage, roles=[Role.ADMIN, Role.CANDIDATE])
    browser = await rest.browser(await invite(rest.storage, await publish_test(rest.storage), admin))
    assert said(await browser.get("/me"))["roles"] == ["candidate"]
    refused(await browser.get("/users"), 403, "not_allowed")


async def test_broken_token_is_refused_even_beside_a_good_cookie(rest: Rest) -> None:
    browser = await rest.browser(await invite(rest.storage, await publish_test(rest.storage)))
    refused(await browser.holding(Authorization="Bearer x").get("/me"), 401, "not_authenticated")


async def test_cookie_serves_pages_of_our_own_and_of_the_allowed_origins(storage: Storage) -> None:
    async with serving(storage, allowed_origins=frozenset({"https://friend.example"})) as rest:
        browser = await rest.browser(await invite(storage, await publish_test(storage)))
        said(await browser.post("/ws-tickets"), 201)
        for origin in (BASE_URL, "https://friend.example"):
            said(await browser.holding(Origin=origin).post("/ws-tickets"), 201)
        for origin in ("https://friend.example.evil.example", "https://evil.example", "null"):
            refused(await browser.holding(Origin=origin).post("/ws-tickets"), 403, "not_allowed")
            said(await browser.holding(Origin=origin).get("/me"))


async def test_token_may_come_from_any_origin(rest: Rest) -> None:
    caller = await rest.person(Role.CANDIDATE)
    said(await caller.holding(Origin="https://elsewhere.example").post("/ws-tickets"), 201)


async def test_ticket_stands_for_the_caller_once_and_for_thirty_seconds(rest: Rest) -> None:
    caller = await rest.person(Role.CANDIDATE)
    assert caller.user is not None
    body = said(await caller.post("/ws-tickets"), 201)
    assert body["expires_in_seconds"] == 30
    identity = await identify_by_ticket(rest.storage, body["ticket"], now=rest.clock.now())
    assert (identity.user_id, identity.roles) == (caller.user.user_id, frozenset({Role.CANDIDATE}))
    with pytest.raises(NotAuthenticated):
        await identify_by_ticket(rest.storage, body["ticket"], now=rest.clock.now())
    late = said(await caller.post("/ws-tickets"), 201)["ticket"]
    with pytest.raises(NotAuthenticated):
        await identify_by_ticket(rest.storage, late, now=rest.clock.advance(seconds=30))
