"""How a socket is opened, whose it is, and how those are turned away who may not have one."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx2
import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sitting.identity.sessions import COOKIE
from sitting.identity.tokens import TokenKeys, mint
from sitting.storage.tables import assessments
from tests.support.candidates import token_for
from tests.support.delivery import V1, Candidate, Hall, line, now, seated
from tests.support.server import JWT_SECRET

HOUR = timedelta(hours=1)


def claims(**more: Any) -> dict[str, Any]:
    return {"exp": int((now() + HOUR).timestamp())} | more


def signed(**more: Any) -> str:
    """A token with our own signature, whatever it claims."""
    return jwt.encode(claims(**more), JWT_SECRET, algorithm="HS256")


def unsigned(user_id: int) -> str:
    header, body = ({"alg": "none", "typ": "JWT"}, claims(user_id=user_id))
    return ".".join(
        [*(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, body)), ""]
    )


BAD_TOKENS: dict[str, Any] = {
    "a letter": lambda _: "x",
    "no token": lambda _: "not.a.token",
    "expired": lambda user_id: mint(TokenKeys(JWT_SECRET), user_id, now=now() - 2 * HOUR, lifetime=HOUR),
    "signed by somebody else": lambda user_id: mint(
        TokenKeys("somebody else's secret, long enough"), user_id, now=now(), lifetime=HOUR
    ),
    "unsigned": unsigned,
    "without an end": lambda user_id: jwt.encode({"user_id": user_id}, JWT_SECRET, algorithm="HS256"),
    "of nobody": lambda _: token_for(987_654_321),
    "of a number beyond 64 bits": lambda _: signed(user_id=2**63),
    "of nobody outside": lambda _: signed(sub="nobody"),
    "of a subject with NUL": lambda _: signed(sub="no\0body"),
    "of half a character": lambda _: signed(sub="\ud800"),
    "with a NUL in its own id": lambda user_id: signed(user_id=user_id, jti="no\0thing"),
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
def test_token_that_is_not_valid_gets_an_error_and_4001(hall: Hall, kind: str) -> None:
    candidate = hall.invite()
    token = BAD_TOKENS[kind](candidate.user_id)
    with line(f"{hall.server.ws_url}?token={token}&test_id={candidate.test_id}") as by_address:
        by_address.refused("not_authenticated")
        assert by_address.closed(4001) == []
    with line(hall.server.ws_url) as by_message:
        by_message.send("auth", "a", token=token)
        assert by_message.refused("not_authenticated")["reply_to"] == "a"
        assert by_message.closed(4001) == []


def test_token_in_the_address_is_all_that_a_client_needs(hall: Hall) -> None:
    candidate = hall.invite()
    with line(f"{hall.server.ws_url}?token={candidate.token}") as own:
        assert own.start(candidate)["application_id"] == candidate.application_id
    with line(candidate.address) as own:
        started = own.ask("start_assessment", "assessment_started")
        assert (started["test_id"], started["recovered"]) == (candidate.test_id, True)


def test_ticket_opens_one_socket_and_no_second(hall: Hall) -> None:
    candidate = hall.invite()
    made = hall.post("/ws-tickets", token=candidate.token)
    assert made["expires_in_seconds"] == 30
    hall.tokens.append(made["ticket"])
    address = f"{hall.server.ws_url}?ticket={made['ticket']}"
    with line(address) as own:
        assert own.start(candidate)["application_id"] == candidate.application_id
    with line(address) as second:
        second.refused("not_authenticated")
        second.closed(4001)


def test_of_many_sockets_with_one_ticket_exactly_one_is_let_in(hall: Hall) -> None:
    ticket = hall.post("/ws-tickets", token=hall.invite().token)["ticket"]
    hall.tokens.append(ticket)

    async def first_word() -> str:
        async with connect(f"{hall.server.ws_url}?ticket={ticket}") as socket:
            with suppress(ConnectionClosed):  # turned away already: what it was told waits all the same
                await socket.send('{"type":"heartbeat"}')
            word: str = json.loads(await socket.recv())["type"]
            return word

    async def rush() -> list[str]:
        return await asyncio.gather(*(first_word() for _ in range(8)))

    assert sorted(asyncio.run(rush())) == ["error"] * 7 + ["pong"]


def test_first_message_may_say_who_it_is(hall: Hall) -> None:
    candidate = hall.invite()
    with line(hall.server.ws_url) as own:
        own.send("auth", "a-1", token=candidate.token)
        message = own.read()
        assert (message["type"], message["reply_to"]) == ("auth_success", "a-1")
        assert message["data"]["user_id"] == candidate.user_id
        assert set(message["data"]) == {"user_id", "connection_id", "server_time"}
        own.send("auth", "a-2", token=hall.invite().token)
        assert own.refused("invalid_message")["reply_to"] == "a-2"
        assert own.start(candidate)["application_id"] == candidate.application_id


@pytest.mark.parametrize("type_", ["start_assessment", "heartbeat", "get_progress"])
def test_any_other_first_message_is_refused_with_4001(hall: Hall, type_: str) -> None:
    with line(hall.server.ws_url) as stranger:
        stranger.send(type_, "m")
        assert stranger.refused("not_authenticated")["reply_to"] == "m"
        assert stranger.closed(4001) == []


def test_whoever_does_not_say_who_it_is_within_five_seconds_is_let_go_with_4001(hall: Hall) -> None:
    with line(hall.server.ws_url) as silent, line(hall.server.ws_url) as babbling:
        opened = time.monotonic()
        babbling.socket.send("{}")
        babbling.refused("invalid_message")
        assert silent.closed(4001) == []
        assert time.monotonic() - opened > 4.5
        assert babbling.closed(4001) == []


@pytest.mark.parametrize("test_id", ["987654321", "0", "-1", "abc", "1.0", "9007199254740993", "9" * 5000])
def test_unknown_test_in_the_address_is_refused_with_4004(hall: Hall, test_id: str) -> None:
    with line(f"{hall.server.ws_url}?token={hall.invite().token}&test_id={test_id}") as own:
        own.refused("test_not_found")
        assert own.closed(4004) == []


@pytest.mark.parametrize("spelling", ["+{}", "%2B{}", "%20{}", "{}%0A", "0_{}", "{}.0", "%D9%A0{}", "0x{}"])
def test_id_in_the_address_that_is_no_decimal_text_is_no_id(hall: Hall, spelling: str) -> None:
    with line(f"{hall.server.ws_url}?token={hall.invite().token}&test_id={spelling.format(hall.test_id)}") as own:
        own.refused("test_not_found")
        assert own.closed(4004) == []


def test_message_may_not_name_another_test_than_the_address(hall: Hall) -> None:
    candidate = hall.invite()
    other = hall.publish()
    with line(candidate.address) as own:
        own.send("start_assessment", test_id=other)
        own.refused("not_allowed")
        assert hall.rows(assessments, user_id=candidate.user_id) == []
        assert own.start(candidate)["test_id"] == candidate.test_id


def test_start_that_names_no_test_at_all_is_refused(hall: Hall) -> None:
    with line(f"{hall.server.ws_url}?token={hall.invite().token}") as own:
        own.send("start_assessment")
        own.refused("invalid_message")
        own.check_alive()


def test_ids_may_be_decimal_text_and_are_compared_as_numbers(hall: Hall) -> None:
    candidate = hall.invite()
    address = f"{hall.server.ws_url}?token={candidate.token}&test_id=00{candidate.test_id}"
    with line(address) as own:
        started = own.ask(
            "start_assessment",
            "assessment_started",
            test_id=str(candidate.test_id),
            application_id=f"0{candidate.application_id}",
        )
        assert (started["test_id"], started["application_id"]) == (candidate.test_id, candidate.application_id)
    with line(address) as own:
        resumed = own.ask("resume_assessment", "assessment_recovered", assessment_id=str(started["assessment_id"]))
        assert resumed["assessment_id"] == started["assessment_id"]


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null"])
def test_with_a_token_or_a_ticket_the_page_may_come_from_anywhere(hall: Hall, origin: str) -> None:
    candidate = hall.invite()
    with line(candidate.address, origin=origin) as own:
        own.check_alive()
    with line(hall.server.ws_url, origin=origin) as own:
        own.ask("auth", "auth_success", token=candidate.token)
    ticket = hall.post("/ws-tickets", token=candidate.token)["ticket"]
    hall.tokens.append(ticket)
    with line(f"{hall.server.ws_url}?ticket={ticket}", origin=origin) as own:
        own.check_alive()


@pytest.mark.parametrize("is_our_page", [True, False], ids=["our page", "another page"])
def test_cookie_alone_opens_no_socket_wherever_the_page_comes_from(hall: Hall, is_our_page: bool) -> None:
    cookie = browser_of(hall, hall.invite())
    origin = hall.server.base_url if is_our_page else "https://elsewhere.example"
    with line(hall.server.ws_url, origin=origin, additional_headers={"Cookie": cookie}) as own:
        own.send("heartbeat", "m")
        assert own.refused("not_authenticated")["reply_to"] == "m"
        assert own.closed(4001) == []


def test_cookie_buys_a_ticket_that_opens_one_socket_of_its_candidate(hall: Hall) -> None:
    candidate = hall.invite()
    cookie, address = browser_of(hall, candidate), f"{hall.server.base_url}/api/v1/ws-tickets"
    refused = httpx2.post(address, headers={"Cookie": cookie, "Origin": "https://elsewhere.example"})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    ticket = httpx2.post(address, headers={"Cookie": cookie, "Origin": hall.server.base_url}).json()["ticket"]
    hall.tokens.append(ticket)
    with line(f"{hall.server.ws_url}?ticket={ticket}") as own:
        assert own.start(candidate)["application_id"] == candidate.application_id


def test_ticket_counts_where_a_token_stands_beside_it(hall: Hall) -> None:
    candidate = hall.invite()
    with line(f"{candidate.address}&ticket=unknown") as own:
        own.refused("not_authenticated")
        own.closed(4001)


def browser_of(hall: Hall, candidate: Candidate) -> str:
    """The Cookie header of a browser in which the candidate opened the invitation link."""
    link = hall.look(f"/applications/{candidate.application_id}")["link"]
    opened = httpx2.post(f"{hall.server.base_url}/i/{link.rpartition('/')[2]}")
    hall.tokens.append(opened.cookies[COOKIE])
    return f"{COOKIE}={opened.cookies[COOKIE]}"


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(None, None), ([V1], V1), (["graphql-ws"], None), (["graphql-ws", V1], V1), (["SITTING.V1"], None)],
)
def test_subprotocol_is_chosen_only_if_it_was_offered(hall: Hall, offered: Any, chosen: str | None) -> None:
    with line(hall.invite().address, subprotocols=offered) as own:
        assert own.socket.subprotocol == chosen
        own.check_alive()


@pytest.mark.parametrize("path", ["/ws", "/ws/assessment/", "/ws/assessments", "/"])
def test_there_is_no_other_socket(hall: Hall, path: str) -> None:
    address = hall.server.ws_url.replace("/ws/assessment", path)
    with line(f"{address}?token={hall.invite().token}") as own:
        assert own.closed(4004) == []


def test_no_token_and_no_ticket_is_ever_logged(hall: Hall) -> None:
    candidate, stranger = hall.invite(), hall.invite()
    ticket = hall.post("/ws-tickets", token=candidate.token)["ticket"]
    hall.tokens.append(ticket)
    with seated(candidate), line(f"{hall.server.ws_url}?ticket={ticket}") as own:
        own.check_alive()
    with line(f"{hall.server.ws_url}/elsewhere?ticket={ticket}&token={stranger.token}") as lost:
        lost.closed(4004)
    with line(hall.server.ws_url) as own:
        own.ask("auth", "auth_success", token=stranger.token)
    assert "/ws/assessment" in hall.output(), "the address is logged without what is behind the question mark"
    hall.check_output()


@pytest.mark.parametrize("spelling", ["?name=O'Hara&token=", "%3Ftoken=", ";token=", '?name="&token='])
def test_token_in_an_address_that_is_badly_put_together_is_not_logged_either(hall: Hall, spelling: str) -> None:
    with line(f"{hall.server.ws_url}{spelling}{hall.invite().token}") as own, suppress(ConnectionClosed):
        own.send("heartbeat")
        own.read()
    hall.check_output()
