"""The command `sitting`, whose nodes learn of each other in one way only: by notices, or by looking at the database."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

WAY = "TESTS_WAY"
BY_NOTICES, BY_LOOKING = "notices", "looking"
PROGRAM: tuple[str | Path, ...] = (sys.executable, Path(__file__))
HOUR = 3600.0


async def hear_nothing(_services: Any) -> None:
    """In place of the listener: all notices of other nodes are lost."""


def main() -> None:
    """As tests/support/tapped_sitting.py."""
    import sitting.app as house
    from sitting.delivery import access_watch
    from sitting.workers import head_poll
    from tests.support import tapped_sitting

    if os.environ[WAY] == BY_NOTICES:
        for part in (access_watch, head_poll):
            assert hasattr(part, "INTERVAL_SECONDS")
            vars(part)["INTERVAL_SECONDS"] = HOUR
    else:
        assert hasattr(house, "run_notice_listener")
        vars(house)["run_notice_listener"] = hear_nothing
    tapped_sitting.main()


if __name__ == "__main__":
    main()
