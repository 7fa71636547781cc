"""Which node works on which run: never two on one, and a run whose node died goes on elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from sitting.domain.errors import Conflict, NotFound
from sitting.domain.run import Lease, RunKind, RunStatus
from sitting.domain.spending import NOTHING, Cost, Limits
from sitting.storage.errors import LeaseLost
from sitting.storage.repositories.checkpoints import StoredCheckpoint, StoredWrite
from sitting.storage.repositories.runs import NewRun, RunFilter
from sitting.storage.unit_of_work import Storage, UnitOfWork
from sitting.usecases.spend import purse_of
from tests.support.builders import publish_test, seated
from tests.support.clock import NOON
from tests.support.runs import FOR_EVER, LEASE, claim, queue_run, run_at_work, stored
from tests.support.storage import Nodes

SOON = NOON + timedelta(seconds=1)
LATER = NOON + LEASE
Write = Callable[[UnitOfWork, Lease], Awaitable[object]]

WRITES: dict[str, Write] = {
    "hold": lambda unit, lease: unit.runs.hold(lease),
    "progress": lambda unit, lease: unit.runs.note_progress(lease, '{"by":"the dead"}', now=LATER),
    "park": lambda unit, lease: unit.runs.park(lease, until=FOR_EVER, now=LATER),
    "done": lambda unit, lease: unit.runs.finish(lease, now=LATER),
    "failed": lambda unit, lease: unit.runs.finish(lease, failure="It failed.", now=LATER),
}


async def write(storage: Storage, what: str, lease: Lease) -> None:
    async with storage.unit_of_work() as unit:
        await WRITES[what](unit, lease)


async def live_run(storage: Storage) -> tuple[int, Lease]:
    """A candidate at work, and the lease of the live run that makes their questions."""
    seat = await seated(storage)
    assessment = seat.live.assessment
    lease = await run_at_work(
        storage, kind=RunKind.LIVE, assessment_id=assessment.assessment_id, test_id=assessment.test_id
    )
    return assessment.assessment_id, lease


# --- skill graphs, which nobody takes up ---


async def test_p26_skill_graph_whose_node_died_is_driven_by_nobody_and_ends_as_failed_and_paid(
    storage: Storage,
) -> None:
    new = NewRun(run_id="r_graph", kind=RunKind.SKILL_GRAPH, wish="{}", limits=Limits(tokens=500))
    async with storage.unit_of_work() as unit:
        run = await unit.runs.begin(new, "n_dead", until=LATER, now=NOON)
    assert (run.status, run.lease, run.leased_until) == (RunStatus.RUNNING, Lease("r_graph", "n_dead", 1), LATER)
    await purse_of(storage, run.lease, Limits()).reserve(Cost(tokens=300))
    authoring = await queue_run(storage)
    assert [each.run_id for each in await claim(storage, at=LATER)] == [authoring.run_id]
    assert [await close_left(storage, at) for at in (LATER - timedelta(seconds=1), LATER, LATER)] == [0, 1, 0]
    ended = await stored(storage, "r_graph")
    assert (ended.status, ended.failure, ended.ended_at) == (RunStatus.FAILED, "It is gone.", LATER)
    assert (ended.spent, ended.held) == (Cost(tokens=300), NOTHING)
    assert (await stored(storage, authoring.run_id)).status is RunStatus.RUNNING
    with pytest.raises(LeaseLost):
        await write(storage, "done", run.lease)


async def close_left(storage: Storage, at: datetime) -> int:
    async with storage.unit_of_work() as unit:
        return await unit.runs.close_left(now=at, limit=10, failure="It is gone.")


# --- taking up ---


async def test_queued_run_is_taken_up_once(storage: Storage) -> None:
    made = await queue_run(storage, wish='{"skill":"SQL"}')
    assert (made.status, made.progress, made.leased_by) == (RunStatus.QUEUED, "{}", None)
    (taken,) = await claim(storage, "n_a")
    assert (taken.run_id, taken.wish, taken.status) == (made.run_id, '{"skill":"SQL"}', RunStatus.RUNNING)
    assert (taken.lease, taken.leased_until) == (Lease(made.run_id, "n_a", 1), NOON + LEASE)
    assert taken == await stored(storage, made.run_id)
    assert await claim(storage, "n_b") == []


async def test_two_nodes_never_hold_one_run(two_nodes: Nodes) -> None:
    made = {(await queue_run(two_nodes[0])).run_id for _ in range(30)}
    taken: list[Lease] = []

    async def work(storage: Storage, node: str) -> None:
        while runs := await claim(storage, node, limit=2):
            taken.extend(run.lease for run in runs)

    await asyncio.gather(*(work(two_nodes[n % 2], f"n_{n}") for n in range(8)))
    assert sorted(lease.run_id for lease in taken) == sorted(made)
    assert {lease.number for lease in taken} == {1}


async def test_oldest_runs_come_first_and_only_as_many_and_of_the_kind_that_is_wanted(storage: Storage) -> None:
    late, early, middle = [await queue_run(storage, at=NOON - timedelta(hours=hour)) for hour in (0, 2, 1)]
    assert await claim(storage, kind=RunKind.LIVE) == []
    assert [run.run_id for run in await claim(storage, limit=2)] == [early.run_id, middle.run_id]
    assert [run.run_id for run in await claim(storage, kind=RunKind.AUTHORING)] == [late.run_id]


async def test_run_that_another_node_is_just_taking_is_passed_over_without_waiting(postgres_nodes: Nodes) -> None:
    first, second = await queue_run(postgres_nodes[0]), await queue_run(postgres_nodes[0], at=SOON)
    async with postgres_nodes[0].unit_of_work() as unit:
        (held,) = await unit.runs.claim("n_a", now=SOON, lease=LEASE, limit=1)
        async with asyncio.timeout(5):
            (other,) = await claim(postgres_nodes[1], "n_b", at=SOON)
    assert (held.run_id, other.run_id) == (first.run_id, second.run_id)


# --- keeping and losing ---


async def test_lease_that_ran_out_is_taken_over_and_not_a_moment_before(two_nodes: Nodes) -> None:
    lease = await run_at_work(two_nodes[0], "n_a")
    assert await claim(two_nodes[1], "n_b", at=NOON + LEASE - timedelta(microseconds=1)) == []
    (taken,) = await claim(two_nodes[1], "n_b", at=NOON + LEASE)
    assert taken.lease == Lease(lease.run_id, "n_b", 2)


async def test_renewed_lease_is_not_taken_over(storage: Storage) -> None:
    lease = await run_at_work(storage)
    async with storage.unit_of_work() as unit:
        assert await unit.runs.renew([lease], until=LATER + LEASE) == set()
    assert await claim(storage, "n_b", at=LATER) == []


async def test_renewing_several_tells_which_are_lost_and_keeps_the_others(storage: Storage) -> None:
    kept, lost = await run_at_work(storage), await run_at_work(storage)
    async with storage.unit_of_work() as unit:
        await unit.runs.cancel(lost.run_id, now=SOON)
        assert await unit.runs.renew([lost, kept], until=FOR_EVER) == {lost}
    assert (await stored(storage, kept.run_id)).leased_until == FOR_EVER
    assert (await stored(storage, lost.run_id)).leased_until is None


@pytest.mark.parametrize("what", WRITES)
async def test_node_that_lost_its_lease_writes_nothing(two_nodes: Nodes, what: str) -> None:
    lease = await run_at_work(two_nodes[0], "n_a")
    await claim(two_nodes[1], "n_b", at=LATER)
    before = await stored(two_nodes[1], lease.run_id)
    with pytest.raises(LeaseLost):
        await write(two_nodes[0], what, lease)
    async with two_nodes[0].unit_of_work() as unit:
        assert await unit.runs.renew([lease], until=FOR_EVER) == {lease}
    assert await stored(two_nodes[1], lease.run_id) == before


@pytest.mark.parametrize("what", WRITES)
async def test_node_that_got_a_run_back_does_not_write_what_it_began_before(storage: Storage, what: str) -> None:
    lease = await run_at_work(storage, "n_a")
    (again,) = await claim(storage, "n_a", at=LATER)
    with pytest.raises(LeaseLost):
        await write(storage, what, lease)
    await write(storage, what, again.lease)


# --- resting ---


async def test_parked_run_rests_until_it_is_woken(storage: Storage) -> None:
    assessment_id, lease = await live_run(storage)
    async with storage.unit_of_work() as unit:
        assert await unit.runs.park(lease, until=FOR_EVER, now=SOON)
    assert (await stored(storage, lease.run_id)).status is RunStatus.PARKED
    assert await claim(storage, "n_b", at=LATER) == []
    async with storage.unit_of_work() as unit:
        assert await unit.runs.wake(assessment_id, now=LATER)
    (taken,) = await claim(storage, "n_b", at=LATER)
    assert (taken.lease, taken.status) == (Lease(lease.run_id, "n_b", 2), RunStatus.RUNNING)


async def test_parked_run_is_looked_after_in_the_end_though_nobody_woke_it(storage: Storage) -> None:
    _, lease = await live_run(storage)
    async with storage.unit_of_work() as unit:
        await unit.runs.park(lease, until=LATER, now=SOON)
    assert await claim(storage, "n_b", at=LATER - timedelta(microseconds=1)) == []
    assert [run.run_id for run in await claim(storage, "n_b", at=LATER)] == [lease.run_id]


async def test_run_that_is_woken_while_it_runs_is_not_parked_unseen(storage: Storage) -> None:
    assessment_id, lease = await live_run(storage)
    async with storage.unit_of_work() as unit:
        await unit.runs.wake(assessment_id, now=SOON)
    async with storage.unit_of_work() as unit:
        assert not await unit.runs.park(lease, until=FOR_EVER, now=SOON)
    assert (await stored(storage, lease.run_id)).lease == lease
    async with storage.unit_of_work() as unit:
        assert await unit.runs.park(lease, until=FOR_EVER, now=SOON)


async def test_waking_takes_no_run_from_its_node(storage: Storage) -> None:
    assessment_id, lease = await live_run(storage)
    async with storage.unit_of_work() as unit:
        await unit.runs.wake(assessment_id, now=SOON)
    assert await claim(storage, "n_b", at=SOON) == []
    assert (await stored(storage, lease.run_id)).leased_until == NOON + LEASE


async def test_there_is_nothing_to_wake_where_no_run_is_open(storage: Storage) -> None:
    assessment_id, lease = await live_run(storage)
    async with storage.unit_of_work() as unit:
        assert not await unit.runs.wake(assessment_id + 1, now=SOON)
        await unit.runs.finish(lease, now=SOON)
        assert not await unit.runs.wake(assessment_id, now=SOON)


# --- the end ---


@pytest.mark.parametrize(("failure", "status"), [(None, RunStatus.DONE), ("It failed.", RunStatus.FAILED)])
async def test_run_that_is_over_is_never_taken_up_again(
    storage: Storage, failure: str | None, status: RunStatus
) -> None:
    lease = await run_at_work(storage)
    async with storage.unit_of_work() as unit:
        await unit.runs.note_progress(lease, '{"made":3}', now=SOON)
        await unit.runs.finish(lease, failure=failure, now=LATER)
    over = await stored(storage, lease.run_id)
    assert (over.status, over.failure, over.progress, over.ended_at) == (status, failure, '{"made":3}', LATER)
    assert over.status.is_over
    assert await claim(storage, at=FOR_EVER) == []
    with pytest.raises(LeaseLost):
        await write(storage, "progress", lease)


async def test_cancelled_run_is_taken_from_its_node(storage: Storage) -> None:
    lease = await run_at_work(storage)
    async with storage.unit_of_work() as unit:
        assert await unit.runs.cancel(lease.run_id, now=SOON)
        assert not await unit.runs.cancel(lease.run_id, now=LATER)
        with pytest.raises(NotFound):
            await unit.runs.cancel("r_nowhere", now=SOON)
    over = await stored(storage, lease.run_id)
    assert (over.status, over.ended_at) == (RunStatus.CANCELLED, SOON)
    assert await claim(storage, at=FOR_EVER) == []
    with pytest.raises(LeaseLost):
        await write(storage, "done", lease)


async def add_steps(unit: UnitOfWork, run_id: str) -> None:
    """Two steps of the graph and one of a graph within it, each with what a task brought."""
    for namespace, name in (("", "1"), ("within", "1"), ("", "2")):
        await unit.checkpoints.put(StoredCheckpoint(run_id, namespace, name, None, "msgpack", b"state", NOON))
        write_ = StoredWrite("task", 0, "", "answers", "msgpack", b"answer")
        await unit.checkpoints.put_writes(run_id, namespace, name, [write_])


async def steps(storage: Storage, run_id: str) -> list[tuple[str, str, int]]:
    """Namespace and id of each checkpoint that is kept, the newest first, and how many writes it has."""
    async with storage.reading() as unit:
        kept = await unit.checkpoints.list(run_id)
        return [
            (
                one.namespace,
                one.checkpoint_id,
                len(await unit.checkpoints.writes(run_id, one.namespace, one.checkpoint_id)),
            )
            for one in kept
        ]


async def test_parked_run_keeps_where_it_is_and_a_run_that_is_over_nothing(storage: Storage) -> None:
    _, lease = await live_run(storage)
    other = await run_at_work(storage)
    async with storage.unit_of_work() as unit:
        await add_steps(unit, lease.run_id)
        await add_steps(unit, other.run_id)
        await unit.runs.park(lease, until=LATER, now=SOON)
    assert await steps(storage, lease.run_id) == [("", "2", 1), ("within", "1", 1)]
    (taken,) = [run for run in await claim(storage, "n_b", at=LATER) if run.run_id == lease.run_id]
    async with storage.unit_of_work() as unit:
        await unit.runs.finish(taken.lease, now=LATER)
    assert await steps(storage, lease.run_id) == []
    assert await steps(storage, other.run_id) == [("", "2", 1), ("within", "1", 1), ("", "1", 1)]
    async with storage.unit_of_work() as unit:
        await unit.runs.cancel(other.run_id, now=LATER)
    assert await steps(storage, other.run_id) == []


# --- finding ---


async def test_assessment_has_one_live_run(storage: Storage) -> None:
    assessment_id, lease = await live_run(storage)
    with pytest.raises(Conflict):
        await queue_run(storage, kind=RunKind.LIVE, assessment_id=assessment_id)
    async with storage.reading() as unit:
        found = await unit.runs.of_assessment(assessment_id)
        assert found is not None
        assert found.run_id == lease.run_id
        assert await unit.runs.of_assessment(assessment_id + 1) is None


async def test_runs_come_in_pages_newest_first_as_they_are_wanted(storage: Storage) -> None:
    test = await publish_test(storage)
    hours = [NOON + timedelta(hours=hour) for hour in (1, 2, 2, 3)]
    made = [await queue_run(storage, at=hour, test_id=test.test_id if hour != NOON else None) for hour in hours]
    other = await queue_run(storage)
    expected = [
        run.run_id for run in sorted([*made, other], key=lambda run: (run.created_at, run.run_id), reverse=True)
    ]
    found: list[str] = []
    place = None
    async with storage.reading() as unit:
        while page := await unit.runs.list_page(limit=2, before=place):
            found += [run.run_id for run in page]
            place = page[-1].created_at, page[-1].run_id
        assert found == expected
        wanted = RunFilter(RunKind.AUTHORING, RunStatus.QUEUED, test.test_id)
        of_test = await unit.runs.list_page(limit=9, wanted=wanted)
        assert {run.run_id for run in of_test} == {run.run_id for run in made}
        assert await unit.runs.list_page(limit=9, wanted=RunFilter(status=RunStatus.DONE)) == []
        with pytest.raises(NotFound):
            await unit.runs.select("r_nowhere")
