"""`sitting token`"""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from sitting.cli.errors import Stop
from sitting.cli.options import ConfigOption, DatabaseUrlOption

if TYPE_CHECKING:
    from sitting.cli.site import Site
    from sitting.domain.user import User

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def mint_token(
    user_id: Annotated[int, typer.Option("--user-id", help="Whom the token stands for.", metavar="N", min=1)],
    role: Annotated[
        str | None, typer.Option("--role", help="One of the user's roles; the database's decide anyway.")
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires", help="How long it is good: 90s, 30m, 8h or 7d; else as SITTING_TOKEN_LIFETIME_MINUTES."
        ),
    ] = None,
    database_url: DatabaseUrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Mint a token for a user, signed with the configured secret, and print it alone."""
    from sitting.cli.site import find_site
    from sitting.identity.tokens import mint
    from sitting.kit.clock import SystemClock

    site = find_site(config, database_url)
    lifetime = timedelta(minutes=site.settings.token_lifetime_minutes) if expires is None else _duration(expires)
    site.require_newest_schema()
    user = asyncio.run(_user(site, user_id))
    if role is None and len(user.roles) == 1:
        role = next(iter(user.roles))
    if role is not None and role not in user.roles:
        raise Stop(f"user {user_id} does not have the role {role}, but {', '.join(sorted(user.roles))}")
    print(mint(site.token_keys(), user_id, now=SystemClock().now(), lifetime=lifetime, role=role))


async def _user(site: Site, user_id: int) -> User:
    from sitting.storage.repositories.users import UserRepository

    async with site.looking() as database, database.reading() as connection:
        return await UserRepository(connection).select(user_id)


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is no time such as 90s, 30m, 8h or 7d", param_hint="--expires")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
