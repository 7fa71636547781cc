"""Frames that nobody means well with, without end, from one seed: noise, mutilated messages, and sound ones with values
that hurt."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from sitting.domain.errors import InvalidMessage, UnknownType
from sitting.protocol.commands import COMMANDS, decode

HOSTILE_VALUES: Sequence[str] = (
    "null", "true", "[]", "{}", '""', "0", "-1", "1.5", "-0.0", "1e999", "NaN", "-Infinity", "9007199254740992",
    "9223372036854775808", "-9223372036854775809", "1" + "0" * 400, '"\\u0000"', '"\\ud800"', '"\\udfff\\ud800"',
    '"\\u202e\\u2066"', '"../../etc/passwd"', '"\' OR 1=1; --"', '"{{7*7}}${7*7}"', '"<script>alert(1)</script>"',
    '"%s%n%x"', '"' + "x" * 5000 + '"', "[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900, '{"a":1,"a":2}',
    '{"__proto__":{"admin":true}}', "01", "+1", "'a'", "/* */ 1", '"\\x41"', '"\t"', "1,2", "]", '{"a"}',
)  # fmt: skip
NOISE = '{}[]",:\\0123456789abcdefghijklmnopqrstuvwxyz \n\t\r\0\ufeff\u2028é😀-+.eE_'
MAX_CHARACTERS = 60_000


@dataclass(frozen=True)
class Names:
    """What a hostile client knows of: ids of its own assessment, and of somebody else's."""

    question_ids: Sequence[str]
    options: Sequence[str]
    own_ids: Sequence[int]
    other_ids: Sequence[int]


def hostile_frames(random: Random, names: Names) -> Iterator[str]:
    """Frames for ever; each is text that can be sent."""
    kinds = (_noise, _mutilated, _with_a_hostile_value, _with_a_hostile_value, _made_of_parts, _sound, _sound, _sound)
    while True:
        frame = random.choice(kinds)(random, names)[:MAX_CHARACTERS]
        yield frame.encode("utf-8", "ignore").decode()


def is_refused(frame: str) -> bool:
    """Whether no command can be read from it, by a client that speaks `sitting.v1`."""
    try:
        decode(frame, strict=True)
    except (InvalidMessage, UnknownType):
        return True
    return False


def _noise(random: Random, _names: Names) -> str:
    length = random.choice((0, 1, 2, 5, 20, 200))
    if random.random() < 0.5:
        return "".join(random.choice(NOISE) for _ in range(length))
    return "".join(chr(random.randrange(0x110000)) for _ in range(length))


def _data(random: Random, names: Names, type_: str) -> dict[str, Any]:
    """Data that such a message could have."""
    known: dict[str, Sequence[Any]] = {
        "question_id": (*names.question_ids, "q_nowhere"),
        "selected_option": (*names.options, "o_nowhere", None),
        "selected_options": [list(names.options[:2]), []],
        "value": ("4", 4, 1.5, ""),
        "client_id": ("phone", "laptop"),
        "client_seq": range(100),
        "base_seq": range(100),
        "assessment_id": (*names.own_ids, *names.other_ids),
        "test_id": names.other_ids,
        "application_id": names.other_ids,
        "position": range(-1, 12),
        "flagged": (True, False),
        "kind": ("focus_lost", "paste", "made_up"),
        "detail": ("x", {"a": [1, 2]}),
        "attachment": range(10),
        "window_id": ("w1", "w2"),
        "token": ("a.b.c",),
    }
    fields = COMMANDS[type_].__struct_fields__
    chosen = {name: random.choice(known[name]) for name in fields if name in known and random.random() < _LIKELY[name]}
    if "pending" in fields:
        chosen["pending"] = [_data(random, names, "submit_answer") for _ in range(random.randrange(4))]
    return chosen


_LIKELY = defaultdict(lambda: 0.7, question_id=0.95, assessment_id=1.0, attachment=0.2)


def _message(random: Random, names: Names) -> dict[str, Any]:
    type_ = random.choice([name for name in COMMANDS if name != "complete_assessment"])
    message: dict[str, Any] = {"type": type_, "data": _data(random, names, type_)}
    if random.random() < 0.5:
        message["id"] = f"m{random.randrange(1000)}"
    return message


def _sound(random: Random, names: Names) -> str:
    return json.dumps(_message(random, names))


def _mutilated(random: Random, names: Names) -> str:
    """A sound message in which some characters were lost, doubled, swapped or replaced."""
    text = list(_sound(random, names))
    for _ in range(random.choice((1, 1, 1, 2, 5, 20))):
        at = random.randrange(len(text) + 1)
        match random.randrange(4):
            case 0:
                del text[at : at + random.choice((1, 1, 3, 30))]
            case 1:
                text[at:at] = random.choice(NOISE)
            case 2:
                text[at:at] = text[at : at + random.choice((1, 5, 50))]
            case _:
                text[at : at + 1] = chr(random.randrange(1, 0x110000))
    return "".join(text)


def _with_a_hostile_value(random: Random, names: Names) -> str:
    """A sound message with one value, at any place, that is written by hand."""
    message = _message(random, names)
    where = random.choice(("envelope", "data", "new", "twice"))
    marker = "\ue000"
    if where == "envelope":
        message[random.choice(("type", "data", "id"))] = marker
    elif where == "new" or not message["data"]:
        message["data"][random.choice(("user_id", "now", "arrived_at", "constructor", "\ue001"))] = marker
    else:
        message["data"][random.choice(list(message["data"]))] = marker
    text = json.dumps(message, ensure_ascii=False).replace(f'"{marker}"', random.choice(HOSTILE_VALUES))
    return text.replace('"data": {', '"data": {"question_id":"q_1",', 1) if where == "twice" else text


def _made_of_parts(random: Random, names: Names) -> str:
    """Pieces of JSON that were never one message."""
    parts = [*HOSTILE_VALUES, '{"type":', '"data":{', '"submit_answer"', "}", "}}", ",", ":", _sound(random, names)]
    return "".join(random.choice(parts) for _ in range(random.randrange(1, 6)))
