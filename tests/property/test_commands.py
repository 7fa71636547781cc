"""Whatever a socket may bring: a command, or a typed refusal that can be sent, and nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sitting.domain.errors import InvalidMessage, SittingError, UnknownType
from sitting.protocol.commands import (
    COMMANDS,
    Command,
    IntegrityEvent,
    ResumeAssessment,
    SubmitAnswer,
    decode,
    entity_id,
)
from sitting.protocol.encoding import encode, error_message

NASTY_TEXT = ["\0", "\\u0000", "\\\\u0000", "\ud800", "\udc00\ud83c", "\ufeff", "\n", "", "o_1", "1", "x" * 5000]
NASTY_NUMBERS = [0, -1, 2**31, 2**53 - 1, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 2**70, 10**400, 1.5, -0.0]
NASTY_TOKENS = ["NaN", "-Infinity", "1e999", "null", "{}", "[]", '"', "\\", "}", "]", ",", ":", '{"a":1,"a":2}', "-"]
NASTY_TOKENS += [*map(str, NASTY_NUMBERS), *NASTY_TEXT, "\\ud800", "[" * 3000, '{"a":' * 3000]

texts = st.text(st.characters(), max_size=20) | st.sampled_from(NASTY_TEXT)
values = st.recursive(
    st.none() | st.booleans() | st.sampled_from(NASTY_NUMBERS) | texts | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(sorted({name for command in COMMANDS.values() for name in command.__struct_fields__}))
envelopes = st.fixed_dictionaries(
    {"type": st.sampled_from(sorted(COMMANDS)) | texts},
    optional={"data": st.dictionaries(names | texts, values, max_size=5) | values, "id": texts | values},
)

storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
ids = st.integers(1, 2**53 - 1)
counters = st.none() | st.integers(0, 2**53 - 1)
question_ids = st.from_regex(r"\Aq_[a-z0-9]{1,20}\Z")
ANSWER = {
    "question_id": question_ids,
    "selected_option": st.none() | storable,
    "client_id": st.none() | question_ids,
    "client_seq": counters,
    "base_seq": counters,
}
SOUND: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "auth": {"token": storable},
    "start_assessment": {"test_id": ids | ids.map(str), "application_id": st.none() | ids},
    "resume_assessment": {
        "assessment_id": ids | ids.map(str),
        "pending": st.lists(st.fixed_dictionaries(ANSWER), max_size=3),
    },
    "get_question": {"question_id": st.none() | question_ids, "position": st.none() | ids},
    "submit_answer": ANSWER,
    "flag_question": {"question_id": question_ids, "flagged": st.booleans()},
    "get_progress": {},
    "integrity_event": {
        "kind": st.from_regex(r"\A[a-z_]{1,64}\Z"),
        "detail": storable | st.dictionaries(storable, ids),
    },
    "heartbeat": {},
    "complete_assessment": {},
}


@st.composite
def sound_frames(draw: st.DrawFn) -> dict[str, Any]:
    """A message that must be understood."""
    type_ = draw(st.sampled_from(sorted(SOUND)))
    return {"type": type_, "data": draw(st.fixed_dictionaries(SOUND[type_])), "id": draw(st.none() | storable)}


@st.composite
def mutated_frames(draw: st.DrawFn) -> str:
    """The text of a sound message with some pieces of it cut out or replaced by what hurts."""
    text = json.dumps(draw(sound_frames()), ensure_ascii=draw(st.booleans()))
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 6))
        text = text[:at] + draw(st.sampled_from(NASTY_TOKENS) | st.just("")) + text[at + length :]
    return text


# Each as it stands in JSON, where a value is expected.
NASTY_VALUES = [
    '{"a":1,"a":1}',
    '{"a":{"b":[{"c":0,"c":1}]}}',
    '"\\u0000"',
    '"\\\\\\u0000"',
    '{"\\u0000":1}',
    '"\\ud800"',
]
NASTY_VALUES += ["9223372036854775808", "-9223372036854775809", '{"n":1180591620717411303424}', "NaN", "[Infinity]"]
HOLDERS = [
    '{"type":"integrity_event","data":{"kind":"paste","detail":HERE}}',
    '{"type":"integrity_event","data":{"kind":"paste","detail":{"x":HERE}}}',
    '{"type":"integrity_event","data":{"kind":"paste","detail":{"x":[0,HERE,{}]}}}',
    '{"type":"submit_answer","data":{"question_id":"q_1","value":HERE}}',
    '{"type":"submit_answer","data":{"question_id":"q_1","selected_option":HERE}}',
    '{"type":"resume_assessment","data":{"assessment_id":1,"pending":[{"question_id":"q_1","value":HERE}]}}',
    '{"type":"heartbeat","data":{"unknown":HERE}}',
    '{"type":"heartbeat","unknown":HERE}',
    '{"type":"heartbeat","id":HERE}',
]


@st.composite
def poisoned_frames(draw: st.DrawFn) -> str:
    """A sound message with something hostile where a value belongs, perhaps deeper."""
    value = draw(st.sampled_from(NASTY_VALUES))
    for wrapper in draw(
        st.lists(st.sampled_from(["[HERE]", '{"w":HERE}', "[1,HERE]", '{"w":0,"v":HERE}']), max_size=3)
    ):
        value = wrapper.replace("HERE", value)
    return draw(st.sampled_from(HOLDERS)).replace("HERE", value)


def check(text: str) -> None:
    """Decode in both ways; what is accepted must be harmless all the way to the use cases."""
    for strict in (False, True):
        try:
            command, id_ = decode(text, strict=strict)
        except (InvalidMessage, UnknownType) as error:
            json.loads(encode(error_message(error)))
            continue
        json.loads(text, object_pairs_hook=without_repetition, parse_constant=float)
        assert isinstance(command, tuple(COMMANDS.values()))
        for part in (id_, *parts(msgspec.to_builtins(command))):
            check_part(part)
        use(command)


def check_part(part: object) -> None:
    if isinstance(part, str):
        assert "\0" not in part
        part.encode()
    if isinstance(part, int):
        assert -(2**63) <= part < 2**63
    if isinstance(part, float):
        assert math.isfinite(part)


def parts(value: Any) -> Iterator[object]:
    """Every scalar and every key in `value`."""
    if isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parts(inner)
    else:
        yield value


def without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def use(command: Command) -> None:
    """What handlers do with a command before anybody else sees it; it may be refused there, and nothing else."""
    steps: list[Callable[[], object]] = []
    if isinstance(command, SubmitAnswer):
        steps.append(command.to_answer)
    if isinstance(command, ResumeAssessment):
        steps += [item.to_answer for item in command.pending]
    if isinstance(command, IntegrityEvent):
        steps.append(command.detail_text)
    given_ids = [getattr(command, name, None) for name in ("test_id", "application_id", "assessment_id")]
    steps += [partial(entity_id, given_id) for given_id in given_ids if given_id is not None]
    for step in steps:
        try:
            step()
        except SittingError as error:
            json.loads(encode(error_message(error)))


@given(st.text(st.characters()) | st.text(st.sampled_from('{}[]":,\\u0d8 tfn1e-.') | st.characters()))
def test_p28_any_text_is_a_command_or_a_refusal(text: str) -> None:
    check(text)


@given(envelopes | values, st.booleans())
def test_p28_any_json_is_a_command_or_a_refusal(value: Any, ascii_only: bool) -> None:
    check(json.dumps(value, ensure_ascii=ascii_only))


@given(mutated_frames())
@example('{"type":"heartbeat","data":{"a":' + "[" * 900 + "]" * 900 + "}}")
@example('{"type":"integrity_event","data":{"kind":"a","detail":{"a":' + "[" * 900 + "]" * 900 + "}}}")
def test_p28_any_damaged_message_is_a_command_or_a_refusal(text: str) -> None:
    check(text)


@given(poisoned_frames())
def test_p28_hostile_value_is_refused_wherever_it_stands(text: str) -> None:
    for strict in (False, True):
        with pytest.raises(InvalidMessage):
            decode(text, strict=strict)


@given(sound_frames(), st.booleans(), st.booleans())
def test_sound_messages_are_understood_as_they_were_said(
    envelope: dict[str, Any], strict: bool, ascii_only: bool
) -> None:
    command, id_ = decode(json.dumps(envelope, ensure_ascii=ascii_only), strict=strict)
    assert id_ == envelope["id"]
    understood = msgspec.to_builtins(command)
    assert isinstance(command, COMMANDS[envelope["type"]])
    assert {name: understood[name] for name in envelope["data"] if name != "pending"} == {
        name: value for name, value in envelope["data"].items() if name != "pending"
    }
    for item, said in zip(understood.get("pending", []), envelope["data"].get("pending", []), strict=True):
        assert {name: item[name] for name in said} == said


@given(sound_frames(), st.sampled_from(["colour", "type ", "Data"]), values)
def test_one_field_too_many_is_refused_for_v1_alone(envelope: dict[str, Any], name: str, value: Any) -> None:
    sound = json.dumps(envelope)
    with pytest.raises(InvalidMessage):
        decode(json.dumps(envelope | {"data": envelope["data"] | {name: value}}), strict=True)
    extra = envelope | {"data": envelope["data"] | {name: "harmless"}}
    assert decode(json.dumps(extra), strict=False) == decode(sound, strict=False)


def _object(pairs: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in pairs) + "}"


IN_DATA = [
    ("client_seq", "1"),
    ("base_seq", "2"),
    ("client_id", '"c"'),
    ("selected_option", '"A"'),
    ("selected_option", '"\\u0000"'),
    ("selected_option", "null"),
    ("selected_options", '["A"]'),
    ("value", str(2**64)),
    ("more", '{"a":1,"a":1}'),
]
AROUND = [("id", '"m1"'), ("id", "null"), ("type", '"submit_answer"'), ("more", '"x"'), ("more", "1")]


@given(st.lists(st.sampled_from(IN_DATA), max_size=3), st.lists(st.sampled_from(AROUND), max_size=2), st.booleans())
def test_answer_that_is_not_scanned_again_had_nothing_to_be_found(
    data: list[tuple[str, str]], more: list[tuple[str, str]], strict: bool
) -> None:
    answer = _object([("question_id", '"q_1"'), *data])
    frame = _object([("type", '"submit_answer"'), ("data", answer), *more])

    def outcome() -> object:
        try:
            return decode(frame, strict=strict)
        except (InvalidMessage, UnknownType) as refusal:
            return refusal.code

    before = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sitting.protocol.commands._is_plain", lambda *_: False)
        assert outcome() == before
