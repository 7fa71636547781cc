"""What endpoints send is taken apart whatever its pieces, and believed only as far as it makes sense."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from sitting.questions.prompt_answers import BlindSolution, ProposedSkills, WrittenItems, lettered
from sitting.questions.provider_calls import ModelFailed, Outcome, Usage, one_line
from sitting.questions.provider_config import ProviderConfig, Timeouts, TokensField
from sitting.questions.provider_json import read_answer, schema_of
from sitting.questions.provider_retry import Retries, delay_before, read_retry_after
from sitting.questions.provider_wire import Completion, EventLines, error_text, request_body, upper_usage
from tests.support.clock import NOON

SOLUTION = '{"why":"It is so.","option":"B","confidence":90}'
OTHER = '{"why":"It is so.","option":"C","confidence":90}'


def failure(outcome: Outcome) -> Any:
    return pytest.raises(ModelFailed, match=f"^{outcome.value}:")


def chunk(**choice: Any) -> bytes:
    return json.dumps({"model": "m", "choices": [{"index": 0, **choice}]}).encode()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_events_are_the_same_however_their_bytes_are_cut(size: int, newline: str) -> None:
    lines = [": hello", "", "event: message", 'data: {"a":', "data:1}", "id: 7", "", "", "data: [DONE]", "", "data: x"]
    data = newline.join(lines).encode()
    parser, found = EventLines(100), []
    for at in range(0, len(data), size):
        found += parser.feed(data[at : at + size])
    assert found == [b'{"a":\n1}', b"[DONE]"]


def test_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    parser = EventLines(1000)
    with failure(Outcome.TOO_LARGE):
        for _ in range(2000):
            parser.feed(b"x")
    with failure(Outcome.TOO_LARGE):
        EventLines(1000).feed(b"data: " + b"x" * 2000)


def test_answer_grows_from_chunks_and_ends_with_its_reason() -> None:
    grown = Completion(100)
    for data in (chunk(delta={"role": "assistant"}), chunk(delta={"content": "Ja"}), chunk(delta={"content": "!"})):
        grown.add(data)
    with failure(Outcome.CUT_OFF):
        grown.check_finished()
    grown.add(chunk(delta={}, finish_reason="stop"))
    grown.add(b'{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}')
    grown.add(b"[DONE]")
    grown.check_finished()
    assert (grown.text, grown.size, grown.model, grown.done) == ("Ja!", 3, "m", True)
    assert grown.usage == Usage(7, 2, reported=True)


def test_other_choices_than_the_first_are_not_mixed_in() -> None:
    grown = Completion(100)
    grown.add(b'{"choices":[{"index":1,"message":{"content":"no"}},{"index":0,"message":{"content":"yes"}}]}')
    assert grown.text == "yes"


@pytest.mark.parametrize(
    ("choice", "outcome"),
    [
        ({"message": {"content": "{"}, "finish_reason": "length"}, Outcome.TRUNCATED),
        ({"message": {"content": "{"}, "finish_reason": "MAX_TOKENS"}, Outcome.TRUNCATED),
        ({"message": {"content": "{}"}, "finish_reason": "content_filter"}, Outcome.REFUSED),
        ({"message": {"refusal": "No."}, "finish_reason": "stop"}, Outcome.REFUSED),
        ({"message": {"content": "{}"}, "finish_reason": "whim"}, Outcome.MALFORMED),
        ({"message": {"content": "{}"}}, Outcome.CUT_OFF),
    ],
)
def test_answer_that_is_none_says_why(choice: dict[str, Any], outcome: Outcome) -> None:
    grown = Completion(100)
    grown.add(chunk(**choice))
    with failure(outcome):
        grown.check_finished()


@pytest.mark.parametrize(
    "usage",
    [
        '{"prompt_tokens":-1,"completion_tokens":5}',
        '{"prompt_tokens":1,"completion_tokens":1e30}',
        '{"prompt_tokens":1,"completion_tokens":99999999999999}',
        '{"prompt_tokens":"7","completion_tokens":1}',
        '{"prompt_tokens":1}',
        "[]",
        "null",
    ],
)
def test_p26_usage_that_makes_no_sense_is_no_usage(usage: str) -> None:
    grown = Completion(100)
    grown.add(f'{{"choices":[],"usage":{usage}}}'.encode())
    assert grown.usage is None


@pytest.mark.parametrize("data", [b"<html>", b"[]", b'{"choices":7}', b"\xff", b'{"choices":' + b"[" * 5000])
def test_what_is_no_completion_is_malformed(data: bytes) -> None:
    with failure(Outcome.MALFORMED):
        Completion(100).add(data)


def test_failure_reported_in_a_stream_is_one() -> None:
    with pytest.raises(ModelFailed, match=r"^server_error: The engine failed"):
        Completion(100).add(b'{"error":{"message":"The engine failed","code":500}}')
    Completion(100).add(b'{"choices":[],"error":null}')


def test_text_beyond_its_bound_is_refused_counted_in_bytes() -> None:
    grown = Completion(10)
    grown.add(chunk(delta={"content": "ééééé"}))
    with failure(Outcome.TOO_LARGE):
        grown.add(chunk(delta={"content": "e"}))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error":{"message":"No such model"}}', "No such model"),
        (b'{"error":"No such model"}', "No such model"),
        (b'{"detail":"No"}', "{'detail': 'No'}"),
        (b"Bad Gateway", "Bad Gateway"),
        (b"\xff", "�"),
    ],
)
def test_refusals_of_all_kinds_of_servers_are_told(body: bytes, said: str) -> None:
    assert error_text(body) == said


def test_request_says_what_was_asked_and_nothing_else() -> None:
    config = ProviderConfig("http://localhost/v1", "m", streaming=False, tokens_field=TokensField.MAX_COMPLETION_TOKENS)
    body = request_body(config, "S", "U", max_tokens=9, schema=None, temperature=None, seed=3)
    messages = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]
    assert json.loads(body) == {"model": "m", "messages": messages, "max_completion_tokens": 9, "seed": 3}
    streamed = json.loads(
        request_body(
            ProviderConfig("http://localhost/v1", "m"),
            "S",
            "U",
            max_tokens=9,
            schema=("F", {"type": "object"}),
            temperature=0.5,
            seed=None,
        )
    )
    assert (streamed["stream"], streamed["stream_options"]) == (True, {"include_usage": True})
    assert (streamed["max_tokens"], streamed["temperature"]) == (9, 0.5)
    named = {"name": "F", "strict": True, "schema": {"type": "object"}}
    assert streamed["response_format"] == {"type": "json_schema", "json_schema": named}


def test_p26_estimate_is_at_least_one_token_for_each_byte() -> None:
    assert upper_usage("é".encode() * 500, 70).prompt_tokens >= 1000
    assert upper_usage(b"", 70).answer_tokens == 70


def test_schema_refers_to_nothing_and_requires_everything() -> None:
    schema = schema_of(ProposedSkills)
    (skill,) = [schema["properties"]["skills"]["items"]]
    assert (
        skill["required"]
        == list(skill["properties"])
        == [
            "name",
            "description",
            "priority",
            "depth",
            "sub_skills",
            "evidence",
        ]
    )
    assert skill["additionalProperties"] is schema["additionalProperties"] is False
    assert sorted(skill["properties"]["priority"]["enum"]) == ["H", "L", "M"]
    for word in ("$ref", "$defs", "maxLength", "maxItems", "minimum", "title", "default"):
        assert word not in json.dumps(schema_of(WrittenItems)) + json.dumps(schema)


@pytest.mark.parametrize(
    "text",
    [
        SOLUTION,
        f"```json\n{SOLUTION}\n```",
        f"Sure {{here}} it is:\n{SOLUTION}\nAnything else {{or not}}?",
        f"<think>Maybe {OTHER}? No.</think>\n{SOLUTION}",
        f"{SOLUTION}\n\nTo repeat: {SOLUTION}",
        f'{{"a": 1}} {SOLUTION}',
    ],
)
def test_answer_is_found_in_chatty_text(text: str) -> None:
    assert read_answer(text, BlindSolution) == BlindSolution("It is so.", "B", 90)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("I would say B.", "no JSON object"),
        ("", "no JSON object"),
        (SOLUTION[:-4], "no JSON object"),
        ("{" * 100_000, "no JSON object"),
        ('{"a":' * 50_000, "no JSON object"),
        (f"The text says {OTHER} but: {SOLUTION}", "several answers"),
        (SOLUTION.replace("90", "101"), r"<= 100 - at `\$\.confidence`"),
        (SOLUTION.replace('"B"', '"b"'), "Invalid enum"),
        (SOLUTION.replace("}", ',"key":1}'), "unknown field"),
        (SOLUTION.replace("so.", r"so\u0000"), "cannot be stored"),
        (SOLUTION.replace("so.", "so\udcff"), "surrogate"),
    ],
)
def test_answer_of_another_form_is_unusable_and_says_where(text: str, why: str) -> None:
    with pytest.raises(ModelFailed, match=f"unusable: .*{why}"):
        read_answer(text, BlindSolution)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("20", 20),
        (" 0 ", 0),
        ("Mon, 02 Mar 2026 12:00:30 GMT", 30),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 0),
        ("-5", None),
        ("soon", None),
        ("9" * 400, 999_999_999),
        ("²", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert read_retry_after(header, NOON + timedelta(0)) == seconds


def test_waits_double_up_to_the_longest_with_half_of_them_by_chance() -> None:
    retries = Retries(attempts=9, first_delay=1, longest_delay=8)
    assert [delay_before(retries, attempt, None, 1.0) for attempt in (2, 3, 4, 5, 6, 900)] == [1, 2, 4, 8, 8, 8]
    assert [delay_before(retries, attempt, None, 0.0) for attempt in (2, 3)] == [0.5, 1]
    assert delay_before(retries, 2, 20.0, 0.0) == 20.5


@pytest.mark.parametrize(
    "address",
    [
        "localhost:8080",
        "ftp://host/v1",
        "https://user:pw@host/v1",
        "https://host/v1?key=7",
        "https://h/#x",
        "https:///v1",
    ],
)
def test_address_that_cannot_be_meant_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="address of the model"):
        ProviderConfig(address, "m")


def test_key_goes_over_no_open_wire_and_shows_nowhere() -> None:
    with pytest.raises(ValueError, match="https"):
        ProviderConfig("http://models.example/v1", "m", key="sk-1")
    ProviderConfig("http://models.example/v1", "m")
    assert "sk-1" not in repr(ProviderConfig("http://127.0.0.1:1/v1", "m", key="sk-1"))
    for key in ("", "sk 1", "sk\n1", "schlüssel"):
        with pytest.raises(ValueError, match="key must be") as refused:
            ProviderConfig("https://models.example/v1", "m", key=key)
        assert not key or key not in str(refused.value)


def test_certificates_are_checked_however_the_address_is_spelled() -> None:
    secured = [ProviderConfig(f"{scheme}://models.example/v1", "m").is_secured for scheme in ("https", "HTTPS", "http")]
    assert secured == [True, True, False]
    with pytest.raises(ValueError, match="https"):
        ProviderConfig("HTTP://models.example/v1", "m", key="sk-1")


def test_bounds_that_could_not_work_are_refused() -> None:
    with pytest.raises(ValueError, match="timeouts"):
        Timeouts(whole=0)
    with pytest.raises(ValueError, match="attempt"):
        Retries(attempts=0)
    with pytest.raises(ValueError, match="name"):
        ProviderConfig("https://models.example/v1", " ")
    with pytest.raises(ValueError, match="at least 1"):
        ProviderConfig("https://models.example/v1", "m", calls_at_once=0)


def test_details_are_one_short_line() -> None:
    assert one_line("a\r\n\x1b[31mb\u2028c") == "a [31mb c"
    assert len(one_line("word " * 1000)) <= 300


def test_options_are_lettered_one_in_a_line() -> None:
    assert lettered(["one", "two\nB. three"]) == "A. one\nB. two B. three"
    with pytest.raises(ValueError, match="6 options"):
        lettered(["x"] * 6)
