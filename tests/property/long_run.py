"""The machine for long: `python -m tests.property.long_run --steps 1000000 --seed 1 --file build/machine.txt`.

Rounds of 200 examples, the three kinds of test in turn, each round with a seed of its own: seed, seed + 1 … A line is
written for each round as it ends, and a failure with all that is needed to repeat it; the last line is the result.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from itertools import count
from pathlib import Path
from typing import TextIO

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.property.test_response_machine import MACHINES, Made

EXAMPLES = 200
STEPS_OF_AN_EXAMPLE = 100
MAX_FAILURES = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.property.long_run")
    parser.add_argument("--steps", type=int, default=1_000_000, help="run until so many were made")
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    parser.add_argument("--file", type=Path, default=Path("build/machine.txt"))
    said = parser.parse_args()
    said.file.parent.mkdir(exist_ok=True)
    with said.file.open("w", buffering=1) as file:
        failures = run_rounds(said.steps, said.seed, file)
    return 1 if failures else 0


def run_rounds(steps: int, first_seed: int, file: TextIO) -> int:
    """Make so many steps, writing how it goes; returns how many rounds failed."""
    begun, failures = time.monotonic(), 0
    for number in count():
        machine = MACHINES[number % len(MACHINES)]
        fault = run_round(machine, first_seed + number)
        if fault is not None:
            failures += 1
            file.write(f"FAILED {machine.__name__} seed {first_seed + number}\n{fault}\n")
        wall, processor = time.monotonic() - begun, time.process_time()
        rates = f"{Made.steps / wall:.0f} steps a second ({Made.steps / processor:.0f} a second of the processor)"
        figures = f"{Made.steps} steps, {Made.examples} examples, {rates}, {failures} failures"
        file.write(f"{machine.__name__} seed {first_seed + number}: {figures}\n")
        if Made.steps >= steps or failures >= MAX_FAILURES:
            file.write(f"RESULT seeds {first_seed} to {first_seed + number}: {figures}\n")
            return failures
    raise AssertionError


def run_round(machine: type, seed_: int) -> str | None:
    """Returns the failure, with its shortest example, if there is one."""
    chosen = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS_OF_AN_EXAMPLE,
        deadline=None,
        database=None,
        derandomize=False,
        print_blob=True,
        report_multiple_bugs=False,
        verbosity=Verbosity.normal,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(seed(seed_)(machine), settings=chosen)
    except Exception as fault:
        return "".join(traceback.format_exception(fault))
    return None


if __name__ == "__main__":
    sys.exit(main())
