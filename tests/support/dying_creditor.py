"""The command `sitting`, killed while it gives time back: behind the first assessment, in the middle of the next."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def main() -> None:
    """As `sitting`, with the same arguments; whoever has something to give back does not outlive the second time."""
    import sitting.usecases.credit_outage as house
    from tests.support.tapped_sitting import main as serve

    give, given = vars(house)["_credit"], [0]

    async def credit(*arguments: Any) -> int:
        seconds: int = await give(*arguments)
        given[0] += seconds > 0
        if given[0] > 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return seconds

    vars(house).update(_credit=credit, BATCH=1)
    serve()


if __name__ == "__main__":
    main()
