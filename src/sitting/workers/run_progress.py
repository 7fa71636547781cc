"""How far a run is, for whoever watches it."""

from __future__ import annotations

from typing import Any

import msgspec

from sitting.domain.run import Run
from sitting.kit.clock import Clock
from sitting.questions.graph.tools import Told
from sitting.storage.turns import Urgency
from sitting.storage.unit_of_work import Storage

END = "end"
"""What stands in the place of a node once the run has stopped."""


class RunProgress:
    """Writes it down at the end of each node.

    Attributes:
        handed_in: how many questions the run has brought so far.
        wanted: how many it is to bring in all; None: not known yet.
    """

    def __init__(self, storage: Storage, clock: Clock, run: Run) -> None:
        self._storage, self._clock, self._lease = storage, clock, run.lease
        self.handed_in = 0
        self.wanted: int | None = msgspec.json.decode(run.progress).get("wanted")

    async def tell(self, told: Told) -> None:
        """A node has come to its end.

        Raises:
            LeaseLost: another node of Sitting has the run, or it is over. Unavailable: the database failed.
        """
        async with self._storage.unit_of_work(Urgency.LATER) as unit:
            await unit.runs.note_progress(self._lease, self._as_json(told), now=self._clock.now())

    def at_the_end(self, status: str, reason: str, plan: dict[str, Any]) -> str:
        """The same for a run that has stopped.

        Args:
            plan: what it has, and what could not be had, as its graph keeps it.
        """
        return self._as_json(Told(END, note=reason), status=status, plan=plan)

    def _as_json(self, told: Told, **more: Any) -> str:
        counted = {"handed_in": self.handed_in, "wanted": self.wanted}
        return msgspec.json.encode(msgspec.to_builtins(told) | counted | more).decode()
