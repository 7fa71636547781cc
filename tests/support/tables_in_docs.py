"""Tables that a program writes into a page which people write, between two comments that nobody sees."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RELIABILITY = ROOT / "docs" / "reliability.md"


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines)


def between(page: Path, name: str) -> str:
    """What stands between the markers of that name, without the blank lines around it.

    Raises:
        ValueError: the page lacks a marker.
    """
    _, begin, rest = page.read_text().partition(f"<!-- {name}:begin -->")
    inside, end, _ = rest.partition(f"<!-- {name}:end -->")
    if not begin or not end:
        raise ValueError(f"{page} has no place for {name}")
    return inside.strip()


def write_between(page: Path, name: str, text: str) -> None:
    """Put `text` between the markers of that name.

    Raises:
        ValueError: the page lacks a marker.
    """
    between(page, name)
    before, begin, rest = page.read_text().partition(f"<!-- {name}:begin -->")
    _, end, after = rest.partition(f"<!-- {name}:end -->")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")
