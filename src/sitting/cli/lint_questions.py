"""`sitting lint-questions`"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sitting.cli.bank_import import read_file, read_format
from sitting.cli.errors import Stop
from sitting.cli.options import ConfigOption, DatabaseUrlOption

if TYPE_CHECKING:
    from sitting.cli.site import Site
    from sitting.questions.gates import GateSettings
    from sitting.questions.gates.lint import LintReport
    from sitting.storage.repositories.questions import QuestionFilter
    from sitting.storage.unit_of_work import Storage

FilesArgument = Annotated[
    list[Path] | None, typer.Argument(metavar="[FILE...]", help="Banks as JSON, CSV or GIFT, instead of the database.")
]
FormatOption = Annotated[
    str | None, typer.Option("--format", help="json, csv or gift, instead of what the file's name says.")
]
SkillOption = Annotated[str | None, typer.Option("--skill", help="Only questions of this skill.")]
TagOption = Annotated[list[str] | None, typer.Option("--tag", help="Only questions with this tag; may be repeated.")]
GateOption = Annotated[list[str] | None, typer.Option("--gate", help="Only this gate; may be repeated.")]
LanguageOption = Annotated[
    str | None, typer.Option("--language", help="The language of all questions, such as en; else each text tells it.")
]
MeaningOption = Annotated[
    bool, typer.Option("--meaning", help="Look for duplicates in other words, too, by SITTING_EMBEDDING_MODEL.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the report.")]


@dataclass(frozen=True, slots=True)
class How:
    """Which gates are asked, of texts in which language (None: each tells it), and what they hold them against."""

    only: Collection[str]
    language: str | None
    gates: GateSettings


def lint_questions(
    files: FilesArgument = None,
    format_: FormatOption = None,
    skill: SkillOption = None,
    tag: TagOption = None,
    gate: GateOption = None,
    language: LanguageOption = None,
    meaning: MeaningOption = False,
    as_json: JsonOption = False,
    database_url: DatabaseUrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Ask the gates about the bank's questions, or those of files: what is wrong with each, and with all together."""
    from sitting.cli.gates import gate_settings
    from sitting.cli.lint_report import as_data, lines_of
    from sitting.cli.site import find_site
    from sitting.interchange.reading import sound
    from sitting.storage.repositories.questions import QuestionFilter

    site = find_site(config, database_url)
    how = How(_gates(gate), language, gate_settings(site.settings))
    if files:
        if meaning:
            raise Stop("--meaning compares questions of the bank; import the files before")
        report = _of_files(files, format_, skill, tag or (), how)
    else:
        site.require_newest_schema()
        report = asyncio.run(_of_bank(site, QuestionFilter(skill=skill, tags=tag or ()), how, meaning=meaning))
    said = json.dumps(as_data(report), ensure_ascii=False) if as_json else "\n".join(lines_of(report))
    print(sound(said))  # a file may hold half surrogate pairs
    raise typer.Exit(0 if report.is_clean else 1)


def _gates(said: list[str] | None) -> Collection[str]:
    from sitting.questions.gates import GATE_NAMES

    unknown = [name for name in said or () if name not in GATE_NAMES]
    if unknown:
        raise Stop(f"unknown gate {unknown[0]}; known: {', '.join(GATE_NAMES)}")
    return said or GATE_NAMES


def _of_files(
    files: list[Path],
    format_: str | None,
    skill: str | None,
    tags: Collection[str],
    how: How,
) -> LintReport:
    from sitting.usecases.lint_files import Source, lint_files

    sources = [Source(str(path), read_file(path), read_format(format_, path)) for path in files]
    return lint_files(sources, skill=skill, tags=tags, only=how.only, language=how.language, gates=how.gates)


async def _of_bank(site: Site, wanted: QuestionFilter, how: How, *, meaning: bool) -> LintReport:
    from sitting.usecases.lint_bank import lint_bank

    async with site.storage() as storage:
        report = await lint_bank(storage, wanted, only=how.only, language=how.language, gates=how.gates)
        return await _compared(site, storage, report) if meaning else report


async def _compared(site: Site, storage: Storage, report: LintReport) -> LintReport:
    """The report with duplicates in other words. Vectors that are missing are made first, and stay."""
    from sitting.cli.models import meaning_config, require_packages
    from sitting.kit.clock import SystemClock
    from sitting.questions.provider_calls import ModelFailed
    from sitting.usecases.compare_meanings import compare_meanings
    from sitting.workers.bank_vectors import make_bank_vectors

    config = meaning_config(site.settings)
    if config is None:
        raise Stop("--meaning needs a model that makes vectors, and SITTING_EMBEDDING_MODEL is not set")
    require_packages("numpy")
    access = config.open(SystemClock())
    try:
        await make_bank_vectors(storage, access)
        return await compare_meanings(storage, report, model=access.embedder.model, least=access.least)
    except ModelFailed as fault:
        raise Stop(f"not all questions could be compared by meaning: {fault}") from None
    finally:
        await access.embedder.close()
