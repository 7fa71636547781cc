"""Memory for each idle attached candidate: what the whole server grows by while they come, divided by their number."""

from __future__ import annotations

import asyncio

import uvloop

from bench.cohort import Cohort
from bench.seat import Seat
from bench.stage import Stage, resident_bytes
from bench.storm import Crowd, all_leave, all_of, measured, options

REACH = {"kilobytes_per_candidate": "≤ 25 at 5,000"}
AT_ONCE = 64
SETTLED_SECONDS = 3.0


async def run(place: Stage, cohort: Cohort, first: int) -> dict[str, float]:
    """The first few warm the server up; what it holds after that is the base of the difference."""
    crowd, seats = Crowd(place.server.port, cohort), []

    async def come(start: int, stop: int) -> None:
        for begin in range(start, stop, AT_ONCE):
            some = cohort.candidates[begin : min(begin + AT_ONCE, stop)]
            seats.extend([seat for seat, _, _ in await all_of(map(crowd.started, some))])
        await asyncio.sleep(SETTLED_SECONDS)

    await come(0, first)
    before = resident_bytes(place.server.pid)
    await come(first, len(cohort.candidates))
    after = resident_bytes(place.server.pid)
    _check_all_there(seats)
    await all_leave(seats)
    count = len(cohort.candidates) - first
    return {"kilobytes_per_candidate": (after - before) / count / 1000, "whole_process_megabytes": after / 1e6}


def _check_all_there(seats: list[Seat]) -> None:
    gone = [seat.closed for seat in seats if seat.closed is not None]
    assert not gone, f"{len(gone)} sockets were closed: {sorted(set(gone))}"


def main() -> None:
    said = options(__doc__, 5000, warm=200)

    def measure(place: Stage) -> dict[str, float]:
        cohort = place.invite(said.people + said.warm)
        place.server.start()
        return uvloop.run(run(place, cohort, said.warm))

    measured("memory", "bench.memory", said.databases, measure, REACH)


if __name__ == "__main__":
    main()
