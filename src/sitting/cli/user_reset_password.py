"""`sitting user reset-password`"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from sitting.cli.options import ConfigOption, DatabaseUrlOption
from sitting.cli.user_create import PasswordStdinOption

if TYPE_CHECKING:
    from sitting.cli.site import Site
    from sitting.domain.user import User


def reset_password(
    email: Annotated[str, typer.Argument(help="The person's address.", metavar="EMAIL")],
    password_stdin: PasswordStdinOption = False,
    database_url: DatabaseUrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Give a person a new password, shown once unless it was given; the tokens they had are void."""
    from sitting.cli.passwords import choose_password
    from sitting.cli.site import find_site

    site = find_site(config, database_url)
    password = choose_password(password_stdin)
    site.require_newest_schema()
    with site.owning():
        user = asyncio.run(_reset(site, email, password))
    print(f"user {user.user_id}: {user.name} <{user.email}> has a new password")
    if not password_stdin:
        print(f"password: {password}")


async def _reset(site: Site, email: str, password: str) -> User:
    from sitting.identity.passwords import hash_password
    from sitting.kit.clock import SystemClock
    from sitting.usecases.reset_password import reset_password

    password_hash = await asyncio.to_thread(hash_password, password)
    async with site.storage() as storage:
        return await reset_password(storage, email=email, password_hash=password_hash, now=SystemClock().now())
