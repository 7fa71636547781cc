"""Heartbeats, the outages between them, and crediting, over both databases."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from sitting.domain.outage import Outage
from sitting.kit.clock import SystemClock
from sitting.storage.hub import Change
from sitting.storage.repositories.heartbeats import OwedOutage
from sitting.storage.tables import node_heartbeats, outages
from sitting.storage.unit_of_work import Storage
from sitting.usecases import credit_outage as crediting
from sitting.usecases.credit_outage import Given, credit_outage
from sitting.usecases.note_heartbeat import Heartbeat, note_heartbeat
from sitting.usecases.pause_assessment import pause_assessment
from sitting.usecases.services import NodeState
from sitting.workers.heartbeat import HeartbeatWorker
from tests.support.builders import seated
from tests.support.clock import NOON
from tests.support.rest import Rest
from tests.support.storage import Nodes, assessment_row, execute, log_of, rows

CAP = timedelta(minutes=30)
CLOCK = SystemClock()


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


async def beat(storage: Storage, node_id: str, *, serving: bool = True, last: float | None = None) -> Heartbeat:
    """One heartbeat by the clocks of this machine; `last` is what the stopwatch showed at the one before."""
    return await note_heartbeat(
        storage, node_id, clock=CLOCK, stopwatch=lambda: 1000.0, last_taken_at=last, is_serving=serving
    )


async def set_back(storage: Storage, seconds: float) -> None:
    """All nodes beat last so many seconds earlier than they did."""
    for row in await rows(storage, node_heartbeats):
        async with storage.unit_of_work() as unit:
            moved = row.beat_at - timedelta(seconds=seconds)
            await unit.heartbeats._connection.execute(
                node_heartbeats.update().where(node_heartbeats.c.node_id == row.node_id).values(beat_at=moved)
            )


async def owe(storage: Storage, began: float, ended: float) -> OwedOutage:
    """An outage so many seconds behind NOON in which people who have no socket were attached."""
    async with storage.unit_of_work() as unit:
        await unit.heartbeats.record(Outage(at(began), at(ended), frozenset()))
        return (await unit.heartbeats.owed())[-1]


async def credit(storage: Storage, owed: OwedOutage, cap: timedelta = CAP) -> Given:
    return await credit_outage(storage, owed, cap=cap, now=owed.outage.ended_at)


async def test_first_node_ever_sees_no_outage(storage: Storage) -> None:
    seen = await beat(storage, "n_1")
    assert (seen.outage, seen.owed) == (None, ())
    assert [(row.node_id, row.is_serving) for row in await rows(storage, node_heartbeats)] == [("n_1", True)]


async def test_nodes_that_come_back_at_once_agree_on_one_outage(two_nodes: Nodes) -> None:
    first, second = two_nodes
    await beat(first, "n_1")
    await set_back(first, 10)
    seen = await asyncio.gather(beat(first, "n_2"), beat(second, "n_3"))
    assert sum(each.outage is not None for each in seen) == 1
    [row] = await rows(first, outages)
    assert 10 <= (row.ended_at - row.began_at).total_seconds() < 60
    assert (row.nodes, row.credited_at) == ('["n_1"]', None)
    again = await beat(second, "n_3", last=999.0)
    assert (again.outage, [each.outage_id for each in again.owed]) == (None, [row.id])


async def test_one_node_of_two_that_lives_ends_no_outage_when_the_other_returns(storage: Storage) -> None:
    await beat(storage, "n_1")
    await set_back(storage, 10)
    await beat(storage, "n_2")
    [row] = await rows(storage, outages)  # until n_2 came there was nobody
    assert (await beat(storage, "n_1")).outage is None
    assert [each.id for each in await rows(storage, outages)] == [row.id]


async def test_clock_that_jumps_within_a_process_is_no_outage(storage: Storage) -> None:
    await beat(storage, "n_1")
    await set_back(storage, 3600)
    assert (await beat(storage, "n_1", last=999.0)).outage is None
    assert await rows(storage, outages) == []


async def test_nodes_of_yesterday_are_forgotten(storage: Storage) -> None:
    await beat(storage, "n_1")
    await set_back(storage, 25 * 3600)
    await beat(storage, "n_2")
    assert [row.node_id for row in await rows(storage, node_heartbeats)] == ["n_2"]
    assert await rows(storage, outages) == [], "a gap of a day is absurd"


async def test_credit_moves_the_deadline_once_and_says_so(storage: Storage) -> None:
    seat = await seated(storage)
    told: list[Change] = []
    storage.hub.subscribe(seat.assessment_id, told.append)
    owed = await owe(storage, 60, 68.4)
    assert await credit(storage, owed) == Given(1, 9)
    assert await credit(storage, owed) == Given(0, 0)
    row = await assessment_row(storage, seat.assessment_id)
    assert row.deadline_at == at(1800 + 9)
    assert row.sweep_at == at(1800 + 9 + 5 + 5)
    assert (await log_of(storage, seat.assessment_id))[2:] == ["credited"]
    assert [change.seq for change in told] == [3]
    assert [each.credited_at for each in await rows(storage, outages)] == [owed.outage.ended_at]


async def test_crediting_at_once_by_two_nodes_gives_once(two_nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crediting, "BATCH", 2)
    seats = [await seated(two_nodes[0]) for _ in range(5)]
    owed = await owe(two_nodes[0], 60, 70)
    given = await asyncio.gather(*(credit(node, owed) for node in two_nodes))
    assert sum(each.credits for each in given) == len(seats)
    logs = [await log_of(two_nodes[0], seat.assessment_id) for seat in seats]
    assert [log.count("credited") for log in logs] == [1] * len(seats)


async def test_candidate_who_answers_meanwhile_gets_the_credit_too(two_nodes: Nodes) -> None:
    first, second = two_nodes
    seat = await seated(first)
    owed = await owe(first, 60, 70)

    async def go_on() -> None:
        for number in range(8):
            await seat.answer(1, right=bool(number % 2), at=at(80 + number))

    given, _ = await asyncio.gather(credit(second, owed), go_on())
    assert given == Given(1, 10)
    log = await log_of(first, seat.assessment_id)
    assert (log.count("credited"), log.count("answered")) == (1, 8)


async def test_pause_that_ran_out_within_the_outage_ends_before_the_credit(storage: Storage) -> None:
    seat = await seated(storage, max_pause_minutes=1)
    await pause_assessment(storage, seat.assessment_id, reason="alarm", by=1, now=at(5))
    assert await credit(storage, await owe(storage, 60, 68.4)) == Given(1, 4)
    assert (await log_of(storage, seat.assessment_id))[2:] == ["paused", "unpaused", "credited"]
    assert (await assessment_row(storage, seat.assessment_id)).deadline_at == at(1800 + 60 + 4)


async def test_log_that_cannot_be_read_keeps_nobody_else_from_their_time(storage: Storage) -> None:
    broken, sound = await seated(storage), await seated(storage)
    await execute(
        storage, "UPDATE assessment_events SET seq = 9 WHERE assessment_id = :id AND seq = 2", id=broken.assessment_id
    )
    assert await credit(storage, await owe(storage, 60, 70)) == Given(1, 10)
    assert (await log_of(storage, sound.assessment_id))[-1] == "credited"


async def test_cap_of_nothing_settles_without_a_credit(storage: Storage) -> None:
    seat = await seated(storage)
    owed = await owe(storage, 60, 70)
    assert await credit(storage, owed, timedelta(0)) == Given(0, 0)
    assert "credited" not in await log_of(storage, seat.assessment_id)
    assert [each.credited_at for each in await rows(storage, outages)] == [owed.outage.ended_at]


async def test_node_starts_when_all_have_their_time_back_and_closes_nobody_before(rest: Rest) -> None:
    storage, node = rest.storage, rest.services.node
    seat = await seated(storage)
    await owe(storage, 60, 70)
    worker = HeartbeatWorker(rest.services, CAP)
    assert not node.knows_the_time
    await worker.start()
    try:
        assert node.knows_the_time
        assert not node.owes_time
        assert (await log_of(storage, seat.assessment_id))[-1] == "credited"
        assert all(row.credited_at is not None for row in await rows(storage, outages))
    finally:
        await worker.stop()
    assert not NodeState(beat_taken_at=-10.0).knows_the_time
