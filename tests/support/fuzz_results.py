"""`make fuzz`: the tests of tests/integration/test_fuzz.py at length, and the table of what they saw.

    python -m tests.support.fuzz_results [--frames 200000] [--socket-frames 2000] [--seed 1]

Results go to build/fuzz.json as they come, and at the end into docs/reliability.md. The exit code is that of the tests.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from sitting.storage.unit_of_work import Storage
from sitting.storage.url import DatabaseUrl
from tests.support.delivery import Hall
from tests.support.fuzz import Report
from tests.support.tables_in_docs import RELIABILITY, ROOT, table, write_between

RESULTS = "SITTING_TEST_FUZZ_RESULTS"
FILE = ROOT / "build" / "fuzz.json"
SHOWN = 8  # kinds of replies in the table


def note(what: str, where: Storage | Hall, report: Report) -> None:
    """Keep what that run has come to by now, if anybody wants to know."""
    path = os.environ.get(RESULTS)
    if path is None:
        return
    url = where.database.url if isinstance(where, Storage) else DatabaseUrl.parse(where.url)
    found = json.loads(Path(path).read_text())
    name = f"{what}, {'SQLite' if url.is_sqlite else 'PostgreSQL'}"
    found["results"][name] = {**vars(report), "replies": dict(report.replies), "closes": dict(report.closes)}
    Path(path).write_text(json.dumps(found, indent=1))


def main() -> int:
    """Run, and write the table if all passed."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--frames", type=int, default=200_000)
    parser.add_argument("--socket-frames", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps({"seed": wanted.seed, "results": {}}))
    numbers = {"FRAMES": wanted.frames, "SOCKET_FRAMES": wanted.socket_frames, "SEED": wanted.seed, "DOORS": 0}
    environment = {f"SITTING_TEST_{name}": str(value) for name, value in numbers.items()}
    command = [sys.executable, "-m", "pytest", "-q", "-o", "faulthandler_timeout=0", "tests/integration/test_fuzz.py"]
    begun = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment, RESULTS: str(FILE)}).returncode
    if code == 0:
        write_between(RELIABILITY, "fuzz", _page(wanted, time.monotonic() - begun))
    return code


def _page(wanted: argparse.Namespace, seconds: float) -> str:
    found = json.loads(FILE.read_text())["results"]
    rows = [
        (what, f"{each['frames']:,}", _most(each["replies"]), _most(each["closes"])) for what, each in found.items()
    ]
    head = ("What", "Frames or requests", "Replies", "Closes")
    how = f"--frames {wanted.frames} --socket-frames {wanted.socket_frames} --seed {wanted.seed}"
    return (
        f"{table(head, rows)}\n\nNo crash, no row changed that the sender has no right to, no traceback and no token "
        f"in a log; {seconds / 60:.0f} minutes in all. Again: `make fuzz FUZZ='{how}'`."
    )


def _most(counted: dict[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in Counter(counted).most_common(SHOWN)) or "–"


if __name__ == "__main__":
    sys.exit(main())
