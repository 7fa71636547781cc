"""Every code of the contract, as a client sees it on a real socket; a new code without a way to it here fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from sitting.protocol.close_codes import CloseCode
from sitting.storage.database import Database
from sitting.storage.url import DatabaseUrl
from tests.support.delivery import Hall, line, opened_hall, seated
from tests.support.stalled import close_code, raw_client


@pytest.fixture
def own_hall(sqlite_database_url: str, tmp_path: Path) -> Iterator[Hall]:
    """A server with room for two sockets that the test may stop; what database it has makes no difference here."""
    with opened_hall(sqlite_database_url, tmp_path, env={"SITTING_MAX_CONNECTIONS": "2"}) as opened:
        yield opened


def normal(hall: Hall) -> None:
    with line(hall.invite().address) as own:
        own.socket.close()
        own.closed(1000)


def binary_frame(hall: Hall) -> None:
    with line(hall.invite().address) as own:
        own.socket.send(b"{}")
        own.closed(1003)


def frame_too_large(hall: Hall) -> None:
    with line(hall.invite().address) as own:
        own.socket.send("x" * 65_537)
        own.closed(1009)


def no_pong(hall: Hall) -> None:
    with raw_client(hall.invite().address) as client:
        client.socket.settimeout(60)
        assert close_code(client.rest()) == 1011


def restart(hall: Hall) -> None:
    with line(hall.invite().address) as own:
        hall.server.terminate()
        own.closed(1012)
    hall.server.start()


def no_room(hall: Hall) -> None:
    first, second, third = (hall.invite() for _ in range(3))
    with line(first.address), line(second.address), line(third.address) as own:
        assert own.closed(1013)[0]["data"]["details"]["retry_after_seconds"] > 0


def nobody_said_who_they_are(hall: Hall) -> None:
    with line(hall.server.ws_url) as own:
        own.closed(4001)


def no_role_left(hall: Hall) -> None:
    candidate = hall.invite()

    async def take_roles() -> None:
        database = Database(DatabaseUrl.parse(hall.url))
        async with database.writing() as connection:
            await connection.execute(text("UPDATE users SET roles = '' WHERE id = :id"), {"id": candidate.user_id})
        await database.close()

    with line(candidate.address) as own:
        own.check_alive()
        asyncio.run(take_roles())
        own.closed(4003)


def no_such_path(hall: Hall) -> None:
    with line(hall.server.ws_url.replace("assessment", "nothing")) as own:
        own.closed(4004)


def too_slow(hall: Hall) -> None:
    text_ = "How much is this? " * 1100
    options = [{"text": "1", "correct": True}, {"text": "2", "correct": False}]
    body = {"skill": "Reading", "difficulty": "easy", "text": text_, "options": options}
    question_id = hall.post("/questions", body)["question_id"]
    [candidate] = hall.invite_many(hall.publish(sections=[{"questions": [{"question_id": question_id}]}]), 1)
    with raw_client(candidate.address) as client, line(hall.invite().address) as other:
        client.send(json.dumps({"type": "start_assessment", "data": {"test_id": candidate.test_id}}))
        client.send(*['{"type":"get_question","data":{"position":1}}'] * 31)
        with pytest.raises(TimeoutError):
            other.read(within=13)  # this long, nothing is read
        assert close_code(client.rest()) == 4008


def taken_over(hall: Hall) -> None:
    candidate = hall.invite()
    with seated(candidate) as (own, _), seated(candidate):
        own.closed(4009)


def ended(hall: Hall) -> None:
    with seated(hall.invite()) as (own, started):
        assert hall.act(started["assessment_id"], "end", {"reason": "The fire alarm went off."}).status_code == 200
        own.closed(4010)


def too_many_at_once(hall: Hall) -> None:
    with raw_client(hall.invite().address) as client:
        client.send(*['{"type":"heartbeat"}'] * 400)
        assert close_code(client.rest()) == 4029


WAYS: dict[CloseCode, Callable[[Hall], None]] = {
    CloseCode.NORMAL: normal,
    CloseCode.UNSUPPORTED_DATA: binary_frame,
    CloseCode.MESSAGE_TOO_BIG: frame_too_large,
    CloseCode.INTERNAL_ERROR: no_pong,
    CloseCode.SERVICE_RESTART: restart,
    CloseCode.TRY_AGAIN_LATER: no_room,
    CloseCode.NOT_AUTHENTICATED: nobody_said_who_they_are,
    CloseCode.NOT_ALLOWED: no_role_left,
    CloseCode.NOT_FOUND: no_such_path,
    CloseCode.TOO_SLOW: too_slow,
    CloseCode.REPLACED: taken_over,
    CloseCode.ASSESSMENT_OVER: ended,
    CloseCode.TOO_MANY_MESSAGES: too_many_at_once,
}


@pytest.mark.parametrize("code", list(CloseCode), ids=lambda code: str(int(code)))
def test_socket_closes_with_the_code_of_the_contract(own_hall: Hall, code: CloseCode) -> None:
    WAYS[code](own_hall)
