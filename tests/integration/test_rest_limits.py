"""What may be tried how often over REST and the pages, and that nobody is kept out by what others do."""

from __future__ import annotations

import httpx2
import pytest

from sitting.api import create_api
from sitting.domain.user import Role
from sitting.identity.limits import Limits, SlidingWindow
from sitting.storage.unit_of_work import Storage
from sitting.web import add_pages
from tests.support.clock import ManualClock
from tests.support.rest import BASE_URL, make_services, refused, said, serving

SETUP = "the-secret-of-the-setup-page"
NOBODY = {"email": "nobody@example.org", "password": "wrong password"}


def small(**most: int) -> Limits:
    """Limits that a test reaches soon."""
    return Limits(**{name: SlidingWindow(number) for name, number in most.items()})


async def test_wrong_passwords_are_limited_and_say_when_to_come_back(storage: Storage) -> None:
    async with serving(storage, limits=small(sign_ins_of_account=2)) as rest:
        for _ in range(2):
            refused(await rest.anonymous.post("/auth/token", NOBODY), 401, "not_authenticated")
        response = await rest.anonymous.post("/auth/token", NOBODY)
        problem = refused(response, 429, "rate_limited")
        assert problem["retryable"]
        wait = problem["details"]["retry_after_seconds"]
        assert int(response.headers["Retry-After"]) >= wait
        refused(await rest.anonymous.post("/auth/token", NOBODY | {"email": "b@example.org"}), 401, "not_authenticated")
        rest.clock.advance(seconds=wait + 1)
        refused(await rest.anonymous.post("/auth/token", NOBODY), 401, "not_authenticated")


async def test_passwords_are_limited_by_address_whatever_the_account(storage: Storage) -> None:
    async with serving(storage, limits=small(sign_ins_from_address=2)) as rest:
        answers = [await rest.anonymous.post("/auth/token", NOBODY | {"email": f"{n}@example.org"}) for n in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]


async def test_wrong_tokens_of_one_address_keep_no_right_one_out(storage: Storage) -> None:
    async with serving(storage, limits=small(wrong_secrets=3)) as rest:
        author = await rest.person(Role.AUTHOR)
        wrong = rest.anonymous.holding(Authorization="Bearer wrong")
        for _ in range(3):
            refused(await wrong.get("/me"), 401, "not_authenticated")
        refused(await wrong.get("/me"), 429, "rate_limited")
        said(await author.get("/me"))
        refused(await rest.anonymous.get("/me"), 401, "not_authenticated")


async def test_tickets_of_one_user_are_limited_and_of_another_not(storage: Storage) -> None:
    async with serving(storage, limits=small(tickets=2)) as rest:
        one, other = await rest.person(Role.CANDIDATE), await rest.person(Role.CANDIDATE)
        for _ in range(2):
            said(await one.post("/ws-tickets"), 201)
        refused(await one.post("/ws-tickets"), 429, "rate_limited")
        said(await other.post("/ws-tickets"), 201)


@pytest.mark.parametrize("path", ["/me/applications", "/ws-tickets"])
async def test_what_a_candidate_asks_over_rest_is_limited(storage: Storage, path: str) -> None:
    async with serving(storage, limits=small(requests=2)) as rest:
        one = await rest.person(Role.CANDIDATE)
        answers = [await (one.post(path) if path == "/ws-tickets" else one.get(path)) for _ in range(3)]
    assert [answer.status_code // 100 for answer in answers] == [2, 2, 4]
    refused(answers[-1], 429, "rate_limited")


async def test_guessed_invitation_links_are_limited_and_a_right_one_opens(storage: Storage) -> None:
    services = make_services(storage, ManualClock(), limits=small(wrong_secrets=3))
    app = create_api(services)
    add_pages(app, services, setup_secret=SETUP)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE_URL) as client:
        for number in range(3):
            assert (await client.post(f"/i/guess{number}")).status_code == 404
        response = await client.post("/i/guess")
        assert response.status_code == 429
        assert 1 <= int(response.headers["Retry-After"]) <= 120
        assert (await client.post("/setup/guess")).status_code == 429
        assert (await client.post(f"/setup/{SETUP}")).status_code == 422
