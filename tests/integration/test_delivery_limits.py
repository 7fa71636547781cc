"""What a client may not do to the server, and what becomes of it if it does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack

import pytest
from websockets.frames import Frame, Opcode

from tests.support.delivery import Hall, Line, line, seated

HEARTBEAT = b'{"type":"heartbeat"}'
GARBAGE = {
    "nothing": "",
    "no JSON": "hello",
    "a list": "[]",
    "a number": "7",
    "cut off": '{"type":"heartbeat","da',
    "no type": '{"data":{}}',
    "data that is no object": '{"type":"heartbeat","data":[]}',
    "NaN": '{"type":"integrity_event","data":{"kind":"paste","detail":{"a":NaN}}}',
    "infinity": '{"type":"integrity_event","data":{"kind":"paste","detail":{"a":1e999}}}',
    "very deep": '{"type":"integrity_event","data":{"kind":"paste","detail":'
    + '{"a":' * 8000
    + "1"
    + "}" * 8000
    + "}}",
    "very deep and not closed": '{"type":"heartbeat","data":{"a":' + "[" * 60_000,
    "a key twice": '{"type":"get_progress","data":{"a":1,"a":2}}',
    "a type twice": '{"type":"get_progress","type":"complete_assessment"}',
    "NUL": '{"type":"integrity_event","data":{"kind":"paste","detail":"a\\u0000b"}}',
    "a bare NUL": '{"type":"integrity_event","data":{"kind":"paste","detail":"a\0b"}}',
    "2^63": '{"type":"integrity_event","data":{"kind":"paste","detail":{"a":9223372036854775808}}}',
    "a client_seq of 2^63": '{"type":"submit_answer","data":{"question_id":"q","selected_option":null,'
    '"client_id":"c","client_seq":9223372036854775808}}',
    "5000 digits": '{"type":"get_question","data":{"position":' + "9" * 5000 + "}}",
    "half a character": '{"type":"integrity_event","data":{"kind":"paste","detail":"\\ud800"}}',
    "half a character as key": '{"type":"integrity_event","data":{"kind":"paste","detail":{"\\ud800":1}}}',
    "half a character as client": '{"type":"submit_answer","data":{"question_id":"q","selected_option":null,'
    '"client_id":"\\udfff","client_seq":1}}',
    "an id of 65 characters": '{"type":"heartbeat","id":"' + "x" * 65 + '"}',
}


HOSTILE_ANSWERS = {
    "NUL": '"selected_option":"a\\u0000b"',
    "2^63": '"selected_option":null,"client_id":"c","client_seq":9223372036854775808',
    "base_seq of 2^63": '"selected_option":null,"client_id":"c","client_seq":1,"base_seq":9223372036854775808',
    "half a character": '"value":"\\ud800"',
    "a key twice": '"selected_option":null,"selected_option":"a"',
    "NaN": '"value":NaN',
    "very deep": '"value":' + "[" * 30_000 + "]" * 30_000,
}


def burst(own: Line, frames: Sequence[bytes]) -> None:
    """So many text frames in one write, as a hostile client or a stalled network delivers them."""
    own.socket.socket.sendall(b"".join(Frame(Opcode.TEXT, data).serialize(mask=True) for data in frames))


@pytest.mark.parametrize("v1", [True, False])
def test_p28_garbage_is_refused_as_a_message_and_changes_nothing(hall: Hall, v1: bool) -> None:
    with seated(hall.invite(), v1=v1) as (own, started):
        before = hall.log_of(started["assessment_id"])
        for text in GARBAGE.values():
            own.socket.send(text)
            own.refused("invalid_message")
        own.check_alive()
        assert hall.log_of(started["assessment_id"]) == before
    hall.check_output()


@pytest.mark.parametrize("depth", [200, 900, 950, 980, 990, 1000, 1100])
def test_detail_of_any_depth_is_noted_or_refused(hall: Hall, depth: int) -> None:
    detail = '{"":' * (depth // 2) + "[" * (depth // 2) + "]" * (depth // 2) + "}" * (depth // 2)
    with seated(hall.invite()) as (own, _):
        own.socket.send(f'{{"type":"integrity_event","data":{{"kind":"paste","detail":{detail}}}}}')
        own.send("heartbeat")
        message = own.read()
        if message["type"] == "error":
            assert message["data"]["code"] == "invalid_message"
            own.expect("pong")
    hall.check_output()


def test_invalid_utf8_closes_with_1007(hall: Hall) -> None:
    with seated(hall.invite()) as (own, started):
        before = hall.log_of(started["assessment_id"])
        burst(own, [b'{"type":"get_progress","data":{"a":"\xff"}}'])
        assert own.closed(1007) == []
        after = [entry.type for entry in hall.log_of(started["assessment_id"])[len(before) :]]
        assert set(after) <= {"detached"}
    hall.check_output()


def test_binary_frame_closes_with_1003_behind_the_answers_to_what_came_before(hall: Hall) -> None:
    with line(hall.invite().address) as own:
        own.send("heartbeat", "m")
        own.socket.send(HEARTBEAT)
        assert [message.get("reply_to") for message in own.closed(1003)] == ["m"]


def test_frame_of_64_kib_is_read_and_a_larger_one_closes_with_1009(hall: Hall) -> None:
    with line(hall.invite().address, v1=False) as own:
        padded = json.dumps({"type": "heartbeat", "data": {"x": ""}})
        own.socket.send(padded.replace('""', f'"{"x" * (65_536 - len(padded))}"'))
        own.expect("pong")
        own.socket.send(padded.replace('""', f'"{"x" * (65_537 - len(padded))}"'))
        assert own.closed(1009) == []


def test_message_in_small_pieces_is_too_large_all_the_same(hall: Hall) -> None:
    with line(hall.invite().address) as own:
        own.socket.send(["x" * 1000] * 66)
        assert own.closed(1009) == []


def test_as_many_frames_as_may_wait_are_all_answered_in_their_order(hall: Hall) -> None:
    with seated(hall.invite()) as (own, _):
        for _ in range(2):
            burst(own, [json.dumps({"type": "heartbeat", "id": str(n)}).encode() for n in range(32)])
            assert [own.read()["reply_to"] for _ in range(32)] == [str(n) for n in range(32)]


def test_p24_more_unanswered_frames_than_may_wait_close_with_4029(hall: Hall) -> None:
    candidate = hall.invite()
    asked = candidate.questions[0]
    answer = {"question_id": asked.question_id, "selected_option": asked.right}
    with seated(candidate) as (own, started):
        burst(own, [json.dumps({"type": "submit_answer", "data": answer}).encode()] * 200)
        acks = [message["data"]["seq"] for message in own.closed(4029) if message["type"] == "answer_saved"]
    with line(candidate.address) as own:
        own.start(candidate)
    stored = [entry.seq for entry in hall.log_of(started["assessment_id"]) if entry.type == "answered"]
    assert set(acks) <= set(stored)
    assert len(stored) <= 32


def test_one_clients_flood_leaves_the_others_alone(hall: Hall) -> None:
    with line(hall.invite().address) as flood, seated(hall.invite()) as (own, _):
        burst(flood, [HEARTBEAT] * 5000)
        own.check_alive()
        flood.closed(4029)
        own.check_alive()


@pytest.mark.parametrize("what", HOSTILE_ANSWERS)
async def test_p28_hostile_answer_fails_alone_and_all_others_of_that_moment_are_saved(hall: Hall, what: str) -> None:
    hostile, *others = hall.invite_many(hall.test_id, 4)
    answer = f'"question_id":"{hostile.questions[0].question_id}",{HOSTILE_ANSWERS[what]}'
    frame = f'{{"type":"submit_answer","data":{{{answer}}}}}'
    with ExitStack() as stack:
        bad, _ = stack.enter_context(seated(hostile))
        good = [stack.enter_context(seated(other))[0] for other in others]
        async with hall.held_up():  # what comes now is written together
            for each, candidate in zip(good, others, strict=True):
                asked = candidate.questions[0]
                each.send("submit_answer", question_id=asked.question_id, selected_option=asked.right)
                bad.socket.send(frame)
        for each in good:
            each.expect("answer_saved")
            each.expect("progress_update")
            each.check_alive()
        for _ in others:
            assert bad.read()["type"] == "error"
        bad.check_alive()
    hall.check_output()
