"""Clients as they should not be: many at once, stalled, or speaking nonsense."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import connect

from tests.faults.nemesis.candidates import LOST_LINK
from tests.faults.nemesis.faults import Fault, NotReached, Scene
from tests.faults.nemesis.setup import Person

STALLED, STALLED_SECONDS = 3, 6.0
STORM = 40

GARBAGE: dict[str, bytes | str] = {
    "wrong UTF-8": b'{"type":"submit_answer","data":{"question_id":"\xff\xfe"}}',
    "too large": json.dumps({"type": "get_progress", "data": {"x": "y" * 70_000}}),
    "very deep": "[" * 30_000 + "]" * 30_000,
    "NaN": '{"type":"submit_answer","data":{"question_id":"q_1","value":NaN}}',
    "2^63": '{"type":"submit_answer","data":{"question_id":"q_1","client_seq":9223372036854775808}}',
    "duplicate keys": '{"type":"get_progress","type":"heartbeat","data":{},"data":{}}',
    "no JSON": "hello",
    "NUL": '{"type":"submit_answer","data":{"question_id":"q_1","value":"\\u0000"}}',
}
FRAGMENTS = ["{", '"type":', "[]"]


def client_faults() -> list[Fault]:
    return [
        Fault("garbage frames", speak_nonsense, is_gentle=True),
        Fault("stalled readers", stall, is_gentle=True),
        Fault("start storm", start_storm, is_gentle=True),
        Fault("deadline storm", deadline_storm, is_gentle=True),
    ]


async def _person(scene: Scene) -> Person:
    try:
        async with asyncio.timeout(10):
            return await scene.workload.invitations.next()
    except TimeoutError:
        raise NotReached from None


def _socket(scene: Scene, person: Person, **options: Any) -> connect:
    address = f"{scene.some_node().client_url}?token={person.token}&test_id={person.test_id}"
    more: dict[str, Any] = {"subprotocols": ["sitting.v1"], "compression": None, "proxy": None}
    return connect(address, open_timeout=5, close_timeout=0.5, ping_interval=None, **more, **options)


async def speak_nonsense(scene: Scene) -> str:
    """Each on a connection of its own, and none of it may be taken for a command."""
    person = await _person(scene)
    said = 0
    for frame in GARBAGE.values():
        with suppress(*LOST_LINK):
            async with asyncio.timeout(8), _socket(scene, person) as socket:
                await socket.send(json.dumps({"type": "start_assessment", "data": {"test_id": person.test_id}}))
                await socket.recv()
                await socket.send(frame, text=True)
                await socket.send(FRAGMENTS)
                said += 1
                for _ in range(4):
                    async with asyncio.timeout(0.5):
                        await socket.recv()
    if not said:
        raise NotReached
    return f"{said} frames"


async def stall(scene: Scene) -> str:
    """They ask and ask, and read nothing."""
    people = [await _person(scene) for _ in range(STALLED)]
    done = await asyncio.gather(*(_stall(scene, person) for person in people))
    if not any(done):
        raise NotReached
    return f"{sum(done)} readers"


async def _stall(scene: Scene, person: Person) -> bool:
    is_attached = False
    with suppress(*LOST_LINK):
        async with asyncio.timeout(STALLED_SECONDS), _socket(scene, person, max_queue=1) as socket:
            await socket.send(json.dumps({"type": "start_assessment", "data": {"test_id": person.test_id}}))
            await socket.recv()
            is_attached = True
            while True:
                await socket.send(json.dumps({"type": "get_question", "data": {"position": 1}}))
                await asyncio.sleep(0.05)
    return is_attached


async def start_storm(scene: Scene) -> str:
    """Several devices of each start at one moment, on all nodes; each person gets one assessment."""
    people = [await _person(scene) for _ in range(STORM // 4)]
    for person in people:
        for _ in range(4):
            scene.workload.seat(person)
    await asyncio.sleep(2)
    return f"{STORM} starts of {len(people)} people"


async def deadline_storm(scene: Scene) -> str:
    """More than usual end with the Test that closes next."""
    wave = scene.workload.invitations.nearest_wave()
    people = [] if wave is None else await scene.workload.invitations.invite(wave[0], STORM, wave[1], wave[2])
    if not people:
        raise NotReached
    for person in people:
        scene.workload.seat(person)
    await asyncio.sleep(1)
    return f"{len(people)} more"
