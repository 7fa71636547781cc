"""Stalled and hostile clients cost bounded memory and slow nobody; overload turns away starts before anything else."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from sitting.usecases.admission import MOST_RETRY_SECONDS
from tests.support.delivery import Candidate, Hall, Line, line, opened_hall, place_for_a_hall, seated
from tests.support.eventually import eventually
from tests.support.stalled import RawClient, close_code, raw_client, resident_bytes

MIB = 1024 * 1024
RSS_BOUND = 16 * MIB  # for one hostile client, whatever it sends
ACK_BOUND = 5.0  # seconds, on a machine that does much else: an ack that waits for a stalled client takes 10 or more
LONG = "How much is this? " * 1100  # 20 KB: 31 of them are more than kernel and transport take for a client


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def narrow_hall(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """A server with room for twelve sockets, one start at a time and two in the line."""
    env = {"SITTING_STARTS_AT_ONCE": "1", "SITTING_STARTS_WAITING": "2", "SITTING_MAX_CONNECTIONS": "12"}
    url, directory = place_for_a_hall(request, tmp_path_factory, "narrow")
    with opened_hall(url, directory, env=env) as opened:
        yield opened


def slowest_ack(own: Line, candidate: Candidate, number: int) -> float:
    """Answer so often, one after the other; the longest that an ack took, in seconds."""
    slowest = 0.0
    for _ in range(number):
        begun = time.monotonic()
        own.answer(candidate.questions[0], candidate.questions[0].wrong)
        slowest = max(slowest, time.monotonic() - begun)
    return slowest


def long_question(hall: Hall) -> int:
    """A published Test with one very long question."""
    body = {
        "skill": "Reading",
        "difficulty": "easy",
        "text": LONG,
        "options": [{"text": "1", "correct": True}, {"text": "2", "correct": False}],
    }
    question_id = hall.post("/questions", body)["question_id"]
    return hall.publish(sections=[{"questions": [{"question_id": question_id}]}])


def start_by_hand(client: RawClient, candidate: Candidate) -> None:
    client.send(json.dumps({"type": "start_assessment", "data": {"test_id": candidate.test_id}}))


def test_p24_client_that_reads_nothing_is_cut_off_with_4008_and_slows_nobody(hall: Hall) -> None:
    [stalled] = hall.invite_many(long_question(hall), 1)
    other = hall.invite()
    with raw_client(stalled.address) as client, seated(other) as (own, _):
        before = resident_bytes(hall.server.pid)
        start_by_hand(client, stalled)
        client.send(*['{"type":"get_question","data":{"position":1}}'] * 31)
        begun = time.monotonic()
        while time.monotonic() - begun < 12:  # beyond the time that a send may take
            assert slowest_ack(own, other, 1) < ACK_BOUND
            time.sleep(0.2)
        assert resident_bytes(hall.server.pid) - before < RSS_BOUND
        data = client.rest()
    assert close_code(data) == 4008
    assert data.count(b'"type":"question"') < 31
    hall.check_output()


def test_p24_client_that_never_reads_again_leaves_no_socket_behind(hall: Hall) -> None:
    [stalled] = hall.invite_many(long_question(hall), 1)
    with raw_client(stalled.address) as client:
        port = client.socket.getsockname()[1]
        start_by_hand(client, stalled)
        client.send(*['{"type":"get_question","data":{"position":1}}'] * 31)
        assert has_socket(hall, port)

        def gone() -> None:
            assert not has_socket(hall, port)

        eventually(gone, within=45, every=0.5)


def has_socket(hall: Hall, peer_port: int) -> bool:
    """Whether the server's end of the connection from that port is still open."""
    ours, theirs = f"{hall.server.port:04X}", f"{peer_port:04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    established = "01"
    return any(row[1].endswith(f":{ours}") and row[2].endswith(f":{theirs}") and row[3] == established for row in rows)


@pytest.mark.parametrize(
    "frame",
    [
        Frame(Opcode.TEXT, b'{"type":"heartbeat"}'),
        Frame(Opcode.PING, b"x" * 100),
        Frame(Opcode.CONT, b"", fin=False),
    ],
    ids=["heartbeats", "pings", "empty pieces"],
)
def test_p24_flood_of_one_client_costs_bounded_memory_and_slows_nobody(hall: Hall, frame: Frame) -> None:
    other = hall.invite()
    with raw_client(hall.invite().address) as client, seated(other) as (own, _), ThreadPoolExecutor(1) as pool:
        before = resident_bytes(hall.server.pid)
        if frame.opcode is Opcode.CONT:
            client.socket.sendall(Frame(Opcode.TEXT, b"", fin=False).serialize(mask=True))
        flooding = pool.submit(client.flood, frame, bytes_=32 * MIB)
        most = 0
        while not flooding.done():
            assert slowest_ack(own, other, 1) < ACK_BOUND
            most = max(most, resident_bytes(hall.server.pid) - before)
        assert flooding.result() < 32 * MIB, "the server took it all"
        assert most < RSS_BOUND
    hall.check_output()


def test_p24_client_that_goes_too_fast_is_told_to_wait_and_then_closed_with_4029(hall: Hall) -> None:
    told = []
    with line(hall.invite().address) as own:
        for _ in range(2000):
            own.send("heartbeat", "x")
            message = own.read()
            if message["type"] == "error":
                told.append(message)
            if len(told) == 100:
                break
        assert {each["data"]["code"] for each in told} == {"rate_limited"}
        assert all(each["data"]["retryable"] and each["reply_to"] == "x" for each in told)
        assert all(0 < each["data"]["details"]["retry_after_seconds"] <= 1 for each in told)
        with contextlib.suppress(ConnectionClosed):  # it may be closed before all are sent
            for _ in range(30):
                own.send("heartbeat")
        own.closed(4029)


def test_client_that_is_closed_for_its_flood_is_hung_up_on_as_soon_as_it_closes_too(hall: Hall) -> None:
    flood = Frame(Opcode.TEXT, b'{"type":"heartbeat"}').serialize(mask=True) * 1000  # more than is read at once
    with seated(hall.invite()) as (own, _):
        own.socket.socket.sendall(flood)
        own.closed(4029, within=5)


def test_p24_client_that_heeds_the_time_it_was_told_goes_on(hall: Hall) -> None:
    with line(hall.invite().address) as own:
        while (message := ask(own))["type"] != "error":
            pass
        time.sleep(message["data"]["details"]["retry_after_seconds"])
        own.check_alive()


def ask(own: Line) -> dict[str, Any]:
    own.send("heartbeat")
    return own.read()


def test_forty_answers_and_what_belongs_to_them_never_meet_the_limit(hall: Hall) -> None:
    candidate = hall.invite()
    with seated(candidate) as (own, _):
        for number in range(40):
            own.answer(candidate.questions[number % 4], candidate.questions[number % 4].right)
            own.ask("get_question", "question", position=1)
            own.send("integrity_event", kind="focus_lost")
            own.send("integrity_event", kind="focus_gained")
        own.check_alive()


async def test_p25_start_storm_turns_starts_away_with_a_time_to_come_back_and_refuses_no_answer(
    narrow_hall: Hall,
) -> None:
    hall = narrow_hall
    attached, *crowd = hall.invite_many(hall.test_id, 9)
    with ExitStack() as stack:
        own, _ = stack.enter_context(seated(attached))
        lines = [stack.enter_context(line(each.address)) for each in crowd]
        async with hall.held_up():
            for each, candidate in zip(lines, crowd, strict=True):
                each.send("start_assessment", test_id=candidate.test_id)
            refusals = [message for message in map(refused_now, lines) if message is not None]
            own.send(
                "submit_answer",
                question_id=attached.questions[0].question_id,
                selected_option=attached.questions[0].right,
            )
        assert len(refusals) >= 5, "one at work and two in the line"
        own.expect("answer_saved")
        own.expect("progress_update")
        for details in refusals:
            assert 1 <= details["retry_after_seconds"] <= MOST_RETRY_SECONDS
        assert len({details["retry_after_seconds"] for details in refusals}) > 1, "no jitter"
        assert slowest_ack(own, attached, 20) < ACK_BOUND
        check_all_start(hall, crowd)
    hall.check_output()


def refused_now(own: Line) -> dict[str, float] | None:
    """The details of a start's refusal; None if the start waits."""
    try:
        message = own.refused("unavailable", within=0.5)
    except TimeoutError:
        return None
    assert message["data"]["retryable"]
    details: dict[str, float] = message["data"]["details"]
    return details


def check_all_start(hall: Hall, crowd: list[Candidate]) -> None:
    """After the storm everybody comes in, and each has one attempt."""
    for candidate in crowd:
        with line(candidate.address) as own:
            assert own.start(candidate)["attempt"] == 1


async def test_p25_who_has_started_comes_back_while_starts_are_turned_away(narrow_hall: Hall) -> None:
    hall = narrow_hall
    back, *crowd = hall.invite_many(hall.test_id, 5)
    with seated(back) as (own, started):
        own.answer(back.questions[0], back.questions[0].right)
    with ExitStack() as stack:
        lines = [stack.enter_context(line(each.address)) for each in crowd]
        again, resumed = stack.enter_context(line(back.address)), stack.enter_context(line(back.address))
        async with hall.held_up():
            for each, candidate in zip(lines, crowd, strict=True):
                each.send("start_assessment", test_id=candidate.test_id)
            assert any(refused_now(each) for each in lines)
            again.send("start_assessment", test_id=back.test_id)
            assert refused_now(again) is None, "an open assessment goes on, and is no new start"
        assert again.expect("assessment_started")["recovered"] is True
        resumed.ask("resume_assessment", "assessment_recovered", assessment_id=started["assessment_id"])


async def test_p25_rest_turns_starts_away_with_503_and_retry_after(narrow_hall: Hall) -> None:
    hall = narrow_hall
    crowd = hall.invite_many(hall.test_id, 4)
    with ExitStack() as stack:
        lines = [stack.enter_context(line(each.address)) for each in crowd[:3]]
        async with hall.held_up():
            for each, candidate in zip(lines, crowd, strict=False):
                each.send("start_assessment", test_id=candidate.test_id)
            for each in lines:
                assert refused_now(each) is None
            response = httpx2.post(
                f"{hall.server.base_url}/api/v1/assessments",
                json={"test_id": crowd[3].test_id},
                headers={"Authorization": f"Bearer {crowd[3].token}"},
            )
    assert response.status_code == 503, response.text
    problem = response.json()
    assert (problem["code"], problem["retryable"]) == ("unavailable", True)
    assert int(response.headers["Retry-After"]) >= problem["details"]["retry_after_seconds"]


def test_one_socket_too_many_is_told_to_come_back_later(narrow_hall: Hall) -> None:
    crowd = narrow_hall.invite_many(narrow_hall.test_id, 13)
    with ExitStack() as stack:
        open_ = [stack.enter_context(with_room(each)) for each in crowd[:12]]
        last = stack.enter_context(line(crowd[12].address))
        refusal = last.refused("unavailable")
        assert 5 <= refusal["data"]["details"]["retry_after_seconds"] <= 20
        last.closed(1013)
        for each in open_:
            each.check_alive()
        open_[0].socket.close()

        def has_room() -> None:
            with line(crowd[12].address) as again:
                again.check_alive()

        eventually(has_room, also=(ConnectionClosed,))


@contextmanager
def with_room(candidate: Candidate) -> Iterator[Line]:
    """A socket of theirs that is served; those of the test before may be on their way out."""

    def opened(stack: ExitStack) -> Line:
        own = stack.enter_context(line(candidate.address))
        own.check_alive()
        return own

    with ExitStack() as stack:
        yield eventually(lambda: opened(stack), also=(ConnectionClosed,))


def test_of_nine_sockets_of_one_candidate_the_oldest_goes(hall: Hall) -> None:
    candidate = hall.invite()
    with ExitStack() as stack:
        oldest, *others = [stack.enter_context(line(candidate.address)) for _ in range(9)]
        oldest.refused("attachment_stale")
        oldest.closed(4009)
        for each in others:
            each.check_alive()


def test_p24_half_a_request_holds_no_connection_for_ever(sqlite_database_url: str, tmp_path: Path) -> None:
    with opened_hall(sqlite_database_url, tmp_path) as hall, ExitStack() as stack:

        def connected() -> socket.socket:
            made = socket.create_connection(("127.0.0.1", hall.server.port), timeout=45)
            return stack.enter_context(contextlib.closing(made))

        silent, endless, half = connected(), connected(), connected()
        silent.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        half.sendall(b"POST /api/v1/auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        endless.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        with pytest.raises(ConnectionError):
            endless.sendall(b"x" * 64 * MIB)
        assert until_the_end(silent) == b""
        assert until_the_end(half).startswith(b"HTTP/1.1 408 ")


LONG_LINES = [("?token=" + "x" * 9000, "", 414), ("", "X-Token: " + "x" * 9000 + "\r\n", 431)]


@pytest.mark.parametrize(("query", "header", "status"), LONG_LINES, ids=["address", "header"])
def test_p24_handshake_with_too_long_a_line_is_told_so_and_hung_up_on(
    hall: Hall, query: str, header: str, status: int
) -> None:
    head = (
        f"GET /ws/assessment{query} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{header}"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with contextlib.closing(socket.create_connection(("127.0.0.1", hall.server.port), timeout=10)) as connection:
        connection.sendall(head.encode())
        assert until_the_end(connection).startswith(f"HTTP/1.1 {status} ".encode())


def until_the_end(connection: socket.socket) -> bytes:
    """What comes before the server hangs up."""
    taken = b""
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(65_536):
            taken += data
    return taken
