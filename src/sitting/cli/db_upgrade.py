"""`sitting db upgrade`"""

from __future__ import annotations

from sitting.cli.options import ConfigOption, DatabaseUrlOption


def upgrade(database_url: DatabaseUrlOption = None, config: ConfigOption = None) -> None:
    """Bring the database to the newest schema; makes an SQLite file that is not there yet."""
    from sitting.cli.site import find_site

    site = find_site(config, database_url)
    with site.owning():
        before = site.migrate()
    print(f"{site.url}: schema {before.newest}, {'as before' if before.complaint is None else 'upgraded'}")
