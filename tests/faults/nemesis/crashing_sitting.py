"""The command `sitting`, which kills itself at a named point as soon as a file asks for it.

The variable TESTS_CRASH_FILE names the file, and the file the point. It begins as soon as a line comes through the pipe
that TESTS_GO_FILE names, and has loaded everything by then.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

CRASH_FILE, GO_FILE = "TESTS_CRASH_FILE", "TESTS_GO_FILE"
PROGRAM: tuple[str | Path, ...] = (sys.executable, Path(__file__))
POINTS = {
    "frame, not yet committed": "an answer has come in and nothing is written",
    "committed, not yet acked": "the batch is committed and nobody was told",
    "middle of a start": "row and paper are inserted, the log is not begun",
    "middle of an attach": "the entry is inserted and not committed",
    "middle of an end": "the entry is inserted, the result is not",
    "end or start committed": "the unit of work is committed and nobody was told",
}


def reach(point: str) -> None:
    """Die here, at once, if that is wanted."""
    try:
        with open(os.environ[CRASH_FILE]) as file:
            wanted = file.read().strip()
    except OSError:
        return
    if wanted == point:
        os.kill(os.getpid(), signal.SIGKILL)


def _around(function: Callable[..., Awaitable[Any]], before: Any = None, after: Any = None) -> Any:
    """The same, with a point before and one behind; each is a name, or tells it from the arguments."""

    def named(point: Any, arguments: tuple[Any, ...]) -> None:
        name = point(*arguments) if callable(point) else point
        if name is not None:
            reach(name)

    async def surrounded(*arguments: Any, **named_arguments: Any) -> Any:
        named(before, arguments)
        result = await function(*arguments, **named_arguments)
        named(after, arguments)
        return result

    return surrounded


def _event_point(_repository: Any, event: Any, *_more: Any) -> str | None:
    # A step is one only where it brings a question that was written: nothing of that is among POINTS.
    names = {"attached": "middle of an attach", "finalized": "middle of an end", "presented": "middle of a step"}
    return names.get(event.type)


def _batch_point(name: str) -> Callable[..., str | None]:
    return lambda _journal, entries: name if entries else None


def main() -> None:
    """As `sitting`, with the same arguments."""
    import sitting.cli
    import sitting.cli.serve
    import sitting.cli.server
    import sitting.cli.site
    import sitting.storage.durability  # the command would load them later
    from sitting.storage.journal import Journal
    from sitting.storage.repositories.assessments import AssessmentRepository
    from sitting.storage.repositories.events import EventRepository
    from sitting.storage.unit_of_work import Storage

    before, after = _batch_point("frame, not yet committed"), _batch_point("committed, not yet acked")
    places: list[tuple[Any, str, Any, Any]] = [
        (Journal, "_write", before, after),
        (AssessmentRepository, "create_assessment_instance", None, "middle of a start"),
        (EventRepository, "append", None, _event_point),
        (Storage, "work", None, "end or start committed"),
    ]
    for owner, name, earlier, later in places:
        setattr(owner, name, _around(getattr(owner, name), earlier, later))
    sys.argv[0] = "sitting"
    with open(os.environ[GO_FILE]) as gate:
        gate.readline()
    sitting.cli.main()


if __name__ == "__main__":
    main()
