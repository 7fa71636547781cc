"""`make power-cuts`: many power cuts on both databases, as they should be set up and as they should not.

    python -m tests.support.power_cut_results [--cycles 20] [--seed 1]

Results go to build/power-cuts.json cycle by cycle, and at the end into docs/reliability.md. The exit code is 1 if an
acknowledged answer was lost, or if the settings under which some must be lost lost none: then the method shows nothing.
It is 2 if this machine does not allow power cuts; what is missing is said.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.support.cuttable_disk import CannotCut, require_power_cuts
from tests.support.power_cut import Cycle, opened_site
from tests.support.tables_in_docs import RELIABILITY, ROOT, table, write_between

FILE = ROOT / "build" / "power-cuts.json"
# What it is called, the kind of database, and whether it is set up in a way that loses answers.
ARMS = (
    ("SQLite, `synchronous=FULL`", "sqlite", False),
    ("PostgreSQL, `synchronous_commit=on`", "postgresql", False),
    ("SQLite, `synchronous=NORMAL` (refused)", "sqlite", True),
    ("PostgreSQL, `synchronous_commit=off` (refused)", "postgresql", True),
)


def main() -> int:
    """Run, and write the table if it shows what it should."""
    parser = argparse.ArgumentParser(prog="make power-cuts")
    parser.add_argument("--cycles", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    try:
        require_power_cuts()
    except CannotCut as reason:
        print(f"This machine does not allow power cuts: {reason}", file=sys.stderr)
        return 2
    found: dict[str, Any] = {"seed": wanted.seed, "cycles": wanted.cycles, "machine": _machine(), "results": {}}
    begun = time.monotonic()
    for name, kind, is_weak in ARMS:
        _run(found, name, kind, is_weak=is_weak)
    found["seconds"] = round(time.monotonic() - begun)
    _write(found)
    complaints = complaints_about(found["results"])
    if not complaints:
        write_between(RELIABILITY, "power-cuts", page(found))
    print("\n".join(complaints) or page(found))
    return 1 if complaints else 0


def complaints_about(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is wrong with the results of all arms, one sentence each."""
    said = []
    for name, _, is_weak in ARMS:
        cycles = [Cycle(**each) for each in results[name]["cycles"]]
        if is_weak and all(cycle.kept == cycle.acks for cycle in cycles):
            said.append(f"{name} lost nothing: cuts like these show nothing")
        if not is_weak:
            said += [f"{name}, cycle {n}: {cycle}" for n, cycle in enumerate(cycles, 1) if not cycle.is_kept]
    return said


def page(found: Mapping[str, Any]) -> str:
    """The table, and how to see it again."""
    rows = [_row(name, found["results"][name]["cycles"]) for name, _, _ in ARMS]
    head = ("Database", "Cuts", "Acknowledged", "Kept", "Lost", "Cuts that lost any", "Logs after each cut")
    versions = ", ".join(sorted({each["version"] for each in found["results"].values()}))
    return (
        f"{table(head, rows)}\n\n{found['machine']}, {versions}; {found['seconds'] / 60:.0f} minutes in all. "
        f"Again: `make power-cuts CYCLES={found['cycles']} SEED={found['seed']}`."
    )


def _row(name: str, cycles: Sequence[Mapping[str, Any]]) -> Sequence[object]:
    acks, kept = sum(each["acks"] for each in cycles), sum(each["kept"] for each in cycles)
    losing = sum(each["kept"] < each["acks"] for each in cycles)
    logs = "all whole" if all(each["is_whole"] for each in cycles) else "broken"
    return name, len(cycles), f"{acks:,}", f"{kept:,}", f"{acks - kept:,}", losing, logs


def _run(found: dict[str, Any], name: str, kind: str, *, is_weak: bool) -> None:
    """All cycles of one arm; each is in the file before the next begins. The same instants in every arm."""
    chance = random.Random(found["seed"])
    with tempfile.TemporaryDirectory() as directory, opened_site(kind, Path(directory), is_weak=is_weak) as site:
        cycles: list[dict[str, Any]] = []
        found["results"][name] = {"version": site.machine.version, "cycles": cycles}
        for number in range(1, found["cycles"] + 1):
            cycle = site.cycle(chance)
            cycles.append(asdict(cycle))
            _write(found)
            print(f"{name}, cut {number}: {cycle.kept} of {cycle.acks} kept; {cycle.audit}", flush=True)


def _write(found: Mapping[str, Any]) -> None:
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(found, indent=1))


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}, ext4 on a loop device"


if __name__ == "__main__":
    sys.exit(main())
