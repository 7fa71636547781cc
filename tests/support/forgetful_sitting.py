"""The command `sitting`, whose SQLite connections do not wait for the disk: what a power cut then costs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

PROGRAM: tuple[str | Path, ...] = (sys.executable, Path(__file__))


def main() -> None:
    """As `sitting`, with the same arguments."""
    import sitting.cli
    from sitting.storage import database, journal_sqlite

    weak = tuple(pragma.replace("synchronous = FULL", "synchronous = NORMAL") for pragma in database.SQLITE_PRAGMAS)
    assert weak != database.SQLITE_PRAGMAS
    for module in (database, journal_sqlite):
        assert hasattr(module, "SQLITE_PRAGMAS")
        vars(module)["SQLITE_PRAGMAS"] = weak
    sys.argv[0] = "sitting"
    sitting.cli.main()


if __name__ == "__main__":
    main()
