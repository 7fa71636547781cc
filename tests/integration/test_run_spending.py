"""What runs spend on models: never more than they and their Test may, whoever asks, and whoever dies."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import pytest

from sitting.domain.run import Lease
from sitting.domain.spending import NOTHING, Account, Cost, Limits
from sitting.questions.provider_budget import BudgetExhausted, Hold, Purse
from sitting.questions.provider_calls import Call
from sitting.storage.errors import LeaseLost
from sitting.storage.graph_tables import model_calls, runs, test_spending
from sitting.storage.unit_of_work import Storage
from sitting.usecases.spend import purse_of
from tests.support.builders import publish_test
from tests.support.clock import NOON
from tests.support.runs import LEASE, claim, make_call, queue_run, run_at_work, stored
from tests.support.storage import Nodes, rows

FREE = Limits()
TEN = Cost(tokens=10, milliseconds=100, micros=1000)
LATER = NOON + LEASE


async def taken_runs(storage: Storage, test_id: int | None, number: int = 1, limits: Limits = FREE) -> list[Lease]:
    """So many runs for that Test, all taken up."""
    made = {(await queue_run(storage, test_id=test_id, limits=limits)).run_id for _ in range(number)}
    return [run.lease for run in await claim(storage, limit=number) if run.run_id in made]


async def spent_by_test(storage: Storage, test_id: int) -> Cost:
    """What stands beside the Test."""
    async with storage.reading() as unit:
        return (await unit.spending.of_test(test_id, FREE)).spent


async def summed_up(storage: Storage, test_id: int) -> Cost:
    """What the rows of its runs say together."""
    total = NOTHING
    for row in await rows(storage, runs, test_id=test_id):
        total += Cost(row.held_tokens, row.held_milliseconds, row.held_micros)
        total += Cost(row.spent_tokens, row.spent_milliseconds, row.spent_micros)
    return total


async def reserve_all(purses: Sequence[Purse], cost: Cost) -> list[Hold]:
    """Reserve so much from each, all at once; those that were granted."""

    async def one(purse: Purse) -> Hold | None:
        try:
            return await purse.reserve(cost)
        except BudgetExhausted:
            return None

    return [hold for hold in await asyncio.gather(*map(one, purses)) if hold is not None]


# --- limits ---


async def test_p26_fifty_reservations_at_once_never_exceed_the_limit_of_a_run(two_nodes: Nodes) -> None:
    (lease,) = await taken_runs(two_nodes[0], None, limits=Limits(tokens=333))
    purses = [purse_of(two_nodes[n % 2], lease, FREE) for n in range(50)]
    assert len(await reserve_all(purses, TEN)) == 33
    assert (await stored(two_nodes[0], lease.run_id)).held == Cost(330, 3300, 33_000)


async def test_p26_runs_of_one_test_never_exceed_its_limit_together(two_nodes: Nodes) -> None:
    test_id = (await publish_test(two_nodes[0])).test_id
    leases = await taken_runs(two_nodes[0], test_id, 10)
    limits = Limits(micros=17_999)
    purses = [purse_of(two_nodes[n % 2], leases[n // 5], limits) for n in range(50)]
    assert len(await reserve_all(purses, TEN)) == 17
    assert (
        await spent_by_test(two_nodes[0], test_id) == await summed_up(two_nodes[0], test_id) == Cost(170, 1700, 17_000)
    )


async def test_p26_limits_are_of_each_kind_and_say_how_much_is_left(storage: Storage) -> None:
    lease = await run_at_work(storage, limits=Limits(100, 250, 5000))
    for _ in range(2):
        await purse_of(storage, lease, FREE).reserve(TEN)
    with pytest.raises(BudgetExhausted) as refused:
        await purse_of(storage, lease, FREE).reserve(TEN)
    fault = refused.value
    assert (fault.account, fault.kind, fault.needed, fault.left) == ("run", "milliseconds", 100, 50)


async def test_reservation_that_one_account_refuses_is_held_in_none(storage: Storage) -> None:
    test_id = (await publish_test(storage)).test_id
    (lease,) = await taken_runs(storage, test_id, limits=Limits(tokens=25))
    with pytest.raises(BudgetExhausted) as refused:
        await purse_of(storage, lease, Limits(tokens=9)).reserve(TEN)
    assert refused.value.account == "test"
    assert (await stored(storage, lease.run_id)).account == Account(Limits(tokens=25))
    with pytest.raises(BudgetExhausted):
        await purse_of(storage, lease, FREE).reserve(Cost(tokens=26))
    assert await spent_by_test(storage, test_id) == NOTHING


async def test_what_a_call_did_not_take_can_be_spent_by_another_run(storage: Storage) -> None:
    test_id = (await publish_test(storage)).test_id
    first, second = (purse_of(storage, each, Limits(tokens=10)) for each in await taken_runs(storage, test_id, 2))
    hold = await first.reserve(TEN)
    with pytest.raises(BudgetExhausted):
        await second.reserve(Cost(tokens=7))
    await first.settle(hold, Cost(3, 40, 0))
    await second.reserve(Cost(tokens=7))
    assert await spent_by_test(storage, test_id) == await summed_up(storage, test_id) == Cost(10, 40, 0)


async def test_call_waits_for_what_others_of_its_run_leave_before_it_is_refused(storage: Storage) -> None:
    purse = purse_of(storage, await run_at_work(storage, limits=Limits(tokens=25)), FREE)
    first, second = await purse.reserve(TEN), await purse.reserve(TEN)
    waiting = [asyncio.ensure_future(purse.reserve(TEN)) for _ in range(2)]
    await asyncio.wait(waiting, timeout=0.1)
    assert not any(task.done() for task in waiting)
    await purse.settle(first, Cost(tokens=5))
    third = await asyncio.wait_for(waiting[0], 5)
    await purse.settle(second, Cost(tokens=5))
    await asyncio.wait(waiting, timeout=0.1)
    assert not waiting[1].done(), "10 are spent, 10 are held, and 5 are too few"
    await purse.settle(third, TEN)
    with pytest.raises(BudgetExhausted) as refused:
        await asyncio.wait_for(waiting[1], 5)
    assert (refused.value.needed, refused.value.left) == (10, 5)


async def test_call_that_took_more_than_was_reserved_is_charged_in_full(storage: Storage) -> None:
    test_id = (await publish_test(storage)).test_id
    (lease,) = await taken_runs(storage, test_id, limits=Limits(tokens=20))
    purse = purse_of(storage, lease, FREE)
    await purse.settle(await purse.reserve(TEN), Cost(tokens=50))
    assert (await stored(storage, lease.run_id)).spent == Cost(tokens=50)
    assert await spent_by_test(storage, test_id) == Cost(tokens=50)
    with pytest.raises(BudgetExhausted):
        await purse.reserve(Cost(tokens=1))


async def test_reservation_is_settled_once_and_only_where_it_was_made(storage: Storage) -> None:
    lease = await run_at_work(storage)
    purse, other = purse_of(storage, lease, FREE), purse_of(storage, lease, FREE)
    hold = await purse.reserve(TEN)
    with pytest.raises(ValueError, match="not open"):
        await other.settle(hold, NOTHING)
    await purse.settle(hold, TEN)
    with pytest.raises(ValueError, match="not open"):
        await purse.settle(hold, NOTHING)
    assert (await stored(storage, lease.run_id)).account == Account(FREE, spent=TEN)


# --- nodes that die ---


async def test_p26_what_a_dead_node_had_reserved_counts_as_spent(two_nodes: Nodes) -> None:
    test_id = (await publish_test(two_nodes[0])).test_id
    (lease,) = await taken_runs(two_nodes[0], test_id, limits=Limits(tokens=25))
    await purse_of(two_nodes[0], lease, FREE).reserve(TEN)
    (taken,) = await claim(two_nodes[1], "n_b", at=LATER)
    assert taken.account == Account(Limits(tokens=25), spent=TEN)
    purse = purse_of(two_nodes[1], taken.lease, FREE)
    with pytest.raises(BudgetExhausted):
        await purse.reserve(Cost(tokens=16))
    await purse.reserve(Cost(tokens=15))
    assert await spent_by_test(two_nodes[1], test_id) == await summed_up(two_nodes[1], test_id) == Cost(25, 100, 1000)


async def test_p26_node_that_lost_its_lease_neither_reserves_nor_settles(two_nodes: Nodes) -> None:
    test_id = (await publish_test(two_nodes[0])).test_id
    (lease,) = await taken_runs(two_nodes[0], test_id)
    purse = purse_of(two_nodes[0], lease, FREE)
    hold = await purse.reserve(TEN)
    await claim(two_nodes[1], "n_b", at=LATER)
    with pytest.raises(LeaseLost):
        await purse.reserve(TEN)
    with pytest.raises(LeaseLost):
        await purse.settle(hold, NOTHING)
    assert (await stored(two_nodes[1], lease.run_id)).account == Account(FREE, spent=TEN)
    assert await spent_by_test(two_nodes[1], test_id) == TEN


@pytest.mark.parametrize("end", ["finish", "cancel"])
async def test_what_is_reserved_when_a_run_ends_counts_as_spent(storage: Storage, end: str) -> None:
    lease = await run_at_work(storage)
    await purse_of(storage, lease, FREE).reserve(TEN)
    async with storage.unit_of_work() as unit:
        if end == "finish":
            await unit.runs.finish(lease, now=NOON)
        else:
            await unit.runs.cancel(lease.run_id, now=NOON)
    assert (await stored(storage, lease.run_id)).account == Account(FREE, spent=TEN)


# --- records of calls ---


async def test_calls_are_recorded_with_their_settlement_each_once_and_without_a_word_of_it(storage: Storage) -> None:
    lease = await run_at_work(storage)
    over: deque[Call] = deque()
    purse = purse_of(storage, lease, FREE, calls=over)
    holds = [await purse.reserve(TEN) for _ in range(5)]
    over.extend([*(make_call(number) for number in range(1, 5)), make_call(5, usage=None)])
    await asyncio.gather(*(purse.settle(hold, TEN) for hold in holds))
    assert not over
    kept = await rows(storage, model_calls, run_id=lease.run_id)
    assert sorted(row.attempt for row in kept) == [1, 2, 3, 4, 5]
    assert {row.attempt: row.prompt_tokens for row in kept} == {1: 7, 2: 7, 3: 7, 4: 7, 5: 0}
    assert {row.attempt: row.is_reported for row in kept} == {1: True, 2: True, 3: True, 4: True, 5: False}
    assert "Zelda" not in repr(kept)
    async with storage.reading() as unit:
        (_, first), *_ = found = await unit.model_calls.of_run(lease.run_id, limit=9)
        assert len(await unit.model_calls.of_run(lease.run_id, after=found[1][0], limit=9)) == 3
    assert (first.prompt, first.answered_by, first.outcome, first.micros, first.began_at) == (
        "write_items.v1",
        "m-2",
        "unusable",
        900,
        NOON,
    )


async def test_records_that_could_not_be_stored_wait_for_whoever_can(storage: Storage) -> None:
    lease = await run_at_work(storage)
    over = deque([make_call(1), make_call(2)])
    purse = purse_of(storage, lease, FREE, calls=over)
    hold = await purse.reserve(TEN)
    await claim(storage, "n_b", at=LATER)
    with pytest.raises(LeaseLost):
        await purse.settle(hold, TEN)
    assert [each.attempt for each in over] == [1, 2]
    assert await rows(storage, model_calls) == []


async def test_runs_without_a_test_spend_their_own_budget_alone(storage: Storage) -> None:
    lease = await run_at_work(storage)
    purse = purse_of(storage, lease, Limits(tokens=0))
    await purse.settle(await purse.reserve(TEN), TEN)
    assert await rows(storage, test_spending) == []
