"""`sitting backup`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sitting.cli.errors import Stop
from sitting.cli.options import ConfigOption, DatabaseUrlOption

if TYPE_CHECKING:
    from sitting.cli.copies import Copy
    from sitting.cli.site import Site

NICENESS = 10


def run_backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes.")],
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    no_secrets: Annotated[
        bool, typer.Option("--no-secrets", help="Leave the secrets out that are kept beside the database.")
    ] = False,
    no_audit: Annotated[bool, typer.Option("--no-audit", help="Do not walk the logs of the copy.")] = False,
    database_url: DatabaseUrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Copy an SQLite database, also while it is served, and check the copy. Exit code 1 if a log in it is broken."""
    import os

    from sitting.cli.copies import copied, described, file_of, put, require_place
    from sitting.cli.secrets_file import copy_secrets, secrets_file
    from sitting.cli.site import find_site

    site = find_site(config, database_url)
    source, target = file_of(site), file.absolute()
    _require_source(site)
    require_place(target, source)
    keeps_secrets = not no_secrets and secrets_file(source).exists()
    _refuse_taken([target, *([secrets_file(target)] if keeps_secrets else [])], force)
    os.nice(NICENESS)  # whoever serves comes first
    with copied(site, source, target) as copy:
        broken, said = ([], []) if no_audit else _audit(site, copy)
        if keeps_secrets:
            copy_secrets(source, target)
        put(copy.file, target, over=force)
        print(described(copy, target))
    print("\n".join([*broken, *said, _about_secrets(site, target, keeps_secrets)]))
    if broken:
        raise typer.Exit(1)


def _require_source(site: Site) -> None:
    """Make sure that there is something to copy. A schema that waits for its upgrade is what backups are made before.

    Raises:
        Stop: there is no such file.
    """
    if site.file is not None and not site.file.is_file():
        raise Stop(f"there is no file {site.file}")


def _refuse_taken(files: list[Path], force: bool) -> None:
    for each in files:
        if each.exists() and not force:
            raise Stop(f"{each} is there already; --force replaces it")


def _audit(site: Site, copy: Copy) -> tuple[list[str], list[str]]:
    """Walk all logs of the copy; a line for each broken one, and what else there is to say."""
    import asyncio

    from sitting.cli.receipts import receipt_verifier
    from sitting.usecases.verify_log import verify_log

    if copy.schema.complaint is not None:
        return [], [f"the logs were not walked: {copy.schema.complaint}"]
    verifies = receipt_verifier(site, [])

    async def walk() -> list[str]:
        async with copy.site.looking() as database:
            return [
                f"assessment {each.assessment_id} is broken: {each.broken}"
                async for each in verify_log(database, verifies)
                if each.broken is not None
            ]

    broken = asyncio.run(walk())
    unchecked = [] if verifies else ["signatures were not checked: no signing key is set here"]
    return broken, [*([] if broken else ["all logs are whole"]), *unchecked]


def _about_secrets(site: Site, target: Path, are_kept: bool) -> str:
    from sitting.cli.secrets_file import secrets_file

    if are_kept:
        return f"{secrets_file(target)}: the secret of tokens and the key under receipts; keep it from everybody"
    if site.settings.jwt_secret is not None and site.settings.signing_key is not None:
        return "keys are not in it: keep SITTING_JWT_SECRET and SITTING_SIGNING_KEY elsewhere"
    return "the secrets of tokens and receipts are not in it"
