"""Figures as files: each script writes build/bench/NAME.json, and `bench.tables` puts their tables into a page."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import ROOT, machine

DIRECTORY = ROOT / "build" / "bench"


@dataclass(frozen=True)
class Table:
    """A table as a page shows it. `name` is that of its markers in docs/performance.md: `<!-- NAME:begin -->`."""

    name: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Result:
    """What one run of a script found.

    Attributes:
        name: of the file. command: what to type for the same again. seed: None where nothing is drawn.
        figures: all that was measured, with units in the names. tables: what of it people read.
        machine: see bench.machine. at: when it ended, in UTC.
    """

    name: str
    command: str
    seed: int | None
    figures: dict[str, Any]
    tables: Sequence[Table] = ()
    machine: dict[str, str] = field(default_factory=machine)
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def save(result: Result, directory: Path = DIRECTORY) -> Path:
    """Write it down, over what an earlier run found; returns the file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{result.name}.json"
    path.write_text(json.dumps(asdict(result), indent=1, ensure_ascii=False) + "\n")
    return path


def load(path: Path) -> Result:
    """What `save` wrote."""
    read = json.loads(path.read_text())
    return Result(**{**read, "tables": [Table(**each) for each in read["tables"]]})


def make_parser(module: str, about: str | None) -> argparse.ArgumentParser:
    """A command line for a script, with what all of them take: `into`, the directory for the result."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    parser.add_argument("--into", type=Path, default=DIRECTORY, help="directory for the result")
    return parser


def command_line(module: str) -> str:
    """What was typed, as one types it again."""
    return shlex.join(["python", "-m", module, *sys.argv[1:]])
