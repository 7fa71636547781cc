"""`sitting db check`"""

from __future__ import annotations

import typer

from sitting.cli.options import ConfigOption, DatabaseUrlOption


def check(database_url: DatabaseUrlOption = None, config: ConfigOption = None) -> None:
    """Say whether the database's tables are exactly those that this version works with."""
    from sitting.cli.site import find_site
    from sitting.storage.migrate import differences

    site = find_site(config, database_url)
    site.require_newest_schema()
    found = differences(site.address)
    for difference in found:
        print(difference)
    if found:
        raise typer.Exit(1)
    print(f"{site.url}: models and schema agree")
