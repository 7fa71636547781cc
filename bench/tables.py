"""`python -m bench.tables`: writes the tables of all results into docs/performance.md, between their markers."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.machine import ROOT, in_words
from bench.results import DIRECTORY, Result, Table, load
from tests.support.tables_in_docs import table, write_between

PAGE = ROOT / "docs" / "performance.md"


def as_text(result: Result, shown: Table) -> str:
    """A table, and what it needs to be believed: the command, and the machine."""
    seed = "" if result.seed is None else f", seed {result.seed}"
    origin = f"`{result.command}`{seed}, {result.at[:10]}: {in_words(result.machine)}"
    return f"{table(shown.heads, shown.rows)}\n\n{origin}."


def write_tables(page: Path = PAGE, directory: Path = DIRECTORY) -> list[str]:
    """Write what results there are, and return the names of the tables.

    Raises:
        ValueError: the page has no place for a table.
    """
    names = []
    for path in sorted(directory.glob("*.json")):
        result = load(path)
        for shown in result.tables:
            write_between(page, shown.name, as_text(result, shown))
            names.append(shown.name)
    return names


if __name__ == "__main__":
    written = write_tables()
    print(f"{PAGE.relative_to(ROOT)}: {', '.join(written) or 'no results in build/bench yet'}")
    sys.exit(0 if written else 1)
