"""A short slice of `make faults`: candidates at work under faults, and what they were told held against the tables."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.tables_in_docs import ROOT

SECONDS, SEATS = 12, 25


def run(kind: str, build: Path, *more: str) -> dict[str, Any]:
    """What a run came to; its program has said it all if it failed."""
    command = [sys.executable, "-m", "tests.faults.nemesis.run", "--database", kind, "--seats", str(SEATS)]
    options = ["--minutes", str(SECONDS / 60), "--build", str(build), *more]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    file = build / f"faults-{kind}.json"
    assert file.exists(), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(file.read_text())
    assert found["is_finished"], done.stdout + done.stderr
    return found


def test_p01_under_faults_nothing_acknowledged_is_lost_and_nothing_is_graded_wrong(
    database_kind: str, tmp_path: Path
) -> None:
    found = run(database_kind, tmp_path)
    assert (found["findings"], found["broken"]) == ({}, []), found["examples"]
    assert found["acked"] > SEATS
    assert sum(found["faults"].values()) >= 3
    assert "all whole" in found["audit"]
