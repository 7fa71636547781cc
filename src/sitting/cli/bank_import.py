"""`sitting import`"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sitting.cli.errors import Stop
from sitting.cli.options import ConfigOption, DatabaseUrlOption

if TYPE_CHECKING:
    from sitting.cli.site import Site
    from sitting.interchange.formats import Format
    from sitting.interchange.reading import Defaults
    from sitting.interchange.report import Report

FormatOption = Annotated[
    str | None, typer.Option("--format", help="json, csv or gift, instead of what the file's name says.")
]
SkillOption = Annotated[str | None, typer.Option("--skill", help="The skill of questions that say none.")]
DifficultyOption = Annotated[
    str | None, typer.Option("--difficulty", help="easy, medium or hard: of questions that say none.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Store nothing; only say what would become of each.")]
YesOption = Annotated[
    bool, typer.Option("--yes", help="Store what can be taken, even if something is refused or changed.")
]


def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Banks as JSON, CSV or GIFT.")],
    format_: FormatOption = None,
    skill: SkillOption = None,
    difficulty: DifficultyOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    database_url: DatabaseUrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Take the questions of files into the bank: new ones are created, known ones revised where they differ."""
    from sitting.cli.site import find_site
    from sitting.interchange.report import lines_of

    site = find_site(config, database_url)
    sources = [(path, read_format(format_, path), read_file(path)) for path in files]
    defaults = _defaults(skill, difficulty)
    site.require_newest_schema()
    foreseen = asyncio.run(_import(site, sources, defaults, dry_run=True))
    if dry_run:
        _print(files, foreseen)
        raise typer.Exit(1 if _refused(foreseen) else 0)
    if not yes and any(report.changed for report in foreseen) | _refused(foreseen):
        _print(files, foreseen)
        _ask()
    with site.owning():
        done = asyncio.run(_import(site, sources, defaults, dry_run=False))
    for path, report in zip(files, done, strict=True):
        print(f"{path}: {lines_of(report)[0]}" if not yes else "\n".join([f"{path}:", *lines_of(report)]))


def read_format(said: str | None, path: Path | None) -> Format:
    """The format that was said, or else the one that the file's name tells.

    Raises:
        Stop: it is none, or nothing tells it.
    """
    from sitting.interchange.formats import Format, format_of_name

    if said is None:
        found = format_of_name(path.name) if path is not None else None
        if found is None:
            raise Stop(f"{path or 'standard output'} does not tell its format; say --format json, csv or gift")
        return found
    if said not in tuple(Format):
        raise Stop(f"unknown format {said}; known: {', '.join(Format)}")
    return Format(said)


def read_file(path: Path) -> bytes:
    """What the file holds.

    Raises:
        Stop: it is too large. OSError: it cannot be read.
    """
    from sitting.interchange.formats import MAX_FILE_BYTES

    data = path.read_bytes()
    if len(data) > MAX_FILE_BYTES:
        raise Stop(f"{path} is larger than {MAX_FILE_BYTES} bytes; cut it in pieces")
    return data


def _defaults(skill: str | None, difficulty: str | None) -> Defaults:
    from sitting.domain.question import Difficulty
    from sitting.interchange.reading import Defaults

    if difficulty is not None and difficulty not in tuple(Difficulty):
        raise Stop(f"unknown difficulty {difficulty}; known: {', '.join(Difficulty)}")
    return Defaults((skill or "").strip() or None, Difficulty(difficulty) if difficulty else None)


async def _import(
    site: Site, sources: Sequence[tuple[Path, Format, bytes]], defaults: Defaults, *, dry_run: bool
) -> list[Report]:
    from sitting.kit.clock import SystemClock
    from sitting.usecases.import_questions import import_questions

    now = SystemClock().now()
    async with site.storage() as storage:
        return [
            await import_questions(storage, data, format_, defaults=defaults, dry_run=dry_run, by=None, now=now)
            for _, format_, data in sources
        ]


def _print(files: Sequence[Path], reports: Sequence[Report]) -> None:
    from sitting.interchange.report import lines_of

    for path, report in zip(files, reports, strict=True):
        print("\n".join([f"{path}:", *lines_of(report)]))


def _refused(reports: Sequence[Report]) -> bool:
    from sitting.interchange.report import Outcome

    return any(report.counts[Outcome.REFUSED] for report in reports)


def _ask() -> None:
    """Go on only if somebody says so."""
    if not sys.stdin.isatty():
        raise Stop("nothing was stored; say --yes to store what can be taken")
    if not typer.confirm("Store what can be taken?"):
        raise Stop("nothing was stored")
