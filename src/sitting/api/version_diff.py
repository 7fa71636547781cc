"""What changed between two versions of a Test, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sitting.api.draft import shown_draft
from sitting.usecases.compare_versions import ChangedQuestion, Comparison


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A rule with another value, both as REST spells them; `sentence` says it in words."""

    setting: str
    old: Any
    new: Any
    sentence: str


@dataclass(frozen=True, slots=True)
class SectionChange:
    """A section that one of them lacks, or whose rules differ; sections are known by their names."""

    section: str
    change: Literal["added", "removed", "changed"]
    settings: list[SettingChange]


@dataclass(frozen=True, slots=True)
class QuestionChange:
    """A question whose content differs: the digests of both contents, and the names of the fields that differ."""

    question_id: str
    old_digest: str
    new_digest: str
    fields: list[str]


@dataclass(frozen=True, slots=True)
class QuestionChanges:
    """How the questions differ that papers may hold."""

    added: list[str]
    removed: list[str]
    changed: list[QuestionChange]


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """What became different from one version to the other; all lists are empty if nothing did."""

    settings: list[SettingChange]
    sections: list[SectionChange]
    questions: QuestionChanges


def shown_diff(comparison: Comparison) -> VersionDiff:
    """A comparison as REST shows it."""
    old, new = (shown_draft(rules).model_dump(mode="json") for rules in (comparison.old, comparison.new))
    old_sections, new_sections = ({each["name"]: each for each in rules.pop("sections")} for rules in (old, new))
    sections = list(_sections(old_sections, new_sections))
    if not sections and list(old_sections) != list(new_sections):
        old["sections"], new["sections"] = list(old_sections), list(new_sections)
    return VersionDiff(
        list(_settings(old, new)),
        sections,
        QuestionChanges(list(comparison.added), list(comparison.removed), list(map(_question, comparison.changed))),
    )


def _settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[SettingChange]:
    for name in dict.fromkeys([*old, *new]):
        was, is_ = old.get(name), new.get(name)
        if was != is_:
            yield SettingChange(name, was, is_, f"{name}: {_words(was)} became {_words(is_)}")


def _words(value: Any) -> str:
    if isinstance(value, list | dict):
        return f"{len(value)} entries" if len(value) != 1 else "1 entry"
    return json.dumps(value, ensure_ascii=False)


def _sections(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[SectionChange]:
    for name in dict.fromkeys([*old, *new]):
        if name not in new:
            yield SectionChange(name, "removed", [])
        elif name not in old:
            yield SectionChange(name, "added", [])
        elif old[name] != new[name]:
            yield SectionChange(name, "changed", list(_settings(old[name], new[name])))


def _question(changed: ChangedQuestion) -> QuestionChange:
    return QuestionChange(changed.question_id, changed.old_digest, changed.new_digest, list(changed.fields))
