"""What a run came to: a JSON file that is written as it goes, and the table of docs/reliability.md."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.faults.nemesis.checker import DOUBLY_FINALISED, EXTRA_ATTEMPT, LOST, REGRESSED, WRONG_SCORE
from tests.support.tables_in_docs import RELIABILITY, ROOT, between, table, write_between

FIGURES = (LOST, REGRESSED, WRONG_SCORE, DOUBLY_FINALISED, EXTRA_ATTEMPT)
DATABASES = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}


def commit() -> str:
    """The commit of the tree, with a plus behind it if the tree differs from it; empty outside a repository."""

    def ask(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    found = ask("rev-parse", "--short=12", "HEAD")
    return f"{found}+" if found and ask("status", "--porcelain", "--untracked-files=no") else found


def machine() -> str:
    """Processors, memory, kernel and Python."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kernel = platform.release().partition("-")[0]
    python = platform.python_version()
    return f"{os.cpu_count()} cores, {memory:.0f} GB, Linux {kernel}, {platform.machine()}, Python {python}"


def percentiles(seconds: Sequence[float], *shares: float) -> list[float]:
    """The values below which those shares lie, to the millisecond; nothing is 0."""
    ordered = sorted(seconds) or [0.0]
    return [round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 3) for share in shares]


def write(path: Path, result: Mapping[str, Any]) -> None:
    """Put the result into its file, whole at every instant."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(result, indent=1, ensure_ascii=False))
    part.replace(path)


def operations_table(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """Operations by outcome."""
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (op, outcome), number in sorted(counts.items()):
        found[op][outcome] = number
    return dict(found)


def publish(build: Path) -> None:
    """Write what the runs on both databases came to into the page; a database without a run keeps its lines."""
    name = "faults"
    parts = {}
    for kind, label in DATABASES.items():
        file = build / f"faults-{kind}.json"
        found = json.loads(file.read_text()) if file.exists() else {}
        parts[kind] = _section(label, found) if found.get("is_finished") else _kept(between(RELIABILITY, name), label)
    write_between(RELIABILITY, name, "\n\n".join(part for part in parts.values() if part))


def _kept(page: str, label: str) -> str:
    """What the page says of that database already."""
    begin = page.find(f"### {label}")
    end = page.find("\n### ", begin + 1)
    return page[begin : end if end > 0 else None].strip() if begin >= 0 else ""


def _section(label: str, found: Mapping[str, Any]) -> str:
    facts = [
        ("Command", f"`{found['command']}`"),
        ("Commit", f"`{found['commit']}`"),
        ("Machine", found["machine"]),
        ("Under faults", f"{found['seconds'] / 60:.1f} minutes, {found['nodes']} nodes, {found['seats']} seats"),
        ("Assessments", f"{found['assessments']:,}"),
        ("Acknowledged answers", f"{found['acked']:,}"),
        *((figure.capitalize(), f"{found['findings'].get(figure, 0):,}") for figure in FIGURES),
        ("Other findings", f"{sum(n for kind, n in found['findings'].items() if kind not in FIGURES):,}"),
        ("`sitting audit verify`", found["audit"]),
        (
            "From sending to acknowledgement, p50 and p99, outages included",
            " and ".join(f"{each * 1000:,.0f} ms" for each in found["ack_seconds"]),
        ),
    ]
    faults = [(kind, f"{number:,}") for kind, number in sorted(found["faults"].items())]
    faults += [(kind, f"0: {reason}") for kind, reason in sorted(found["cannot"].items())]
    outcomes = ("ok", "failed", "unknown", "again")
    rows = [
        (op, *(f"{by.get(outcome, 0):,}" for outcome in outcomes)) for op, by in sorted(found["operations"].items())
    ]
    return "\n\n".join(
        (
            f"### {label}",
            table(["What", "Seen"], facts),
            table(["Fault", "Injected"], faults),
            table(["Operation", "Done", "Refused", "Unknown", "Acknowledged again"], rows),
        )
    )
