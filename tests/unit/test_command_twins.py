"""Commands exist twice, for the socket and for REST: nothing may be said in one place that the other does not know."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from sitting.api import create_api
from sitting.api import taking_bodies as bodies
from sitting.api.fields import Body
from sitting.domain.errors import InvalidMessage
from sitting.kit.canonical import canonical_json
from sitting.protocol import commands
from sitting.protocol.commands import COMMANDS, command_of
from tests.support.rest import unopened_services

ATTACHMENT = {"type": "integer", "minimum": 1, "exclusiveMaximum": 2**53}
TWINS: dict[str, type[Body]] = {
    "start_assessment": bodies.Start,
    "resume_assessment": bodies.Resume,
    "submit_answer": bodies.GivenAnswer,
    "get_question": bodies.WantedQuestion,
    "flag_question": bodies.Flag,
    "integrity_event": bodies.Observation,
    "start_break": bodies.Attached,
    "end_break": bodies.Attached,
    "complete_assessment": bodies.Attached,
}
WITHOUT_A_BODY = {"get_progress", "heartbeat"}
ELSEWHERE = {"auth"}  # over REST a header says who is asking
TAKES_THE_ATTACHMENT = TWINS.keys() - {"start_assessment", "resume_assessment"}
IN_THE_ADDRESS = {"resume_assessment": {"assessment_id"}}
# On the socket the address may name the Test.
NEEDED_OVER_REST = {"start_assessment": {"test_id"}}
_DECORATION = {"title", "description", "default"}


def plain(schema: Any, names: dict[str, Any]) -> Any:
    """A JSON schema without what says nothing about what is valid, and with what it refers to in its place."""
    if isinstance(schema, list):
        return sorted((plain(each, names) for each in schema), key=canonical_json)
    if not isinstance(schema, dict):
        return schema.replace(r"\Z", "$") if isinstance(schema, str) else schema
    if "$ref" in schema:
        return properties(names[schema["$ref"].rpartition("/")[2]], names)
    # `dict[str, Any]` says that anything may be in it; the other library says nothing.
    decoration = _DECORATION | ({"additionalProperties"} if schema.get("additionalProperties") is True else set())
    return {key: plain(value, names) for key, value in schema.items() if key not in decoration}


def properties(schema: dict[str, Any], names: dict[str, Any]) -> dict[str, tuple[Any, bool]]:
    """Each field with its schema, and whether it is required."""
    required = schema.get("required", [])
    found = schema.get("properties", {})
    return {name: (plain(each, names), name in required) for name, each in found.items() if name != "type"}


def of_struct(command: type[msgspec.Struct]) -> dict[str, tuple[Any, bool]]:
    schema = msgspec.json.schema(command)
    return properties(schema["$defs"][command.__name__], schema["$defs"])


def of_body(body: type[Body]) -> dict[str, tuple[Any, bool]]:
    schema = body.model_json_schema()
    return properties(schema, schema.get("$defs", {}))


@pytest.mark.parametrize("type_", TWINS)
def test_body_has_the_fields_of_its_command_with_the_same_limits(type_: str) -> None:
    expected = {
        name: field for name, field in of_struct(COMMANDS[type_]).items() if name not in IN_THE_ADDRESS.get(type_, ())
    }
    for name in NEEDED_OVER_REST.get(type_, ()):
        (schema, _) = expected[name]
        alternatives = [each for each in schema["anyOf"] if each != {"type": "null"}]
        expected[name] = ({"anyOf": alternatives}, True)
    if type_ in TAKES_THE_ATTACHMENT:
        expected["attachment"] = (ATTACHMENT, True)
    assert of_body(TWINS[type_]) == expected


def test_every_command_has_a_twin_and_a_route_of_its_name() -> None:
    assert TWINS.keys() | WITHOUT_A_BODY | ELSEWHERE == COMMANDS.keys()
    routes = {
        context.original_route.name
        for context in iter_route_contexts(create_api(unopened_services()).routes)
        if isinstance(context.original_route, APIRoute)
    }
    assert COMMANDS.keys() - ELSEWHERE <= routes


def test_bodies_refuse_what_they_do_not_know() -> None:
    every: list[type[Body]] = [*TWINS.values(), bodies.PendingAnswer]
    for body in every:
        assert body.model_json_schema()["additionalProperties"] is False, body


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"question_id": ""},
        {"question_id": "q_1", "client_seq": -1},
        {"question_id": "q_1", "client_id": "x" * 65},
        {"question_id": "q_1", "selected_option": 1},
        {"question_id": "q_1", "answer": "o_1"},
    ],
)
def test_command_of_data_is_held_to_the_limits_of_a_frame(data: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessage):
        command_of(commands.SubmitAnswer, data)
    made = command_of(commands.SubmitAnswer, {"question_id": "q_1", "selected_options": ("o_1",), "value": None})
    assert (made.question_id, made.selected_options, made.value) == ("q_1", ("o_1",), None)
    assert made.selected_option is msgspec.UNSET
