"""What models are told: versioned files beside this one, into which a call puts its material.

A file `prompts/<task>.v<version>.md` begins with `Task: <task>`; what stands before the line `--- user ---` is the
system's message, the rest the user's. `{{word:name}}` stands for a number or a single word of ours, `{{material:name}}`
for a text that somebody else wrote: candidates, authors, models. Material stands between marks with a random number of
this call, which nobody who wrote it can have known, and only in the user's message.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sitting.kit.canonical import sha256_hex

FOLDER = Path(__file__).parent / "prompts"
MAX_MATERIAL = 60_000
"""Characters of one material."""
MARK_BYTES = 12
RULE_FILE = "material.v1.md"
_DIVIDER = "\n--- user ---\n"
_FILE = re.compile(r"([a-z_]+)\.v([1-9]\d*)\.md")
_PLACE = re.compile(r"\{\{(word|material):([a-z_]+)\}\}")
_WORD = re.compile(r"[a-z0-9_]{1,40}")
_KEPT_CONTROLS = "\n\t"
_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt as it stands in its file.

    Attributes:
        name: task and version, `write_items.v1`.
        digest: SHA-256 of the file and of the rule about material that is added to it.
    """

    task: str
    version: int
    name: str
    digest: str
    system: str
    user: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What one call sends, and which wording it is."""

    name: str
    digest: str
    system: str
    user: str


def load_template(task: str, version: int | None = None) -> Template:
    """The template of a task, in its newest version or in that one.

    Raises:
        LookupError: there is none.
    """
    versions = _versions().get(task, ())
    if not versions or (version is not None and version not in versions):
        raise LookupError(f"there is no prompt for {task} in version {version or 'any'}")
    return _read(task, max(versions) if version is None else version)


def tasks() -> tuple[str, ...]:
    """All tasks that there are prompts for."""
    return tuple(sorted(set(_versions()) - {RULE_FILE.partition(".")[0]}))


def render(
    template: Template, words: Mapping[str, int | str], material: Mapping[str, str], mark: str | None = None
) -> Prompt:
    """The template with everything in its place.

    Args:
        words: numbers, or single words of small letters, digits and underscores.
        material: texts of others; characters that nobody sees are left out of them.
        mark: for tests; None makes a random one.

    Raises:
        ValueError: something is missing, too much, too long, or no word.
    """
    given = {f"word:{name}" for name in words} | {f"material:{name}" for name in material}
    asked = {f"{kind}:{name}" for kind, name in _PLACE.findall(template.system + template.user)}
    if given != asked:
        raise ValueError(f"{template.name} wants {sorted(asked)}, and got {sorted(given)}")
    texts = {name: _visible(text) for name, text in material.items()}
    mark = mark or _fresh_mark(texts)

    def fill(place: re.Match[str]) -> str:
        kind, name = place.groups()
        return _word(name, words[name]) if kind == "word" else _enclosed(name, texts[name], mark)

    rule = _rule().replace("{{mark}}", mark)
    system, user = (_PLACE.sub(fill, part).strip() for part in (template.system, template.user))
    return Prompt(template.name, template.digest, f"{system}\n\n{rule}", user)


@cache
def _versions() -> Mapping[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for path in sorted(FOLDER.iterdir()):
        if named := _FILE.fullmatch(path.name):
            found[named[1]] = (*found.get(named[1], ()), int(named[2]))
    return found


@cache
def _read(task: str, version: int) -> Template:
    text = (FOLDER / f"{task}.v{version}.md").read_text("utf-8")
    system, divider, user = text.partition(_DIVIDER)
    if not divider or not system.startswith(f"Task: {task}\n") or "{{material:" in system:
        raise ValueError(f"the prompt {task}.v{version} has not the form of a prompt")
    digest = sha256_hex(f"{text}\0{_rule()}".encode())
    return Template(task, version, f"{task}.v{version}", digest, system, user)


@cache
def _rule() -> str:
    """What every system's message says about material."""
    return (FOLDER / RULE_FILE).read_text("utf-8").strip()


def _word(name: str, value: int | str) -> str:
    text = str(value)
    if not _WORD.fullmatch(text):
        raise ValueError(f"{name} is not a word that a prompt takes")
    return text


def _enclosed(name: str, text: str, mark: str) -> str:
    if mark in text:
        raise ValueError(f"the material {name} holds the mark of this call")
    return f"<<<material {name} {mark}>>>\n{text}\n<<<end {name} {mark}>>>"


def _fresh_mark(texts: Mapping[str, str]) -> str:
    mark = secrets.token_hex(MARK_BYTES)
    return mark if not any(mark in text for text in texts.values()) else _fresh_mark(texts)


def _visible(text: str) -> str:
    """The text without characters that a reader cannot see and a model can: controls, marks of direction, tags."""
    if len(text) > MAX_MATERIAL:
        raise ValueError(f"a material has {len(text)} characters, and may have {MAX_MATERIAL}")
    return "".join(c for c in text if c in _KEPT_CONTROLS or unicodedata.category(c) not in _INVISIBLE)
