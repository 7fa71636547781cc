"""Hostile frames in process and over a socket, and forged tokens at all doors; `make fuzz` runs this at length."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from random import Random

import httpx2
from websockets.exceptions import ConnectionClosed

from sitting.api import create_api
from sitting.storage.unit_of_work import Storage
from tests.integration.test_rest_access import declared
from tests.support.clock import NOON
from tests.support.delivery import Hall, line
from tests.support.forged_tokens import forged_tokens
from tests.support.fuzz import Arena, Report, WireEnd, any_frames, arena, overheard, refused_frames, whole_state
from tests.support.fuzz_results import note
from tests.support.hostile_frames import Names, hostile_frames
from tests.support.rest import BASE_URL, KEYS

SEED = int(os.environ.get("SITTING_TEST_SEED", "1"))
FRAMES = int(os.environ.get("SITTING_TEST_FRAMES", "3000"))
SOCKET_FRAMES = int(os.environ.get("SITTING_TEST_SOCKET_FRAMES", "200"))
ROUND = 1000  # frames that change something make a log grow, and whoever comes back reads it whole
DOORS = int(os.environ.get("SITTING_TEST_DOORS", "6"))  # at so many routes each forged token is tried; 0: at all


async def test_p28_frame_that_is_no_command_is_refused_and_changes_no_row(storage: Storage) -> None:
    rounds = -(-FRAMES // 2 // ROUND)
    with overheard([]):
        async with arena(storage) as room:
            for number in range(rounds):
                await refused_frames(room, FRAMES // 2 // rounds, SEED + number)
                note("frames that are no command", storage, room.report)
    assert room.report.refused == FRAMES // 2 // rounds * rounds
    assert set(room.report.replies) <= {"assessment_recovered", "question", "pong", "invalid_message", "unknown_type"}


async def test_p22_whatever_a_hostile_candidate_says_nobody_elses_rows_change(storage: Storage) -> None:
    rounds, report = -(-FRAMES // 2 // ROUND), Report()
    with overheard([]):
        for number in range(rounds):
            async with arena(storage, report) as room:
                await any_frames(room, FRAMES // 2 // rounds, SEED + number)
                note("frames of all kinds", storage, report)
    assert {"answer_saved", "invalid_message"} <= set(report.replies)


def test_p28_hostile_frames_over_a_real_socket_leave_everybody_else_as_they_were(hall: Hall) -> None:
    victim, hostile = hall.invite(), hall.invite()
    with line(victim.address) as other:
        started = other.start(victim)
        before = hall.log_of(started["assessment_id"])
        asked = [question.question_id for question in hostile.questions]
        names = Names(asked, [question.right for question in hostile.questions], [1], [started["assessment_id"]])
        frames = hostile_frames(Random(SEED), names)
        sent = 0
        while sent < SOCKET_FRAMES:
            with line(hostile.address) as own, contextlib.suppress(ConnectionClosed):
                own.start(hostile)
                for frame in itertools.islice(frames, 25):
                    own.socket.send(frame)
                    own.send("heartbeat", "still there")
                    sent += 1
                    while own.read().get("reply_to") != "still there":
                        pass
        assert hall.log_of(started["assessment_id"]) == before
        other.check_alive()
    hall.check_output()
    note("frames over a real socket", hall, Report(frames=sent))


async def test_p22_no_forged_token_opens_any_door(storage: Storage) -> None:
    async with arena(storage) as room:
        forged = list(forged_tokens(KEYS.secret, room.other.live.assessment.user_id, NOON))
        assert len(forged) >= 60
        before = await whole_state(storage)
        app = create_api(room.services)
        doors = [route for route in declared(app) if route.actions]
        step = len(doors) // DOORS if DOORS else 1
        with overheard([token for _, token in forged]):
            for number, (kind, token) in enumerate(forged):
                headers = {b"Authorization": f"Bearer {token}".encode("utf-8", "ignore")}
                transport = httpx2.ASGITransport(app, client=(f"10.0.{number}.1", 1))
                async with httpx2.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers) as client:
                    for door in doors[number % step :: step]:
                        path = f"/api/v1{door.path}".replace("{", "").replace("}", "")
                        answer = await client.request(door.method, path)
                        assert answer.status_code == 401, (kind, door, answer.text)
                        room.report.frames += 1
        assert await whole_state(storage) == before
    note(f"requests with {len(forged)} forged tokens", storage, room.report)


async def test_p22_no_forged_token_opens_a_socket(storage: Storage) -> None:
    async with arena(storage) as room:
        forged = list(forged_tokens(KEYS.secret, room.other.live.assessment.user_id, NOON))
        before = await whole_state(storage)
        with overheard([token for _, token in forged]):
            async with asyncio.TaskGroup() as attempts:  # at once: who shows nothing at all has 5 s for it
                for number, (kind, token) in enumerate(forged):
                    for query in (f"token={token}", f"ticket={token}"):
                        attempts.create_task(is_turned_away(room, kind, f"10.0.{number}.2", query))
                    attempts.create_task(is_turned_away(room, kind, f"10.0.{number}.3", "", said=token))
        assert await whole_state(storage) == before
    note(f"sockets with {len(forged)} forged tokens", storage, Report(frames=3 * len(forged)))


async def is_turned_away(room: Arena, kind: str, address: str, query: str, said: str | None = None) -> None:
    """Whoever opens a socket with that query, and perhaps says a token, is closed out as nobody."""
    wire = WireEnd(room.endpoint, query, room.report, address=address)
    if said is not None:
        await wire.say_json("auth", token=said)
    assert await wire.last_words() == 4001, (kind, query[:6])
