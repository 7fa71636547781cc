"""`sitting` with a bug that a rehearsal must find. Run as a program: the bug's name, then `sitting`'s arguments."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

PROGRAM = (sys.executable, Path(__file__))
EVERY = 3


def forget_rows() -> None:
    """Of every third answer the row is not written, though the answer is acknowledged."""
    from sitting.storage.journal import Entry, Journal

    append, seen = Journal.append, [0]

    async def forgetful_append(journal: Journal, entry: Entry) -> None:
        seen[0] += bool(entry.responses)
        rows = () if seen[0] % EVERY == 0 else entry.responses
        await append(journal, Entry(entry.event, rows, entry.begins_progress))

    setattr(Journal, "append", forgetful_append)  # noqa: B010  mypy does not let a method be assigned


def give_points_away() -> None:
    """Every answer is right."""
    from sitting.domain import scoring

    def credit_of(*_: Any) -> Fraction:
        return Fraction(1)

    assert hasattr(scoring, "credit_of")
    setattr(scoring, "credit_of", credit_of)  # noqa: B010  mypy does not let a function be assigned


BUGS: dict[str, Callable[[], None]] = {"forget-rows": forget_rows, "give-points-away": give_points_away}

if __name__ == "__main__":
    BUGS[sys.argv.pop(1)]()
    from sitting.cli import main

    main()
