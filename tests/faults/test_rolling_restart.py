"""A short slice of `make rolling`: three nodes restarted one after the other under candidates who answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.tables_in_docs import ROOT

CANDIDATES = 30


def test_p01_rolling_restart_of_three_nodes_loses_no_answer(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.faults.nemesis.rolling", "--candidates", str(CANDIDATES)]
    options = ["--think", "0.5", "--calm", "1", "--build", str(tmp_path)]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    file = tmp_path / "rolling.json"
    assert file.exists(), done.stdout + done.stderr
    found = json.loads(file.read_text())
    assert found["findings"] == {}, found["examples"]
    assert (found["assessments"], found["open"]) == (CANDIDATES, 0)
    assert found["acked_meanwhile"] > CANDIDATES
    assert found["reconnects"] >= CANDIDATES, "each socket was on one of the nodes"
