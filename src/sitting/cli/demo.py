"""`sitting demo`"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from sitting.cli.options import ConfigOption, DatabaseUrlOption, HostOption, PortOption

if TYPE_CHECKING:
    import socket

DATABASE = "sqlite:///sitting-demo.db"


def run_demo(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as one JSON object on the first line instead.")
    ] = False,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Only make the data.")] = False,
    host: HostOption = None,
    port: PortOption = None,
    database_url: DatabaseUrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a database with sample questions, Tests and people, unless it is there; print the links; serve."""
    from sitting.cli.demo_data import look_up, prepare
    from sitting.cli.demo_report import print_json, print_report
    from sitting.cli.server import application, base_url, bind, run
    from sitting.cli.site import find_site

    site = find_site(config, database_url, fallback=DATABASE, host=host, port=port)
    show = print_json if as_json else print_report
    if no_serve and site.is_owned():
        show(look_up(site, base_url(site, None)), site)
        return
    with contextlib.ExitStack() as stack:
        listener: socket.socket | None = None
        if not no_serve:
            listener = stack.enter_context(bind(site.settings.host, site.settings.port))
        stack.enter_context(site.owning())
        data = prepare(site, base_url(site, listener))
        if listener is None:
            show(data, site)
        else:
            run(application(site, setup_secret=None), listener, lambda: show(data, site))
