"""`sitting export`"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sitting.cli.errors import Stop
from sitting.cli.options import ConfigOption, DatabaseUrlOption

if TYPE_CHECKING:
    from sitting.cli.site import Site
    from sitting.interchange.formats import Format
    from sitting.interchange.report import Report
    from sitting.storage.repositories.questions import QuestionFilter

FormatOption = Annotated[
    str | None, typer.Option("--format", help="json, csv or gift, instead of what the output's name says.")
]
OutputOption = Annotated[Path | None, typer.Option("-o", "--output", help="The file, instead of standard output.")]
SkillOption = Annotated[str | None, typer.Option("--skill", help="Only questions of this skill.")]
DifficultyOption = Annotated[str | None, typer.Option("--difficulty", help="Only questions of this difficulty.")]
TypeOption = Annotated[str | None, typer.Option("--type", help="Only questions of this type.")]
TagOption = Annotated[list[str] | None, typer.Option("--tag", help="Only questions with this tag; may be repeated.")]


def export_file(
    format_: FormatOption = None,
    output: OutputOption = None,
    skill: SkillOption = None,
    difficulty: DifficultyOption = None,
    type_: TypeOption = None,
    tag: TagOption = None,
    database_url: DatabaseUrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Write questions of the bank into a file. What the format cannot say is told on standard error."""
    from sitting.cli.bank_import import read_format
    from sitting.cli.site import find_site
    from sitting.interchange.report import lines_of
    from sitting.storage.repositories.questions import QuestionFilter

    site = find_site(config, database_url)
    format_read = read_format(format_, output)
    _require_known(difficulty, type_)
    site.require_newest_schema()
    text, report = asyncio.run(_export(site, format_read, QuestionFilter(skill, difficulty, type_, tag or ())))
    if output is None:
        sys.stdout.buffer.write(text.encode())
    else:
        output.write_bytes(text.encode())
    print("\n".join(lines_of(report)), file=sys.stderr)


def _require_known(difficulty: str | None, type_: str | None) -> None:
    from sitting.domain.question import Difficulty, QuestionType

    if difficulty is not None and difficulty not in tuple(Difficulty):
        raise Stop(f"unknown difficulty {difficulty}; known: {', '.join(Difficulty)}")
    if type_ is not None and type_ not in tuple(QuestionType):
        raise Stop(f"unknown type {type_}; known: {', '.join(QuestionType)}")


async def _export(site: Site, format_: Format, wanted: QuestionFilter) -> tuple[str, Report]:
    from sitting.usecases.export_questions import export_questions

    async with site.storage() as storage:
        return await export_questions(storage, format_, wanted)
