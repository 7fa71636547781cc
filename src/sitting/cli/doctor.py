"""`sitting doctor`"""

from __future__ import annotations

import typer

from sitting.cli.options import ConfigOption, DatabaseUrlOption


def run_doctor(database_url: DatabaseUrlOption = None, config: ConfigOption = None) -> None:
    """Look at everything that an exam day depends on; writes nothing. Exit code 1 if something is wrong."""
    import asyncio

    from sitting.cli.examination import Level, examine
    from sitting.cli.site import find_site

    findings = asyncio.run(examine(find_site(config, database_url)))
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        print(f"{finding.level:<7}  {finding.subject:<{width}}  {finding.text}")
    if any(finding.level is Level.ERROR for finding in findings):
        raise typer.Exit(1)
