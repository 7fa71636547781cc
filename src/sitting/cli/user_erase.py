"""`sitting user erase`"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from sitting.cli.options import ConfigOption, DatabaseUrlOption

if TYPE_CHECKING:
    from sitting.cli.site import Site
    from sitting.domain.user import User


def erase(
    user_id: Annotated[int, typer.Argument(help="The person's number.", metavar="USER_ID", min=1)],
    reason: Annotated[str, typer.Option(help="Why. It is kept, and must not name the person.", metavar="TEXT")],
    confirm: Annotated[int, typer.Option(help="The same number again: there is no way back.", metavar="USER_ID")],
    database_url: DatabaseUrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Erase all that is known of a person. Scores and logs' hashes stay, without a name."""
    from sitting.cli.errors import Stop
    from sitting.cli.site import find_site

    if confirm != user_id:
        raise Stop("--confirm names another user; nobody was erased")
    if not reason.strip():
        raise Stop("--reason says nothing; nobody was erased")
    site = find_site(config, database_url)
    site.require_newest_schema()
    with site.owning():
        user = asyncio.run(_erase(site, user_id, reason.strip()))
    print(f"user {user.user_id} is erased")
    print("backups, and on PostgreSQL what VACUUM has not reached, still hold what was erased: docs/audit.md")


async def _erase(site: Site, user_id: int, reason: str) -> User:
    from sitting.kit.clock import SystemClock
    from sitting.usecases.erase_user import erase_user

    async with site.storage() as storage:
        return await erase_user(storage, user_id, reason=reason, by=None, now=SystemClock().now())
