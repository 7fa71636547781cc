"""A hall that is always full: whoever is done is replaced; and staff who pause, extend, end and void."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from tests.faults.nemesis.candidates import Hall, Sitting
from tests.faults.nemesis.setup import REASON, Invitations, Person, Staff

RAMP_SECONDS = 0.03


class Workload:
    """The seats and those on them.

    Attributes:
        is_closing: nobody new sits down.
    """

    def __init__(self, hall: Hall, invitations: Invitations, staff: Staff, seats: int) -> None:
        self.hall, self.invitations, self.staff = hall, invitations, staff
        self.seats = seats
        self.is_closing = False
        self.faults: list[BaseException] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Fill the seats, and let staff look after them."""
        for number in range(self.seats):
            self._begin(partial(self._seat, number * RAMP_SECONDS))
        self._begin(self._look_after)

    async def close(self) -> None:
        """Send everybody away; what they were doing is unknown."""
        self.is_closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def seat(self, person: Person, attempts: int = 1) -> None:
        """One more candidate, beside those on the seats."""

        async def sit() -> None:
            await self._take(person, attempts)

        self._begin(sit)

    def _begin(self, doing: Callable[[], Awaitable[None]]) -> None:
        async def watched() -> None:
            try:
                await doing()
            except Exception as fault:
                self.faults.append(fault)
                raise

        task = asyncio.create_task(watched())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _seat(self, after: float) -> None:
        await asyncio.sleep(after)
        while not self.is_closing:
            await self._take(await self.invitations.next(), 3)

    async def _take(self, person: Person, attempts: int) -> None:
        """The person takes the Test as often as it lets them, and tries once more than that."""
        for _ in range(attempts):
            sitting = Sitting(self.hall, person)
            await sitting.run()
            if sitting.is_refused or self.is_closing:
                return

    async def _look_after(self) -> None:
        """Now and then staff do something to somebody's assessment, on any node."""
        chance = self.hall.chance
        while not self.is_closing:
            await asyncio.sleep(chance.expovariate(1.5))
            if self.hall.running:
                assessment_id = chance.choice(list(self.hall.running))
                doing = chance.choices(("extend", "pause", "end", "void", "look"), (5, 5, 2, 1, 3))[0]
                with suppress(TimeoutError):
                    await self._do(assessment_id, doing)

    async def _do(self, assessment_id: int, doing: str) -> None:
        path, node = f"/assessments/{assessment_id}", self.hall.chance.randrange(len(self.hall.places.nodes))
        if doing == "look":
            await self.staff.ask(node, "look", "GET", f"{path}/responses")
        elif doing == "extend":
            seconds = self.hall.chance.randrange(2, 20)
            await self.staff.ask(node, "extend", "POST", f"{path}/extend", {"seconds": seconds, **REASON})
        elif doing == "pause":
            if await self.staff.ask(node, "pause", "POST", f"{path}/pause", REASON) is not None:
                self._begin(lambda: self._unpause(path))
        else:
            await self.staff.ask(node, doing, "POST", f"{path}/{doing}", REASON)

    async def _unpause(self, path: str) -> None:
        await asyncio.sleep(self.hall.chance.uniform(0.5, 3))
        for _ in range(20):
            node = self.hall.chance.randrange(len(self.hall.places.nodes))
            if await self.staff.ask(node, "unpause", "POST", f"{path}/unpause") is not None:
                return
            await asyncio.sleep(1)
