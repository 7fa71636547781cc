"""`sitting serve`"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from sitting.cli.errors import Stop
from sitting.cli.options import ConfigOption, DatabaseUrlOption, HostOption, PortOption

if TYPE_CHECKING:
    import socket

    from sitting.cli.site import Site


def run_server(
    host: HostOption = None,
    port: PortOption = None,
    processes: Annotated[
        int | None,
        typer.Option("--processes", help="How many nodes to run on this machine; more than 1 needs PostgreSQL.", min=1),
    ] = None,
    migrate: Annotated[bool, typer.Option("--migrate", help="Bring the database to the newest schema first.")] = False,
    database_url: DatabaseUrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve. With SQLite one process serves a file; with PostgreSQL any number of them serve one database."""
    from sitting.cli.models import model_config
    from sitting.cli.processes import check_processes, supervise
    from sitting.cli.server import application, base_url, bind, run
    from sitting.cli.site import find_site
    from sitting.kit.ids import random_secret

    site = find_site(config, database_url, host=host, port=port, processes=processes)
    check_processes(site)
    model_config(site.settings)  # refused here, and not by each process for itself
    if not migrate:
        site.require_newest_schema()
    with bind(site.settings.host, site.settings.port) as listener, site.owning():
        site.require_keys()
        if migrate:
            site.migrate()
        setup_secret = random_secret() if asyncio.run(_examine(site)) else None

        def announce(ports: Sequence[int] = ()) -> None:
            print(f"Sitting serves on {base_url(site, listener)}", flush=True)
            if ports:
                print(
                    f"{len(ports)} processes, each with a port of its own too: {', '.join(map(str, ports))}", flush=True
                )
            if setup_secret is not None:
                print("There is no user yet. This link makes the first administrator, once:")
                print(f"  {base_url(site, listener)}/setup/{setup_secret}", flush=True)

        def serve(listeners: Sequence[socket.socket], ready: Callable[[], None]) -> None:
            run(application(site, setup_secret=setup_secret), listeners[0], ready, more=listeners[1:])

        if site.settings.processes == 1:
            serve([listener], announce)
        else:
            supervise(site, listener, serve, announce)


async def _examine(site: Site) -> bool:
    """Whether the database has no user yet.

    Raises:
        Stop: the database may lose what it commits, and that is not allowed.
    """
    from sitting.storage.durability import find_weaknesses

    async with site.storage() as storage:
        weaknesses = await find_weaknesses(storage.database)
        if weaknesses and not site.settings.allow_weak_durability:
            raise Stop(
                f"this database may lose answers: {'; '.join(map(str, weaknesses))}. "
                "SITTING_ALLOW_WEAK_DURABILITY=true serves it all the same"
            )
        async with storage.reading() as unit:
            return not await unit.users.any_exist()
