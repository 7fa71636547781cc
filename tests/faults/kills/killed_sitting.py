"""The command `sitting`, which kills itself at a point of a run of the question graph, if a file asks for it.

The variable TESTS_KILL_FILE names the file: a point, a tab, and how often it is to be reached (`begin solve`, 2). Every
point that is reached becomes a line in the file of TESTS_POINTS_FILE, before anybody dies there. Where TESTS_GO_FILE
names a pipe, it begins as soon as a line comes through, and has loaded everything by then. Leases and rests are short
here, so that nobody has to wait long for the run of a dead process.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

KILL_FILE, POINTS_FILE, GO_FILE = "TESTS_KILL_FILE", "TESTS_POINTS_FILE", "TESTS_GO_FILE"
PROGRAM: tuple[str | Path, ...] = (sys.executable, Path(__file__))
LEASE = timedelta(seconds=1.5)
LONGEST_REST = timedelta(seconds=3)
RENEW_SECONDS = LOOK_SECONDS = 0.3
_reached: Counter[str] = Counter()


def reach(point: str) -> None:
    """Say that it is reached, and die here, at once, if that is wanted."""
    _reached[point] += 1
    with open(os.environ[POINTS_FILE], "a") as file:
        file.write(f"{point}\n")
    try:
        with open(os.environ[KILL_FILE]) as file:
            wanted = file.read().strip()
    except OSError:
        return
    if wanted == f"{point}\t{_reached[point]}":
        os.kill(os.getpid(), signal.SIGKILL)


def _around(function: Callable[..., Awaitable[Any]], before: str = "", after: str = "") -> Callable[..., Any]:
    """The same, with a point before and one behind."""

    async def surrounded(*arguments: Any, **named: Any) -> Any:
        if before:
            reach(before)
        result = await function(*arguments, **named)
        if after:
            reach(after)
        return result

    return surrounded


def _surround_nodes(graph: Any) -> None:
    """Every node of that module's graph has a point at its beginning and one at its end."""
    add = graph.add_node

    def add_node(state_graph: Any, name: str, node: Any, tools: Any, ask: Any) -> None:
        add(state_graph, name, _around(node, f"begin {name}", f"end {name}"), tools, ask)

    graph.add_node = add_node


def main() -> None:
    """As `sitting`, with the same arguments."""
    import sitting.app
    import sitting.cli
    import sitting.cli.serve
    import sitting.cli.server
    import sitting.cli.site  # the command would load them later
    import sitting.workers.run_driving as driving
    import sitting.workers.run_worker as worker
    from sitting.questions.graph import authoring, live
    from sitting.storage.checkpoints import RunSaver
    from sitting.storage.repositories.proposals import PreparedRepository, ProposalRepository

    _surround_nodes(authoring)
    _surround_nodes(live)
    places: list[tuple[Any, str, str, str]] = [
        (RunSaver, "aput", "before a checkpoint", "behind a checkpoint"),
        (RunSaver, "aput_writes", "before a result is kept", "behind a result that is kept"),
        (ProposalRepository, "insert_many", "", "a question handed in, not committed"),
        (PreparedRepository, "put", "", "a question prepared, not committed"),
    ]
    for owner, name, before, after in places:
        setattr(owner, name, _around(getattr(owner, name), before, after))
    vars(worker).update(LEASE=LEASE, RENEW_SECONDS=RENEW_SECONDS, LOOK_SECONDS=LOOK_SECONDS)
    vars(driving).update(LONGEST_REST=LONGEST_REST)
    sys.argv[0] = "sitting"
    if GO_FILE in os.environ:
        with open(os.environ[GO_FILE]) as gate:
            gate.readline()
    sitting.cli.main()


if __name__ == "__main__":
    main()
