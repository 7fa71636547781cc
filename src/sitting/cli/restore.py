"""`sitting restore`"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sitting.cli.errors import Stop, warn
from sitting.cli.options import ConfigOption, DatabaseUrlOption

if TYPE_CHECKING:
    from sitting.cli.site import Site

SIDE_FILES = ("-wal", "-shm")


def run_restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy that `sitting backup` has made.")],
    force: Annotated[
        bool, typer.Option("--force", help="Put it in the place of a database that is there, which is kept beside.")
    ] = False,
    database_url: DatabaseUrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Put a copy in the place of the database, which nobody serves meanwhile. FILE itself stays as it is."""
    from sitting.cli.copies import copied, described, file_of, put, require_place
    from sitting.cli.site import find_site
    from sitting.kit.clock import SystemClock
    from sitting.storage.sqlite_copy import set_journal_mode

    site = find_site(config, database_url)
    source, target = file.absolute(), file_of(site)
    if not source.is_file():
        raise Stop(f"there is no file {source}")
    require_place(target, source)
    with site.owning():
        if target.exists() and not force:
            raise Stop(f"{target} is there already; --force puts the copy in its place, and keeps it beside")
        with copied(site, source, target) as copy:
            set_journal_mode(copy.file, "WAL")
            kept = target.with_name(f"{target.name}.replaced-{SystemClock().now():%Y%m%dT%H%M%S%f}Z")
            replaces = _keep(target, kept)
            _restore_secrets(site, source, target, kept)
            put(copy.file, target, over=True)
            print(described(copy, target))
    if replaces:
        print(f"{kept}: what was there before")
    if copy.schema.complaint is not None:
        print(copy.schema.complaint)


def _keep(target: Path, kept: Path) -> bool:
    """Give the file that is there a second name, with all that its log holds; whether there was one.

    A log that stayed behind would be taken for the new file's own.
    """
    from sitting.storage.sqlite_copy import fold_log

    was_there = target.exists()
    if was_there:
        fold_log(target)
        os.link(target, kept)
    for suffix in SIDE_FILES:  # gone by now, unless the file cannot be read
        left = target.with_name(target.name + suffix)
        if left.exists():
            left.rename(kept.with_name(kept.name + suffix))
    return was_there


def _restore_secrets(site: Site, source: Path, target: Path, kept: Path) -> None:
    """Put the secrets of the copy beside the database, and keep those that were there with what they belong to."""
    from sitting.cli.secrets_file import copy_secrets, read_secrets, secrets_file

    old, new = read_secrets(target), read_secrets(source)
    if new is None:
        if old is None and (site.settings.jwt_secret is None or site.settings.signing_key is None):
            warn("the copy came without secrets: unless they are set, new ones are made, and tokens of before are void")
        return
    if old is not None and old != new:
        os.link(secrets_file(target), secrets_file(kept))
    copy_secrets(source, target)
