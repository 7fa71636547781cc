"""All tests, as `make test` runs them: `python -m tests.support.whole_run [ARGUMENTS OF PYTEST…]`.

Most tests wait, for servers that start, die and come back. So three files of tests run at a time, and behind them the
one test that reads what the taps saw of all the traffic. The last line counts the tests of both.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence

from tests.support.tables_in_docs import ROOT
from tests.support.traffic import DIRECTORY
from tests.support.traffic_notes import LAST, WHOLE_RUN

# In the order of their names: the longest happen to be among the first.
THREE_FILES = ("--numprocesses=3", "--dist=loadfile", "--no-loadscope-reorder")
BEHIND_ALL = f"tests/integration/test_traffic.py::{LAST}"
_CLOSING_LINE = re.compile(r"(\d+) passed, (\d+) failed")


def run(arguments: Sequence[str], env: Mapping[str, str]) -> tuple[int, int, int]:
    """Run pytest, pass on what it prints, and return its exit code, how many tests passed, and how many did not."""
    command = [sys.executable, "-m", "pytest", *arguments]
    passed = failed = 0
    with subprocess.Popen(command, cwd=ROOT, env=dict(env), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if counted := _CLOSING_LINE.fullmatch(line.strip()):
                passed, failed = int(counted[1]), int(counted[2])
    return process.returncode, passed, failed


def main(more: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="traffic-") as notes:
        # Hundreds of servers start from these sources, and would else compile them each time where somebody forbade it.
        env = {**os.environ, DIRECTORY: notes, "PYTHONDONTWRITEBYTECODE": ""} | ({} if more else {WHOLE_RUN: "1"})
        parts = (
            [*THREE_FILES, "--deselect", BEHIND_ALL, *more],
            [BEHIND_ALL],
        )
        done = [run(part, env) for part in parts]
    print(f"{sum(passed for _, passed, _ in done)} passed, {sum(failed for _, _, failed in done)} failed")
    return max(code for code, _, _ in done)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
