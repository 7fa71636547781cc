"""A node that was told to stop: it takes nobody new, says so, and lets those who are there go a few at a time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from sitting.delivery.draining import MOST_APART_SECONDS
from sitting.usecases.check_readiness import DRAINING
from tests.support.delivery import QUESTIONS, V1, Candidate, Hall, Line, line, opened_hall, seated
from tests.support.eventually import eventually

SOCKETS = 50
SECONDS = 3.0
BURST = 10


@dataclass
class Seen:
    """What one candidate sent and got until the socket closed, and when that was."""

    assessment_id: int = 0
    sent: int = 0
    saved: list[dict[str, Any]] = field(default_factory=list)
    code: int | None = None
    at: float = 0.0


async def answer_until_closed(socket: ClientConnection, candidate: Candidate, seen: Seen) -> None:
    """One answer after the other, each as soon as the last one is acknowledged."""
    with suppress(ConnectionClosed):
        while True:
            asked = candidate.questions[seen.sent % QUESTIONS]
            data = {"question_id": asked.question_id, "selected_option": asked.right}
            seen.sent += 1
            await socket.send(json.dumps({"type": "submit_answer", "data": data}))
            while (message := json.loads(await socket.recv()))["type"] != "answer_saved":
                assert message["type"] != "error", message
            seen.saved.append({**message["data"], "selected_option": asked.right})
            await asyncio.sleep(0.2)
    seen.code, seen.at = socket.close_code, time.monotonic()


async def begin(candidate: Candidate) -> tuple[ClientConnection, Seen]:
    socket = await connect(candidate.address, subprotocols=[V1])  # type: ignore[list-item]
    await socket.send(json.dumps({"type": "start_assessment", "data": {"test_id": candidate.test_id}}))
    while (message := json.loads(await socket.recv()))["type"] != "assessment_started":
        assert message["type"] != "error", message
    return socket, Seen(message["data"]["assessment_id"])


async def stop_amid(hall: Hall, candidates: list[Candidate]) -> list[Seen]:
    """All are at work; the node is told to stop; what each of them saw."""
    begun = [await begin(candidate) for candidate in candidates]
    tasks = [
        asyncio.create_task(answer_until_closed(socket, candidate, seen))
        for candidate, (socket, seen) in zip(candidates, begun, strict=True)
    ]
    os.kill(hall.server.pid, signal.SIGTERM)
    await asyncio.wait_for(asyncio.gather(*tasks), 30)
    return [seen for _, seen in begun]


def stored_answers(hall: Hall, assessment_id: int) -> set[tuple[int, str]]:
    entries = [entry for entry in hall.log_of(assessment_id) if entry.type == "answered"]
    return {(entry.seq, answer["selected_option"]) for entry in entries for answer in entry.body["answers"]}


def test_fifty_sockets_get_1012_one_after_the_other_and_no_acknowledged_answer_is_lost(
    database_url: str, tmp_path: Path
) -> None:
    with opened_hall(database_url, tmp_path, env={"SITTING_DRAIN_SECONDS": str(SECONDS)}) as hall:
        candidates = hall.invite_many(hall.test_id, SOCKETS)
        everybody = asyncio.run(stop_amid(hall, candidates))
        assert hall.server.ended() == 0
        assert {seen.code for seen in everybody} == {1012}
        times = sorted(seen.at for seen in everybody)
        assert times[-1] - times[0] > SECONDS * 0.7
        assert max(later - one for one, later in pairwise(times)) < SECONDS / 2, "all in a crowd"
        for seen in everybody:
            stored = stored_answers(hall, seen.assessment_id)
            assert {(saved["seq"], saved["selected_option"]) for saved in seen.saved} <= stored
            assert len(stored) <= seen.sent
        assert sum(len(seen.saved) for seen in everybody) > SOCKETS, "nobody was at work during the drain"


def answer_in_a_burst(own: Line, candidate: Candidate) -> None:
    for number in range(BURST):
        asked = candidate.questions[number % QUESTIONS]
        own.send("submit_answer", question_id=asked.question_id, selected_option=asked.right)
    own.send("heartbeat")  # its pong is the first thing that comes if the answers do not


async def burst_and_stop(hall: Hall, own: Line, candidate: Candidate) -> None:
    """The database takes nothing while the answers come and the node is told to stop."""
    async with hall.held_up():
        await asyncio.to_thread(answer_in_a_burst, own, candidate)
        os.kill(hall.server.pid, signal.SIGTERM)
        await asyncio.to_thread(eventually, lambda: check_draining(hall))


def check_draining(hall: Hall) -> None:
    response = httpx2.get(f"{hall.server.base_url}/readyz", timeout=10)
    assert response.status_code == 503, response.text
    assert DRAINING in response.json()["details"]["reasons"]


def test_frames_that_came_before_their_socket_s_turn_are_answered(database_url: str, tmp_path: Path) -> None:
    with opened_hall(database_url, tmp_path) as hall:
        candidate = hall.invite()
        with seated(candidate) as (own, started):
            asyncio.run(burst_and_stop(hall, own, candidate))
            acks = [message["data"] for message in own.closed(1012) if message["type"] == "answer_saved"]
        assert hall.server.ended() == 0
        assert len(acks) == BURST
        assert {ack["seq"] for ack in acks} == {seq for seq, _ in stored_answers(hall, started["assessment_id"])}


@contextmanager
def waiting_sockets(hall: Hall, number: int) -> Iterator[list[Line]]:
    """So many with nothing to do: closing them one after the other takes a tenth of a second each."""
    candidates = hall.invite_many(hall.test_id, number)
    with ExitStack() as stack:
        sockets = [stack.enter_context(line(each.address)) for each in candidates]
        for each in sockets:
            each.check_alive()
        yield sockets


def test_node_that_drains_says_so_takes_no_start_and_sends_new_sockets_elsewhere(
    database_url: str, tmp_path: Path
) -> None:
    with opened_hall(database_url, tmp_path, env={"SITTING_DRAIN_SECONDS": "60"}) as hall:
        open_one, newcomer = hall.invite(), hall.invite()
        with seated(open_one), waiting_sockets(hall, 2 * SOCKETS):
            os.kill(hall.server.pid, signal.SIGTERM)
            eventually(lambda: check_draining(hall))
            assert httpx2.get(f"{hall.server.base_url}/healthz").status_code == 200
            refused = start_over_rest(hall, newcomer)
            with line(newcomer.address) as late:
                assert late.closed(1012) == []
            goes_on = start_over_rest(hall, open_one)
        assert hall.server.ended(within=30) == 0
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert refused.json()["details"]["retry_after_seconds"] >= 2
    assert goes_on.status_code == 200, "who goes on with an open assessment starts nothing"


def start_over_rest(hall: Hall, candidate: Candidate) -> httpx2.Response:
    return httpx2.post(
        f"{hall.server.base_url}/api/v1/assessments",
        json={"test_id": candidate.test_id},
        headers={"Authorization": f"Bearer {candidate.token}"},
        timeout=10,
    )


def test_second_signal_sends_all_that_are_left_elsewhere_at_once(sqlite_database_url: str, tmp_path: Path) -> None:
    with (
        opened_hall(sqlite_database_url, tmp_path, env={"SITTING_DRAIN_SECONDS": "300"}) as hall,
        waiting_sockets(hall, 2 * SOCKETS) as sockets,
    ):
        os.kill(hall.server.pid, signal.SIGTERM)
        eventually(lambda: check_draining(hall))
        told_again = time.monotonic()
        assert hall.server.terminate() == 0  # the second signal
        assert time.monotonic() - told_again < SOCKETS * 2 * MOST_APART_SECONDS / 2
        for each in sockets:
            assert each.closed(1012) == []


def test_node_with_nobody_on_it_ends_at_once(sqlite_database_url: str, tmp_path: Path) -> None:
    with opened_hall(sqlite_database_url, tmp_path, env={"SITTING_DRAIN_SECONDS": "300"}) as hall:
        assert hall.server.terminate(within=10) == 0
