"""Whoever adds something that others see must say so in docs/."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
import typer
from typer.core import TyperGroup

from sitting import cli
from sitting.domain import messages
from sitting.domain.errors import ErrorCode
from sitting.protocol import commands
from sitting.protocol.close_codes import CloseCode
from sitting.settings import CONFIG_VARIABLE, PREFIX, Settings

DOCS = Path(__file__).parents[2] / "docs"


def words(page: str) -> set[str]:
    """Everything that `page` sets as code, spans and blocks, split at what cannot be part of a name."""
    return {word for code in code_of(page) for word in re.split(r"[^\w-]+", code)}


def code_of(page: str) -> list[str]:
    return re.findall(r"```.*?```|`[^`\n]+`", (DOCS / page).read_text(), flags=re.DOTALL)


def client_messages() -> dict[str, type]:
    """Type on the wire → the struct that it becomes."""
    found = [kind for kind in classes_of(commands) if issubclass(kind, msgspec.Struct)]
    return {kind.__struct_config__.tag: kind for kind in found if isinstance(kind.__struct_config__.tag, str)}


def server_messages() -> dict[str, type]:
    """Type on the wire → the class whose fields are sent."""
    return {kind.type: kind for kind in classes_of(messages) if isinstance(getattr(kind, "type", None), str)}


def classes_of(module: ModuleType) -> list[type[Any]]:
    return [kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == module.__name__]


def field_names(message: type[Any]) -> set[str]:
    if issubclass(message, msgspec.Struct):
        return set(message.__struct_encode_fields__)
    return {field.name for field in dataclasses.fields(message)}


def verbs() -> dict[str, set[str]]:
    """Each command as it is typed, for example `sitting db upgrade`, with its long options."""
    return dict(verbs_below("sitting", typer.main.get_command(cli.app)))


def verbs_below(path: str, command: Any) -> Iterator[tuple[str, set[str]]]:
    if isinstance(command, TyperGroup):
        for name, below in command.commands.items():
            yield from verbs_below(f"{path} {name}", below)
    else:
        yield path, {option for each in command.params for option in each.opts if option.startswith("--")}


def settings() -> set[str]:
    return {CONFIG_VARIABLE, *(PREFIX + name.upper() for name in Settings.model_fields)}


def test_every_setting_is_documented() -> None:
    assert settings() - words("settings.md") == set()


def test_no_setting_is_documented_that_is_not_there() -> None:
    assert {word for word in words("settings.md") if re.fullmatch(rf"{PREFIX}\w*[A-Z]", word)} - settings() == set()


@pytest.mark.parametrize("kinds", [client_messages, server_messages])
def test_every_message_and_each_of_its_fields_is_documented(kinds: Callable[[], dict[str, type]]) -> None:
    documented = words("protocol.md")
    found = kinds()
    assert found
    assert found.keys() - documented == set()
    undocumented = {name: field_names(kind) - documented for name, kind in found.items()}
    assert {name: fields for name, fields in undocumented.items() if fields} == {}


def test_every_error_code_is_documented() -> None:
    assert {code.value for code in ErrorCode} - words("protocol.md") == set()


def test_every_close_code_is_documented() -> None:
    assert {str(code.value) for code in CloseCode} - words("protocol.md") == set()


def test_every_verb_of_the_command_line_is_documented() -> None:
    text = " ".join(code_of("cli.md"))
    assert [verb for verb in verbs() if not re.search(rf"{verb}(?![\w-])", text)] == []


def test_every_option_of_the_command_line_is_documented() -> None:
    documented = words("cli.md")
    undocumented = {verb: options - documented for verb, options in verbs().items()}
    assert {verb: options for verb, options in undocumented.items() if options} == {}
