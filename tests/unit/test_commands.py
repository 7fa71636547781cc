from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import UNSET

from sitting.domain.errors import ErrorCode, InvalidAnswer, InvalidMessage, SittingError, UnknownType
from sitting.domain.response import Answer
from sitting.protocol.commands import (
    COMMANDS,
    MAX_FRAME_BYTES,
    Auth,
    Command,
    CompleteAssessment,
    FlagQuestion,
    GetProgress,
    GetQuestion,
    Heartbeat,
    IntegrityEvent,
    ResumeAssessment,
    StartAssessment,
    SubmitAnswer,
    decode,
    entity_id,
)

ANSWER = {"question_id": "q_1", "selected_option": "o_1"}
FULL_ANSWER = ANSWER | {"client_id": "c", "client_seq": 0, "base_seq": 0}
CLAIM = {"window_id": "~" * 64, "attachment": 0}

# type, least data, full data
EACH: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("auth", {"token": "x"}, {"token": "x" * 8192}),
    ("start_assessment", {}, {"test_id": 7, "application_id": 3} | CLAIM),
    ("resume_assessment", {"assessment_id": 42}, {"assessment_id": "42", "pending": [ANSWER, FULL_ANSWER]} | CLAIM),
    ("get_question", {}, {"question_id": "q_1", "position": 1}),
    ("submit_answer", {"question_id": "q_1"}, FULL_ANSWER | {"selected_options": ("o_1",), "value": "x"}),
    ("flag_question", {"question_id": "q_1", "flagged": True}, {"question_id": "q_1", "flagged": False}),
    ("get_progress", {}, {}),
    ("integrity_event", {"kind": "paste"}, {"kind": "focus_lost", "detail": {"ms": 12, "deep": [{"a": None}]}}),
    ("heartbeat", {}, {}),
    ("start_break", {}, {}),
    ("end_break", {}, {}),
    ("complete_assessment", {}, {}),
]
TYPES = [type_ for type_, _, _ in EACH]
both = pytest.mark.parametrize("strict", [False, True], ids=["legacy", "v1"])


def frame(type_: str, data: Any, **more: Any) -> str:
    return json.dumps({"type": type_, "data": data} | more)


def accepted(type_: str, data: Any, *, strict: bool = True) -> Command:
    command, _ = decode(frame(type_, data), strict=strict)
    return command


def refused(text: str, *, strict: bool = True) -> SittingError:
    with pytest.raises(SittingError) as refusal:
        decode(text, strict=strict)
    return refusal.value


@both
@pytest.mark.parametrize(("type_", "least", "full"), EACH, ids=TYPES)
def test_each_message_is_understood_with_least_and_with_full_data(
    type_: str, least: dict[str, Any], full: dict[str, Any], strict: bool
) -> None:
    for data in (least, full):
        command = accepted(type_, data, strict=strict)
        assert isinstance(command, COMMANDS[type_])
        for name, value in data.items():
            if name != "pending":
                assert getattr(command, name) == value


def test_table_above_holds_every_message_and_every_field() -> None:
    assert set(TYPES) == set(COMMANDS)
    for type_, _, full in EACH:
        assert set(full) == set(COMMANDS[type_].__struct_fields__)


@both
def test_data_may_be_left_out_where_nothing_in_it_is_needed(strict: bool) -> None:
    for type_, kind in [
        ("heartbeat", Heartbeat),
        ("get_progress", GetProgress),
        ("complete_assessment", CompleteAssessment),
        ("start_assessment", StartAssessment),
        ("get_question", GetQuestion),
    ]:
        command, id_ = decode(json.dumps({"type": type_}), strict=strict)
        assert isinstance(command, kind)
        assert id_ is None


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("auth", {}),
        ("resume_assessment", {}),
        ("submit_answer", {"selected_option": "o_1"}),
        ("flag_question", {"question_id": "q_1"}),
        ("flag_question", {"flagged": True}),
        ("integrity_event", {}),
    ],
)
def test_missing_field_is_named(type_: str, data: dict[str, Any]) -> None:
    error = refused(frame(type_, data))
    assert error.code == ErrorCode.INVALID_MESSAGE
    assert "missing required field" in error.details["reason"]


def test_id_of_the_message_is_handed_back() -> None:
    for strict in (False, True):
        assert decode(frame("heartbeat", {}, id="m-1"), strict=strict)[1] == "m-1"
        assert decode(frame("heartbeat", {}, id=None), strict=strict)[1] is None


@both
@pytest.mark.parametrize(
    "text",
    [
        frame("dance", {}, id="m-1"),
        frame("flag_question", {"question_id": "q_1"}, id="m-1"),
        frame("heartbeat", None, id="m-1"),
        '{"type":"heartbeat","id":"m-1","data":{"a":1,"a":2}}',
        '{"type":7,"id":"m-1"}',
        '{"data":{},"id":"m-1"}',
    ],
)
def test_refusal_names_the_message_that_it_refuses(text: str, strict: bool) -> None:
    assert refused(text, strict=strict).details["id"] == "m-1"


@pytest.mark.parametrize(("type_", "least", "_full"), EACH, ids=TYPES)
@pytest.mark.parametrize("extra", ["colour", "type", "id", "data"])
def test_unknown_field_is_ignored_for_old_clients_and_refused_for_v1(
    type_: str, least: dict[str, Any], _full: dict[str, Any], extra: str
) -> None:
    data = least | {extra: "red"}
    assert accepted(type_, data, strict=False) == accepted(type_, least, strict=False)
    error = refused(frame(type_, data))
    assert error.code == ErrorCode.INVALID_MESSAGE
    assert extra in error.details["reason"]


def test_unknown_field_of_the_envelope_is_ignored_for_old_clients_and_refused_for_v1() -> None:
    text = frame("heartbeat", {}, colour="red")
    assert isinstance(decode(text, strict=False)[0], Heartbeat)
    assert "colour" in refused(text).details["reason"]


@pytest.mark.parametrize("extra", ["colour", "type"])
def test_unknown_field_inside_pending_is_ignored_for_old_clients_and_refused_for_v1(extra: str) -> None:
    data = {"assessment_id": 42, "pending": [ANSWER, FULL_ANSWER | {extra: "red"}]}
    command = accepted("resume_assessment", data, strict=False)
    assert isinstance(command, ResumeAssessment)
    assert [item.client_id for item in command.pending] == [None, "c"]
    error = refused(frame("resume_assessment", data))
    assert "pending[1]" in error.details["reason"]


@both
@pytest.mark.parametrize(
    ("given", "number"), [(1, 1), ("1", 1), ("0042", 42), (2**53 - 1, 2**53 - 1), (str(2**53 - 1), 2**53 - 1)]
)
def test_identifier_may_be_decimal_text(given: int | str, number: int, strict: bool) -> None:
    command = accepted("start_assessment", {"test_id": given}, strict=strict)
    assert isinstance(command, StartAssessment)
    assert command.test_id is not None
    assert entity_id(command.test_id) == number


@pytest.mark.parametrize("field", ["test_id", "application_id"])
@pytest.mark.parametrize(
    "wrong",
    [0, -1, 2**53, 2**63, 2**70, 1.0, True, "", " 1", "1 ", "1\n", "+1", "-1", "1.0", "0x1", "٣", "1" * 17, [], {}],
    ids=ascii,
)
def test_what_is_no_identifier_is_refused(field: str, wrong: Any) -> None:
    assert refused(frame("start_assessment", {field: wrong})).code == ErrorCode.INVALID_MESSAGE


@pytest.mark.parametrize("text", ["0", "0000", str(2**53), "9" * 16])
def test_decimal_text_out_of_range_is_refused_when_it_is_read(text: str) -> None:
    command = accepted("start_assessment", {"test_id": text})
    assert isinstance(command, StartAssessment)
    assert command.test_id == text
    with pytest.raises(InvalidMessage):
        entity_id(command.test_id)


WRONG_IN_ANSWERS: dict[str, list[Any]] = {
    "client_seq": [-1, 2**53, 2**63, 2**70, 1.0, True, "1"],
    "base_seq": [-1, 2**53, 2**63, 2**70, 1.0, True, "1"],
    "client_id": ["", "x" * 65, 7],
    "question_id": ["", "q" * 65, 7, None],
    "selected_option": ["x" * 4097, 7, ["o_1"], True],
    "selected_options": ["o_1", [1], {}, [None], ["o"] * 101, ["x" * 4097]],
    "value": ["x" * 4097, True, [], {}, 2**63],
}


@pytest.mark.parametrize(
    ("field", "wrong"),
    [(field, wrong) for field, many in WRONG_IN_ANSWERS.items() for wrong in many],
    ids=lambda value: ascii(value)[:20],
)
def test_answer_with_a_field_of_the_wrong_kind_or_size_is_refused(field: str, wrong: Any) -> None:
    assert refused(frame("submit_answer", FULL_ANSWER | {field: wrong})).code == ErrorCode.INVALID_MESSAGE
    pending = {"assessment_id": 1, "pending": [FULL_ANSWER | {field: wrong}]}
    assert refused(frame("resume_assessment", pending)).code == ErrorCode.INVALID_MESSAGE


WRONG_CLAIMS: list[dict[str, Any]] = [
    *({"window_id": wrong} for wrong in ("", "x" * 65, "a\n", "a\x7f", "ä", 7)),
    *({"attachment": wrong} for wrong in (-1, 2**53, 1.5, "2", True)),
]


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        ("auth", {"token": "x" * 8193}),
        ("auth", {"token": None}),
        ("get_question", {"position": 0}),
        ("get_question", {"position": "1"}),
        ("get_question", {"question_id": 1}),
        ("flag_question", {"question_id": "q_1", "flagged": "true"}),
        ("flag_question", {"question_id": "q_1", "flagged": 1}),
        ("integrity_event", {"kind": ""}),
        ("integrity_event", {"kind": "Paste"}),
        ("integrity_event", {"kind": "paste\n"}),
        ("integrity_event", {"kind": "x" * 65}),
        ("integrity_event", {"kind": "paste", "detail": 7}),
        ("integrity_event", {"kind": "paste", "detail": "x" * 2001}),
        ("resume_assessment", {"assessment_id": 1, "pending": {}}),
        ("resume_assessment", {"assessment_id": 1, "pending": None}),
        ("resume_assessment", {"assessment_id": 1, "pending": [None]}),
        *(("resume_assessment", {"assessment_id": 1} | claim) for claim in WRONG_CLAIMS),
        *(("start_assessment", {"test_id": 1} | claim) for claim in WRONG_CLAIMS),
    ],
    ids=lambda value: str(value)[:40],
)
def test_field_of_the_wrong_kind_or_size_is_refused(type_: str, data: dict[str, Any]) -> None:
    assert refused(frame(type_, data)).code == ErrorCode.INVALID_MESSAGE


def test_fifty_pending_answers_are_the_most() -> None:
    command = accepted("resume_assessment", {"assessment_id": 1, "pending": [ANSWER] * 50})
    assert isinstance(command, ResumeAssessment)
    assert len(command.pending) == 50
    refused(frame("resume_assessment", {"assessment_id": 1, "pending": [ANSWER] * 51}))


def test_pending_answers_of_48_kib_are_accepted_and_clearly_more_are_not() -> None:
    def pending(option_bytes: int) -> dict[str, Any]:
        items = [{"question_id": "q", "selected_option": "x" * 4096}] * 11
        return {"assessment_id": 1, "pending": [*items, {"question_id": "q", "selected_option": "y" * option_bytes}]}

    fits = pending(48 * 1024 - len(json.dumps(pending(0)["pending"])))
    assert len(json.dumps(fits["pending"])) == 48 * 1024
    accepted("resume_assessment", fits)
    too_much = pending(4096)["pending"] + [ANSWER] * 20
    error = refused(frame("resume_assessment", {"assessment_id": 1, "pending": too_much}))
    assert "pending" in error.details["reason"]


HOSTILE = [
    "",
    " ",
    "null",
    "7",
    '"text"',
    "[]",
    "{}",
    "{",
    '{"type":null}',
    '{"type":7}',
    '{"data":{}}',
    '{"type":"heartbeat"} trailing',
    '{"type":"heartbeat",}',
    "{'type':'heartbeat'}",
    '\ufeff{"type":"heartbeat"}',
    '{"type":"heartbeat","data":null}',
    '{"type":"heartbeat","data":[]}',
    '{"type":"heartbeat","data":"{}"}',
    '{"type":"heartbeat","id":7}',
    '{"type":"heartbeat","id":"' + "x" * 65 + '"}',
    '{"type":"heartbeat","type":"heartbeat"}',
    '{"type":"heartbeat","\\u0074ype":"heartbeat"}',
    '{"type":"heartbeat","data":{"a":1,"a":1}}',
    '{"type":"integrity_event","data":{"kind":"x","detail":{"a":[{"b":1,"b":2}]}}}',
    '{"type":"resume_assessment","data":{"assessment_id":1,"pending":[{"question_id":"q","question_id":"q"}]}}',
    '{"type":"heartbeat","data":{"a":NaN}}',
    '{"type":"heartbeat","data":{"a":Infinity}}',
    '{"type":"integrity_event","data":{"kind":"x","detail":{"a":-Infinity}}}',
    '{"type":"integrity_event","data":{"kind":"x","detail":{"a":1e999}}}',
    '{"type":"integrity_event","data":{"kind":"x","detail":{"a":9223372036854775808}}}',
    '{"type":"integrity_event","data":{"kind":"x","detail":{"a":-9223372036854775809}}}',
    '{"type":"submit_answer","data":{"question_id":"q","value":1180591620717411303424}}',
    '{"type":"heartbeat","data":{"a":' + "9" * 5000 + "}}",
    '{"type":"submit_answer","data":{"question_id":"a\\u0000b"}}',
    '{"type":"submit_answer","data":{"question_id":"a\0b"}}',
    '{"type":"submit_answer","data":{"question_id":"q","selected_option":"\\\\\\u0000"}}',
    '{"type":"integrity_event","data":{"kind":"x","detail":{"\\u0000":1}}}',
    '{"type":"heartbeat","data":{"ignored":["\\u0000"]}}',
    '{"type":"submit_answer","data":{"question_id":"q","selected_option":"\\ud800"}}',
    '{"type":"submit_answer","data":{"question_id":"q","selected_option":"\ud800"}}',
    '{"type":"submit_answer","data":{"question_id":"q","selected_option":"\\udc00\\ud800"}}',
    '{"type":"\ud800"}',
    "[" * 100_000,
    '{"type":"heartbeat","data":{"a":' + "[" * 20_000 + "]" * 20_000 + "}}",
    '{"type":"integrity_event","data":{"kind":"x","detail":' + '{"a":' * 9_000 + "1" + "}" * 9_000 + "}}",
]


@both
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:60])
def test_p28_hostile_frame_is_refused_and_nothing_else_happens(text: str, strict: bool) -> None:
    error = refused(text, strict=strict)
    assert error.code == ErrorCode.INVALID_MESSAGE
    assert len(error.details["reason"]) <= 200
    json.dumps(error.details).encode()


def test_p28_nesting_of_every_depth_is_read_or_refused() -> None:
    """Two parsers and an encoder give up at depths of their own, and none may be the one that is not expected to."""
    refusals = 0
    for depth in range(1, 1001):
        try:
            nested = "[" * depth + "]" * depth
            command, _ = decode(
                frame("integrity_event", {"kind": "x", "detail": {"a": 0}}).replace("0", nested), strict=True
            )
            assert isinstance(command, IntegrityEvent)
            command.detail_text()
        except InvalidMessage:
            refusals += 1
    assert 0 < refusals < 1000


def test_frame_far_above_the_limit_is_read_or_refused_without_harm() -> None:
    huge = frame("integrity_event", {"kind": "x", "detail": "x" * 10 * MAX_FRAME_BYTES})
    assert refused(huge).code == ErrorCode.INVALID_MESSAGE


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
def test_integers_of_64_bits_pass(number: int) -> None:
    command = accepted("integrity_event", {"kind": "x", "detail": {"n": number}})
    assert isinstance(command, IntegrityEvent)
    assert command.detail_text() == f'{{"n":{number}}}'


@pytest.mark.parametrize("text", ["\\u0000", "\\\\u0000", "a \\0 b", "u0000", "\u007f\u0085", "🎓"])
def test_text_about_nul_is_not_nul(text: str) -> None:
    """An option may say "\\u0000", and old clients send an option's text."""
    command = accepted("submit_answer", {"question_id": "q_1", "selected_option": text})
    assert isinstance(command, SubmitAnswer)
    assert command.selected_option == text


def test_unknown_type_is_named_and_cut() -> None:
    error = refused(frame("x" * 1000, {}))
    assert isinstance(error, UnknownType)
    assert error.details["type"] == "x" * 64


def test_answer_goes_to_the_domain_as_it_was_said() -> None:
    command = accepted("submit_answer", FULL_ANSWER | {"base_seq": 7})
    assert isinstance(command, SubmitAnswer)
    assert command.to_answer() == Answer("q_1", "o_1", "c", 0, 7)


def test_null_clears_and_nothing_is_no_answer() -> None:
    cleared = accepted("submit_answer", {"question_id": "q_1", "selected_option": None})
    silent = accepted("submit_answer", {"question_id": "q_1"})
    assert isinstance(cleared, SubmitAnswer)
    assert isinstance(silent, SubmitAnswer)
    assert cleared.to_answer() == Answer("q_1", None)
    assert silent.selected_option is UNSET
    with pytest.raises(InvalidAnswer):
        silent.to_answer()


def answered(**said: Any) -> Answer:
    """What the domain is told of an answer to q_1."""
    command = accepted("submit_answer", {"question_id": "q_1"} | said)
    assert isinstance(command, SubmitAnswer)
    return command.to_answer()


@pytest.mark.parametrize(
    "said",
    [
        {"selected_option": "o_1", "selected_options": ["o_1"]},
        {"selected_option": "o_1", "value": "x"},
        {"selected_option": "o_1", "value": 0},
        {"selected_options": ["o_1"], "value": 0},
        {"selected_option": "o_1", "selected_options": ["o_1"], "value": "x"},
    ],
)
def test_two_answers_at_once_are_none(said: dict[str, Any]) -> None:
    with pytest.raises(InvalidAnswer):
        answered(**said)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"selected_options": ["o_1", "o_2"]}, Answer("q_1", selected_options=("o_1", "o_2"))),
        ({"selected_options": []}, Answer("q_1", selected_options=())),
        ({"selected_options": None}, Answer("q_1")),
        ({"value": "1 000,5 m"}, Answer("q_1", value="1 000,5 m")),
        ({"value": None}, Answer("q_1")),
        ({"value": 42}, Answer("q_1", value="42")),
        ({"value": -0.5}, Answer("q_1", value="-0.5")),
        ({"value": 0.1}, Answer("q_1", value="0.1")),
        ({"value": 1e16}, Answer("q_1", value="1e+16")),
    ],
    ids=str,
)
def test_each_kind_of_answer_goes_to_the_domain(said: dict[str, Any], expected: Answer) -> None:
    assert answered(**said) == expected


@pytest.mark.parametrize("text", ["1e400", "-1e999", "NaN", "Infinity"])
def test_value_that_is_no_number_of_this_world_is_refused(text: str) -> None:
    frame_ = '{"type":"submit_answer","data":{"question_id":"q_1","value":' + text + "}}"
    assert refused(frame_).code == ErrorCode.INVALID_MESSAGE


EMPTY: list[dict[str, Any]] = [{"selected_options": None}, {"selected_options": []}, {"value": None}, {"value": ""}]


@pytest.mark.parametrize("other", EMPTY)
def test_empty_fields_of_other_question_types_do_no_harm(other: dict[str, Any]) -> None:
    assert answered(selected_option="o_1", **other) == Answer("q_1", "o_1")


def test_empty_list_beside_a_typed_value_does_no_harm() -> None:
    assert answered(value="x", selected_options=[], selected_option=None) == Answer("q_1", value="x")


@pytest.mark.parametrize(
    ("detail", "text"), [(None, None), ("as said", "as said"), ({}, "{}"), ({"b": 1, "a": "ä"}, '{"a":"ä","b":1}')]
)
def test_detail_of_an_observation_is_kept_as_text(detail: Any, text: str | None) -> None:
    assert IntegrityEvent("paste", detail).detail_text() == text


def test_detail_is_bounded_in_either_form() -> None:
    assert IntegrityEvent("paste", {"a": "x" * 1992}).detail_text() == '{"a":"' + "x" * 1992 + '"}'
    with pytest.raises(InvalidMessage):
        IntegrityEvent("paste", {"a": "x" * 1993}).detail_text()


def test_auth_and_flag_carry_what_they_name() -> None:
    auth = accepted("auth", {"token": "t"})
    flag = accepted("flag_question", {"question_id": "q_1", "flagged": True})
    assert isinstance(auth, Auth)
    assert isinstance(flag, FlagQuestion)
    assert (auth.token, flag.question_id, flag.flagged) == ("t", "q_1", True)
