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

    give, given = vars(house)["_credit_all"], [0]

    async def credit_all(*arguments: Any) -> list[int]:
        seconds: list[int] = await give(*arguments)
        given[0] += sum(each > 0 for each in seconds)
        if given[0] > 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return seconds

    vars(house).update(_credit_all=credit_all, BATCH=1)
    serve()


if __name__ == "__main__":
    main()
