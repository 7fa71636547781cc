"""`sitting user create`"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from sitting.cli.errors import Stop
from sitting.cli.options import ConfigOption, DatabaseUrlOption

if TYPE_CHECKING:
    from sitting.cli.site import Site
    from sitting.domain.user import Role, User

PasswordStdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input instead of making one up.")
]


def create(
    name: Annotated[str, typer.Option("--name", help="The person's name.")],
    email: Annotated[str, typer.Option("--email", help="The address, with which staff sign in.")],
    role: Annotated[
        list[str], typer.Option("--role", help="candidate, author, reviewer, invigilator or admin; may be repeated.")
    ],
    password_stdin: PasswordStdinOption = False,
    database_url: DatabaseUrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Add a person. Staff get a password, which is shown once unless it was given."""
    from sitting.cli.passwords import choose_password
    from sitting.cli.site import find_site
    from sitting.domain.user import Role, roles_of

    site = find_site(config, database_url)
    roles = roles_of(role)
    if not name.strip():
        raise Stop("--name is empty")
    needs_password = password_stdin or roles != {Role.CANDIDATE}
    password = choose_password(password_stdin) if needs_password else None
    site.require_newest_schema()
    with site.owning():
        user = asyncio.run(_create(site, name.strip(), email, roles, password))
    print(f"user {user.user_id}: {user.name} <{user.email}>, {', '.join(sorted(user.roles))}")
    if password is not None and not password_stdin:
        print(f"password: {password}")


async def _create(site: Site, name: str, email: str, roles: frozenset[Role], password: str | None) -> User:
    from sitting.identity.passwords import hash_password
    from sitting.kit.clock import SystemClock
    from sitting.usecases.create_user import create_user

    password_hash = None if password is None else await asyncio.to_thread(hash_password, password)
    async with site.storage() as storage:
        return await create_user(
            storage, name=name, email=email, roles=roles, now=SystemClock().now(), password_hash=password_hash
        )
