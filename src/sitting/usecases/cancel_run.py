"""Stop a run for good."""

from __future__ import annotations

from datetime import datetime

from sitting.domain.errors import Conflict
from sitting.domain.run import Run, RunStatus
from sitting.storage.unit_of_work import Storage


async def cancel_run(storage: Storage, run_id: str, *, now: datetime) -> Run:
    """Close the run, whichever node works on it; what it has handed in stays. Doing it again changes nothing.

    Raises:
        NotFound: there is none. Conflict: it came to its own end before.
    """
    async with storage.unit_of_work() as unit:
        await unit.runs.cancel(run_id, now=now)
        run = await unit.runs.select(run_id)
    if run.status is not RunStatus.CANCELLED:
        raise Conflict("This run is over.", run_id=run_id, status=run.status)
    return run
