"""How `sitting demo` tells what it has made: for people, or as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sitting.cli.demo_data import DemoCandidate, DemoData
from sitting.cli.secrets_file import secrets_file
from sitting.cli.site import Site

_WIDTH = 160  # wide enough for every link: one that is broken into lines cannot be clicked


def print_json(data: DemoData, _site: Site) -> None:
    """One JSON object, alone on its line."""
    print(json.dumps(asdict(data)), flush=True)


def print_report(data: DemoData, site: Site) -> None:
    """What a newcomer wants to try first."""
    console = Console(width=_WIDTH, highlight=False)
    console.print(f"\n[bold]The Sitting demo is on {data.base_url}[/]\n")
    console.print("Take a test as a candidate by one of these links:")
    console.print(_links(data))
    console.print("Staff sign in at POST /api/v1/auth/token:")
    console.print(_staff(data))
    console.print(f"All {len(data.candidates)} links and tokens: sitting demo --no-serve --json")
    console.print(f"What can be asked over REST: {data.base_url}/api/v1/openapi.json")
    console.print(escape(f"The data is in {site.url}{_whereabouts(site)}"))
    console.file.flush()


def _links(data: DemoData) -> Table:
    first: dict[int, DemoCandidate] = {}
    for candidate in data.candidates:
        first.setdefault(candidate.test_id, candidate)
    table = _table()
    for test in data.tests:
        if test.test_id in first:
            table.add_row(
                escape(test.test_name), f"[bold cyan]{first[test.test_id].link}[/]", escape(first[test.test_id].name)
            )
    return table


def _staff(data: DemoData) -> Table:
    table = _table()
    for person in data.staff:
        table.add_row(person.role, person.email, person.password or "(ask `sitting user reset-password`)")
    return table


def _table() -> Table:
    return Table(box=None, show_header=False, padding=(0, 2), pad_edge=True)


def _whereabouts(site: Site) -> str:
    return "." if site.file is None else f"; its secrets and these passwords are in {secrets_file(site.file)}."
