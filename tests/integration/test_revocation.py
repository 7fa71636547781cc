"""Whoever is taken a right, a token or a session loses the live socket, also where another node did it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import Table, update
from websockets.exceptions import ConnectionClosed

from sitting.domain.user import first_valid_instant
from sitting.identity.sessions import COOKIE
from sitting.identity.tokens import TokenKeys, mint
from sitting.storage.database import Database
from sitting.storage.tables import users
from sitting.storage.url import DatabaseUrl
from tests.support.candidates import token_for
from tests.support.delivery import Candidate, Hall, Line, line, now, opened_hall, place_for_a_hall, seated
from tests.support.eventually import eventually
from tests.support.server import JWT_SECRET, SittingProcess

BOUND = 5.0


@dataclass(frozen=True)
class Installation:
    """A hall, where the sockets are, and a node over the same database; on SQLite it is the same process.

    Attributes:
        another: REST of the other node. same: REST of the hall's own.
    """

    hall: Hall
    another: httpx2.Client
    same: httpx2.Client

    def write(self, table: Table, *where: Any, **values: Any) -> None:
        """Change rows past all nodes, so that nobody is told."""

        async def change() -> None:
            database = Database(DatabaseUrl.parse(self.hall.url))
            async with database.writing() as connection:
                await connection.execute(update(table).where(*where).values(values))
            await database.close()

        asyncio.run(change())

    def token(self, candidate: Candidate, *, age: timedelta = timedelta(0), lifetime: timedelta = timedelta(1)) -> str:
        """Another token of theirs, issued so long ago and good for `lifetime` from then on."""
        token = mint(TokenKeys(JWT_SECRET), candidate.user_id, now=now() - age, lifetime=lifetime)
        self.hall.tokens.append(token)
        return token

    def ticket(self, **headers: str) -> str:
        """The address of a socket by a ticket, which whoever sends these headers asks for."""
        answer = self.another.post("/ws-tickets", headers=headers)
        assert answer.status_code == 201, answer.text
        self.hall.tokens.append(answer.json()["ticket"])
        return f"{self.hall.server.ws_url}?ticket={answer.json()['ticket']}"

    def address(self, token: str) -> str:
        return f"{self.hall.server.ws_url}?token={token}"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation of two nodes where there can be two, for all tests here, once for each kind of database."""
    url, directory = place_for_a_hall(request, tmp_path_factory, "revocation")
    with ExitStack() as stack:
        hall = stack.enter_context(opened_hall(url, directory))
        node = hall.server
        if request.param == "postgresql":
            node = stack.enter_context(SittingProcess.serve(url, directory))
        staff = {"Authorization": f"Bearer {hall.tokens[0]}"}
        same, another = (
            stack.enter_context(httpx2.Client(base_url=f"{each.base_url}/api/v1", headers=staff, timeout=30))
            for each in (hall.server, node)
        )
        yield Installation(hall, another, same)


@dataclass(frozen=True)
class Visit:
    """A way in, and how it is lost: both of one candidate."""

    address: str
    lose: Callable[[], httpx2.Response | None]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def logged_out(site: Installation, candidate: Candidate) -> Visit:
    token = site.token(candidate)
    return Visit(site.address(token), lambda: site.another.post("/auth/logout", headers=bearer(token)))


def logged_out_behind_a_ticket(site: Installation, candidate: Candidate) -> Visit:
    token = site.token(candidate)
    address = site.ticket(**bearer(token))
    return Visit(address, lambda: site.another.post("/auth/logout", headers=bearer(token)))


def by_session(site: Installation, candidate: Candidate) -> tuple[str, dict[str, str]]:
    """The address of a socket of whoever opened the invitation link, and the headers of that browser."""
    link = site.another.get(f"/applications/{candidate.application_id}").json()["link"]
    opened = httpx2.post(f"{site.another.base_url.copy_with(path='/i/')}{link.rpartition('/')[2]}")
    browser = {"Cookie": f"{COOKIE}={opened.cookies[COOKIE]}"}
    made = httpx2.post(f"{site.another.base_url}ws-tickets", headers=browser).json()["ticket"]
    site.hall.tokens.append(made)
    return f"{site.hall.server.ws_url}?ticket={made}", browser


def browser_signed_out(site: Installation, candidate: Candidate) -> Visit:
    address, browser = by_session(site, candidate)
    return Visit(address, lambda: httpx2.post(f"{site.another.base_url}auth/logout", headers=browser))


def browser_lost_its_link(site: Installation, candidate: Candidate) -> Visit:
    address, _ = by_session(site, candidate)
    return Visit(address, lambda: site.another.post(f"/applications/{candidate.application_id}/new-link"))


def browser_of_a_deactivated_person(site: Installation, candidate: Candidate) -> Visit:
    address, _ = by_session(site, candidate)
    return Visit(address, lambda: site.another.post(f"/users/{candidate.user_id}/deactivate"))


def tokens_revoked(site: Installation, candidate: Candidate) -> Visit:
    return Visit(candidate.address, lambda: site.another.post(f"/users/{candidate.user_id}/revoke"))


def person_deactivated(site: Installation, candidate: Candidate) -> Visit:
    return Visit(candidate.address, lambda: site.another.post(f"/users/{candidate.user_id}/deactivate"))


def password_set(site: Installation, candidate: Candidate) -> Visit:
    token = site.token(candidate, age=timedelta(minutes=1))
    body = {"password": "another one, long enough"}
    return Visit(site.address(token), lambda: site.another.put(f"/users/{candidate.user_id}/password", json=body))


def roles_changed(site: Installation, candidate: Candidate) -> Visit:
    body = {"roles": ["candidate", "reviewer"]}
    return Visit(candidate.address, lambda: site.another.patch(f"/users/{candidate.user_id}", json=body))


def roles_changed_behind_a_ticket(site: Installation, candidate: Candidate) -> Visit:
    body = {"roles": ["reviewer"]}
    address = site.ticket(**bearer(candidate.token))
    return Visit(address, lambda: site.another.patch(f"/users/{candidate.user_id}", json=body))


def said_by_message(site: Installation, candidate: Candidate) -> Visit:
    """A socket that was opened without a word, and told by `auth` whose it is."""
    return Visit(site.hall.server.ws_url, lambda: site.another.post(f"/users/{candidate.user_id}/revoke"))


def told_to_nobody(site: Installation, candidate: Candidate) -> Visit:
    """As by a node that died between commit and notice, or by hand in the database."""
    own = users.c.id == candidate.user_id
    return Visit(candidate.address, lambda: site.write(users, own, not_before=first_valid_instant(now())))


def no_role_left(site: Installation, candidate: Candidate) -> Visit:
    return Visit(candidate.address, lambda: site.write(users, users.c.id == candidate.user_id, roles=""))


CAUSES: list[Callable[[Installation, Candidate], Visit]] = [
    logged_out,
    logged_out_behind_a_ticket,
    browser_signed_out,
    browser_lost_its_link,
    browser_of_a_deactivated_person,
    tokens_revoked,
    person_deactivated,
    password_set,
    roles_changed,
    roles_changed_behind_a_ticket,
    said_by_message,
    told_to_nobody,
    no_role_left,
]


def lose(visit: Visit) -> float:
    """Take the right away; returns when that was known to be committed, by time.monotonic."""
    answer = visit.lose()
    assert answer is None or answer.status_code in (200, 204), answer.text
    return time.monotonic()


def begin(own: Line, candidate: Candidate, visit: Visit) -> dict[str, Any]:
    if "?" not in visit.address:
        own.ask("auth", "auth_success", token=candidate.token)
    return own.start(candidate)


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.__name__)
def test_p23_live_socket_is_closed_within_five_seconds(
    site: Installation, cause: Callable[[Installation, Candidate], Visit]
) -> None:
    candidate, other = site.hall.invite(), site.hall.invite()
    visit, asked = cause(site, candidate), candidate.questions[0]
    with line(visit.address) as own, seated(other) as (beside, _):
        started = begin(own, candidate, visit)
        saved = own.answer(asked, asked.right)
        lost_at = lose(visit)
        code, close_code = ("not_allowed", 4003) if cause is no_role_left else ("not_authenticated", 4001)
        own.refused(code, within=BOUND)
        assert own.closed(close_code, within=BOUND) == []
        assert time.monotonic() - lost_at < BOUND
        beside.check_alive()
    log = detached(site.hall, started["assessment_id"])
    assert log == ["started", "attached", "answered", "detached"]
    [answer] = site.hall.look(f"/assessments/{started['assessment_id']}/responses")["items"][:1]
    assert answer["seq"] == saved["seq"]


def detached(hall: Hall, assessment_id: int) -> list[str]:
    """The types of the entries in that log, as soon as its socket is noted as gone."""

    def types() -> list[str]:
        found = [entry.type for entry in hall.log_of(assessment_id)]
        assert found[-1] == "detached", found
        return found

    return eventually(types)


def test_p23_node_that_took_the_right_away_closes_at_once(site: Installation) -> None:
    for _ in range(4):  # a look at everybody may come by chance as soon, but not four times
        candidate = site.hall.invite()
        with seated(candidate) as (own, _):
            assert site.same.post(f"/users/{candidate.user_id}/deactivate").status_code == 200
            lost_at = time.monotonic()
            own.refused("not_authenticated")
            own.closed(4001)
            assert time.monotonic() - lost_at < 1


def test_p23_whose_one_token_was_revoked_comes_back_by_another(site: Installation) -> None:
    candidate = site.hall.invite()
    visit = logged_out(site, candidate)
    with line(visit.address) as own, line(candidate.address) as beside:
        own.start(candidate)
        saved = own.answer(candidate.questions[0], candidate.questions[0].right)
        lose(visit)
        own.refused("not_authenticated", within=BOUND)
        own.closed(4001)
        beside.check_alive()
        again = beside.start(candidate)
        assert (again["recovered"], [each["seq"] for each in again["responses"]]) == (True, [saved["seq"]])
    with line(visit.address) as revoked:
        revoked.refused("not_authenticated")
        revoked.closed(4001)


def test_p23_whose_roles_changed_comes_back_by_the_same_token(site: Installation) -> None:
    candidate = site.hall.invite()
    visit = roles_changed(site, candidate)
    with seated(candidate) as (own, _):
        lose(visit)
        own.refused("not_authenticated", within=BOUND)
        own.closed(4001)
    with seated(candidate) as (again, started):
        assert started["recovered"]
        again.check_alive()


def test_p23_ticket_is_void_with_what_it_was_asked_for_with(site: Installation) -> None:
    candidate = site.hall.invite()
    for cause in (logged_out_behind_a_ticket, browser_signed_out, roles_changed_behind_a_ticket):
        visit = cause(site, candidate)
        lose(visit)
        with line(visit.address) as late:
            late.refused("not_authenticated")
            late.closed(4001)


def test_p23_token_that_ends_by_its_own_time_closes_nothing(site: Installation) -> None:
    candidate, sentinel = site.hall.invite(), site.hall.invite()
    address = site.address(site.token(candidate, lifetime=timedelta(seconds=1)))
    with line(address) as own, seated(sentinel) as (watched, _):
        own.start(candidate)
        eventually(lambda: check_refused(address), within=15, every=0.5)  # a token counts a little longer than it says
        lose(told_to_nobody(site, sentinel))
        watched.closed(4001)  # so all were looked at since
        assert own.answer(candidate.questions[0], candidate.questions[0].right)["seq"]


def check_refused(address: str) -> None:
    with line(address) as late:
        with suppress(ConnectionClosed):  # turned away already: what it was told waits all the same
            late.send("heartbeat")
        assert late.read()["type"] == "error"


def test_p23_what_is_in_flight_at_the_closing_is_stored_if_it_is_acknowledged(site: Installation) -> None:
    candidate = site.hall.invite()
    rights = {asked.question_id: asked.right for asked in candidate.questions}
    with seated(candidate) as (own, started):
        for number in range(16):
            asked = candidate.questions[number % 4]
            own.send("submit_answer", question_id=asked.question_id, selected_option=asked.right)
        assert site.same.post(f"/users/{candidate.user_id}/revoke").status_code == 200
        acks = [message["data"] for message in own.closed(4001) if message["type"] == "answer_saved"]
    detached(site.hall, started["assessment_id"])
    stored = {
        (entry.seq, answer["question_id"], answer["selected_option"])
        for entry in site.hall.log_of(started["assessment_id"])
        if entry.type == "answered"
        for answer in entry.body["answers"]
    }
    assert {(ack["seq"], ack["question_id"], rights[ack["question_id"]]) for ack in acks} == stored


@pytest.mark.parametrize("site", ["postgresql"], indirect=True)  # SQLite has one writer: nobody could revoke meanwhile
def test_p23_frames_that_wait_behind_the_loss_have_no_effect(site: Installation) -> None:
    candidate = site.hall.invite()
    first, *rest = candidate.questions

    async def revoke_while_an_answer_is_being_stored(own: Line) -> None:
        async with site.hall.held_up():
            for asked in (first, *rest):
                own.send("submit_answer", question_id=asked.question_id, selected_option=asked.right)
            assert site.same.post(f"/users/{candidate.user_id}/revoke").status_code == 200
            with pytest.raises(TimeoutError):
                own.read(within=1)

    with seated(candidate) as (own, started):
        asyncio.run(revoke_while_an_answer_is_being_stored(own))
        assert own.expect("answer_saved")["question_id"] == first.question_id
        own.expect("progress_update")
        own.refused("not_authenticated")
        assert own.closed(4001) == []
    assert detached(site.hall, started["assessment_id"]) == ["started", "attached", "answered", "detached"]


def test_p23_assessment_of_a_deactivated_person_stays_as_it_is(site: Installation) -> None:
    candidate = site.hall.invite()
    with seated(candidate) as (own, started):
        lose(person_deactivated(site, candidate))
        own.refused("not_authenticated", within=BOUND)
        own.closed(4001)
    row = site.hall.look(f"/assessments/{started['assessment_id']}")
    assert (row["status"], row["end_time"]) == ("started", None)
    assert site.same.post(f"/users/{candidate.user_id}/reactivate").status_code == 200
    with seated(candidate) as (_, again):
        assert (again["recovered"], again["deadline_at"]) == (True, started["deadline_at"])


def test_p23_rest_judges_each_request_anew(site: Installation) -> None:
    candidate = site.hall.invite()
    visit = logged_out(site, candidate)
    token = visit.address.rpartition("=")[2]
    for _ in range(2):
        assert site.same.get("/me", headers=bearer(token)).status_code == 200
    lose(visit)
    assert site.same.get("/me", headers=bearer(token)).status_code == 401
    assert site.same.get("/me", headers=bearer(token_for(candidate.user_id))).status_code == 200
