"""`sitting audit verify`"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from sitting.cli.options import ConfigOption, DatabaseUrlOption

if TYPE_CHECKING:
    from sitting.cli.site import Site
    from sitting.domain.audit import Verifies


def verify(
    assessment_id: Annotated[
        int | None, typer.Argument(help="Only this assessment; all if left out.", metavar="[ASSESSMENT_ID]", min=1)
    ] = None,
    public_key: Annotated[
        list[str] | None,
        typer.Option(
            "--public-key",
            help="A key under receipts, the `x` of /api/v1/keys; may be repeated. Else the server's own.",
            metavar="KEY",
        ),
    ] = None,
    database_url: DatabaseUrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Walk the hash chains, and name the first broken place of each assessment. May run while the server does."""
    from sitting.cli.receipts import receipt_verifier
    from sitting.cli.site import find_site

    site = find_site(config, database_url)
    site.require_newest_schema()
    verifies = receipt_verifier(site, public_key or [])
    assessments, entries, broken, erased = asyncio.run(_verify(site, verifies, assessment_id))
    if verifies is None:
        print("signatures were not checked: no signing key is set here, and --public-key names none")
    if broken:
        print(f"{assessments} assessments, {entries} entries: {broken} broken")
        raise typer.Exit(1)
    print(f"{assessments} assessments, {entries} entries: all whole{f' ({erased} erased)' if erased else ''}")


async def _verify(site: Site, verifies: Verifies | None, assessment_id: int | None) -> tuple[int, int, int, int]:
    """Print each broken place as it is found.

    Returns:
        The numbers of assessments, of entries, of broken assessments and of erased ones.
    """
    from sitting.usecases.verify_log import verify_log

    assessments = entries = broken = erased = 0
    async with site.looking() as database:
        async for verified in verify_log(database, verifies, assessment_id=assessment_id):
            assessments += 1
            entries += verified.entries
            erased += verified.is_erased
            if verified.broken is not None:
                broken += 1
                print(f"assessment {verified.assessment_id}: {verified.broken}")
    return assessments, entries, broken, erased
