"""docs/operations.md knows every event that the server logs."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LOGGED = re.compile(r"""\blog\.(?:debug|info|warning|error|critical|exception)\(\s*"(\w+)\"""")


def test_table_of_log_events_is_the_code_s() -> None:
    sources = (REPOSITORY / "src" / "sitting").rglob("*.py")
    logged = {event for source in sources for event in LOGGED.findall(source.read_text("utf-8"))}
    page = (REPOSITORY / "docs" / "operations.md").read_text("utf-8")
    rows = re.findall(r"^\| (`.*?) \|", page.partition("| event |")[2], flags=re.MULTILINE)
    documented = {event for row in rows for event in re.findall(r"`(\w+)`", row)}
    assert "unforeseen_error" in logged
    assert documented == logged
