"""The form of an answer: told to the model as a JSON schema or in words, and insisted on when the answer comes."""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

import msgspec

from sitting.kit.canonical import is_storable
from sitting.questions.provider_calls import ModelFailed, Outcome

T = TypeVar("T")
MAX_TRIES = 20
"""How many places of a text are tried as the beginning of the answer."""
_KNOWN = frozenset({"type", "enum", "const", "properties", "required", "items", "anyOf"})
_DECODER = json.JSONDecoder()
_THOUGHTS = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)


def schema_of(form: type[Any]) -> dict[str, Any]:
    """The JSON schema of a msgspec struct, in the part of the language that all endpoints know.

    Nothing is referred to, all fields are required, others are not allowed. Bounds of lengths and numbers are left out,
    since `read_answer` checks them, and so are descriptions, which are docstrings of ours.
    """
    (schema,), parts = msgspec.json.schema_components([form], ref_template="{name}")
    return _plain(schema, parts)


def in_words(form: type[Any]) -> str:
    """What a prompt says to an endpoint that takes no schema."""
    schema = json.dumps(schema_of(form), separators=(",", ":"), ensure_ascii=False)
    return f"Answer with one JSON object and nothing else. It has to fit this JSON schema:\n{schema}"


def read_answer(text: str, form: type[T]) -> T:
    """The answer in a text that may have more around it: fences, a greeting, thoughts.

    Raises:
        ModelFailed: there is none of this form, or there are several that differ, so that one of them may be quoted.
    """
    text = _THOUGHTS.sub("", text)
    found: list[T] = []
    fault = "there is no JSON object in it"
    for piece in _objects(text):
        try:
            value = msgspec.json.decode(piece, type=form)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as problem:
            fault = str(problem) if not found else fault
            continue
        if value not in found:
            found.append(value)
    if len(found) > 1:
        raise ModelFailed(Outcome.UNUSABLE, "there are several answers in it")
    if not found:
        raise ModelFailed(Outcome.UNUSABLE, fault)
    if not _is_storable(msgspec.to_builtins(found[0])):
        raise ModelFailed(Outcome.UNUSABLE, "a text in it has characters that cannot be stored")
    return found[0]


def _objects(text: str) -> list[str]:
    """The outermost JSON objects of a text, in their order."""
    found, at = [], text.find("{")
    for _ in range(MAX_TRIES):
        if at < 0:
            break
        try:
            _, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            found.append(text[at:end])
        at = text.find("{", end)
    return found


def _plain(schema: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return _plain(parts[schema["$ref"]], parts)
    plain = {word: value for word, value in schema.items() if word in _KNOWN}
    if "anyOf" in plain:
        plain["anyOf"] = [_plain(one, parts) for one in plain["anyOf"]]
    if "items" in plain:
        plain["items"] = _plain(plain["items"], parts)
    if "properties" in plain:
        plain["properties"] = {name: _plain(value, parts) for name, value in plain["properties"].items()}
        plain |= {"required": list(plain["properties"]), "additionalProperties": False}
    if "enum" in plain and "type" not in plain and all(isinstance(value, str) for value in plain["enum"]):
        plain["type"] = "string"
    return plain


def _is_storable(value: Any) -> bool:
    if isinstance(value, str):
        return is_storable(value)
    if isinstance(value, dict):
        return all(map(_is_storable, value.values()))
    return all(map(_is_storable, value)) if isinstance(value, list) else True
