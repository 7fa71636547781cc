"""The journal: many entries in one commit, each told what became of it, and no failure contagious."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from typing import Any
from unittest.mock import AsyncMock

import pytest
import structlog

from sitting.app import _life
from sitting.delivery.access_watch import AccessWatch
from sitting.delivery.manager import ConnectionManager
from sitting.domain.errors import Unavailable
from sitting.storage import journal as journal_module
from sitting.storage import journal_postgresql
from sitting.storage.errors import BadData, OutcomeUnknown, SequenceTaken
from sitting.storage.journal import Entry, Journal
from sitting.storage.opening import open_storage
from sitting.storage.tables import assessment_responses
from sitting.storage.unit_of_work import Storage
from sitting.storage.url import DatabaseUrl
from sitting.workers.heartbeat import DEFAULT_CAP, HeartbeatWorker
from tests.support.builders import Seat, begin, invite, publish_test, seated
from tests.support.clock import ManualClock
from tests.support.eventually import eventually_async
from tests.support.journals import (
    WatchedWriter,
    make_entry,
    rival_for,
    watched_journal,
    while_the_database_fails,
)
from tests.support.rest import make_services
from tests.support.storage import Nodes, assessment_row, execute, log_of, rows, running_storage

STARTED = ["started", "attached"]
HOSTILE: dict[str, Any] = {
    "question of no paper": {"question_id": "q_elsewhere"},
    "NUL": {"question_id": "q_\0"},
    "lone surrogate": {"option": "o_\ud800"},
}


async def classroom(storage: Storage, seats: int) -> list[Seat]:
    """So many candidates at work on one Test."""
    test = await publish_test(storage, 2)
    return [await begin(storage, await invite(storage, test)) for _ in range(seats)]


async def append_all(journal: Journal, entries: Sequence[Entry]) -> list[BaseException | None]:
    """What became of each: None where it is stored."""
    return await asyncio.gather(*map(journal.append, entries), return_exceptions=True)


async def queued(writer: WatchedWriter, journal: Journal, entries: Sequence[Entry]) -> list[asyncio.Task[None]]:
    """Append behind a closed gate: the first entry is with the writer, the others wait in their order."""
    writer.gate.clear()
    tasks = [asyncio.create_task(journal.append(entries[0]))]

    async def taken() -> None:
        assert writer.batches

    await eventually_async(taken)
    tasks += [asyncio.create_task(journal.append(entry)) for entry in entries[1:]]
    await asyncio.sleep(0)  # each task runs up to its wait
    return tasks


# --- batches ---


async def test_what_waits_at_one_instant_is_one_commit_sorted_by_assessment(storage: Storage) -> None:
    seats = await classroom(storage, 6)
    entries = [make_entry(seat) for seat in seats]
    async with watched_journal(storage) as (journal, writer):
        tasks = await queued(writer, journal, [entries[0], *reversed(entries[1:])])
        writer.gate.set()
        await asyncio.gather(*tasks)
    assert writer.batches == [[entries[0].key], [entry.key for entry in entries[1:]]]
    for seat in seats:
        assert await log_of(storage, seat.assessment_id) == [*STARTED, "answered"]
        assert (await assessment_row(storage, seat.assessment_id)).status == "in_progress"


async def test_assessment_has_one_entry_in_a_batch_and_its_entries_keep_their_order(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MAX_BATCH", 2)
    first, second, third = await classroom(storage, 3)
    own = [make_entry(first), *(make_entry(first, ahead=1) for _ in range(3))]
    others = [make_entry(second), make_entry(third)]
    async with watched_journal(storage) as (journal, writer):
        tasks = await queued(writer, journal, [*own[:3], *others, own[3]])
        writer.gate.set()
        await asyncio.gather(*tasks)
    expected = [[own[0]], [own[1], others[0]], [own[2], others[1]], [own[3]]]
    assert writer.batches == [[entry.key for entry in batch] for batch in expected]


async def test_batch_is_bounded(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "MAX_BATCH", 2)
    entries = [make_entry(seat) for seat in await classroom(storage, 6)]
    async with watched_journal(storage) as (journal, writer):
        tasks = await queued(writer, journal, entries)
        writer.gate.set()
        await asyncio.gather(*tasks)
    assert [len(batch) for batch in writer.batches] == [1, 2, 2, 1]


async def test_full_queue_turns_away_and_stores_nothing(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "MAX_WAITING", 2)
    seats = await classroom(storage, 4)
    async with watched_journal(storage) as (journal, writer):
        tasks = await queued(writer, journal, [make_entry(seat) for seat in seats[:3]])
        with pytest.raises(Unavailable):
            await asyncio.wait_for(journal.append(make_entry(seats[3])), 2)
        writer.gate.set()
        await asyncio.gather(*tasks)
        assert await log_of(storage, seats[3].assessment_id) == STARTED
        await journal.append(make_entry(seats[3]))


async def test_two_nodes_that_write_the_same_assessments_at_once_neither_deadlock_nor_both_win(
    two_nodes: Nodes,
) -> None:
    seats = await classroom(two_nodes[0], 12)
    async with watched_journal(two_nodes[0]) as (mine, my_writer), watched_journal(two_nodes[1]) as (other, its_writer):
        for _ in range(5):
            entries = [make_entry(seat) for seat in seats]
            became = await asyncio.gather(append_all(mine, entries), append_all(other, list(reversed(entries))))
            for one, another in zip(became[0], reversed(became[1]), strict=True):
                assert {type(one), type(another)} == {type(None), SequenceTaken}
            for seat, entry in zip(seats, entries, strict=True):
                seat.live.state.apply(entry.event)
    for writer in (my_writer, its_writer):
        offered = [key for batch in writer.batches for key in batch]
        assert len(offered) == len(set(offered)), "a batch had to be tried again"


# --- numbers ---


async def test_taken_number_is_refused_and_no_response_is_written(storage: Storage) -> None:
    seat, neighbour = await classroom(storage, 2)
    won, lost = make_entry(seat), make_entry(seat, option="o_1b")
    await storage.journal.append(won)
    assert [type(became) for became in await append_all(storage.journal, [lost, make_entry(neighbour)])] == [
        SequenceTaken,
        type(None),
    ]
    (response,) = await rows(storage, assessment_responses, assessment_id=seat.assessment_id)
    assert (response.selected_option, response.seq) == ("o_1a", 3)
    assert await log_of(storage, seat.assessment_id) == [*STARTED, "answered"]


async def test_losing_entry_does_not_move_the_status(storage: Storage) -> None:
    seat = await seated(storage)
    flag = Entry(make_entry(seat).event)
    await storage.journal.append(flag)
    with pytest.raises(SequenceTaken):
        await storage.journal.append(make_entry(seat))
    assert (await assessment_row(storage, seat.assessment_id)).status == "started"
    assert await rows(storage, assessment_responses) == []


# --- hostile values ---


@pytest.mark.parametrize("what", HOSTILE)
async def test_p28_hostile_entry_fails_alone(storage: Storage, what: str) -> None:
    seats = await classroom(storage, 8)
    entries = [make_entry(seat) for seat in seats]
    entries[4] = make_entry(seats[4], **HOSTILE[what])
    async with watched_journal(storage) as (journal, writer):
        tasks = await queued(writer, journal, entries)
        writer.gate.set()
        became = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in became] == [type(None)] * 4 + [BadData] + [type(None)] * 3
    assert await log_of(storage, seats[4].assessment_id) == STARTED
    responses = await rows(storage, assessment_responses)
    assert {row.assessment_id for row in responses} == {seat.assessment_id for seat in seats} - {seats[4].assessment_id}


async def test_entry_of_an_unknown_assessment_is_bad_data(storage: Storage) -> None:
    seat = await seated(storage)
    await execute(storage, "DELETE FROM assessment_events")
    await execute(storage, "DELETE FROM paper_questions")
    await execute(storage, "DELETE FROM assessments")
    with pytest.raises(BadData):
        await storage.journal.append(Entry(make_entry(seat).event))


# --- faults ---


async def test_p03_failed_commit_is_an_unknown_outcome_and_the_journal_recovers(storage: Storage) -> None:
    seat, neighbour = await classroom(storage, 2)
    await storage.journal.append(make_entry(neighbour))
    with pytest.raises(OutcomeUnknown):
        await while_the_database_fails(storage, make_entry(seat).key, storage.journal.append(make_entry(seat)))
    assert await log_of(storage, seat.assessment_id) == STARTED
    await storage.journal.append(make_entry(seat))
    assert await log_of(storage, seat.assessment_id) == [*STARTED, "answered"]


async def test_frozen_database_is_given_up_in_time_and_the_journal_recovers(
    postgresql_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_postgresql, "WRITE_TIMEOUT_SECONDS", 0.3)
    async with running_storage(postgresql_database_url) as storage:
        seat = await seated(storage)
        entry = make_entry(seat)
        async with rival_for(storage, entry.key) as rival:
            appending = asyncio.create_task(storage.journal.append(entry))
            backend = await rival.waiting_backend()
            os.kill(backend, signal.SIGSTOP)
            try:
                done, _ = await asyncio.wait([appending], timeout=5)
            finally:
                os.kill(backend, signal.SIGCONT)
        assert done, "a frozen backend holds the journal up for ever"
        with pytest.raises(OutcomeUnknown):
            await appending
        await storage.journal.append(entry)
        assert await log_of(storage, seat.assessment_id) == [*STARTED, "answered"]


async def test_deadlock_is_tried_again_until_all_is_stored(postgresql_database_url: str) -> None:
    async with running_storage(postgresql_database_url) as storage:
        # The journal notices first, and so is the one that PostgreSQL turns back.
        await execute(storage, f"ALTER DATABASE {storage.database.url.url.database} SET deadlock_timeout = '500ms'")
        entries = [make_entry(seat) for seat in await classroom(storage, 3)]
        async with watched_journal(storage) as (journal, writer):
            async with rival_for(storage, entries[2].key) as rival:
                await rival.holder.execute("SET deadlock_timeout = '1min'")
                tasks = await queued(writer, journal, entries)
                writer.gate.set()
                await rival.waiting_backend()
                await rival.write(entries[1].key)
            await asyncio.gather(*tasks)
    assert writer.batches == [[entries[0].key], [entries[1].key, entries[2].key], [entries[1].key, entries[2].key]]


# --- going away ---


async def test_caller_that_gives_up_does_not_undo_the_write(storage: Storage) -> None:
    first, second = await classroom(storage, 2)
    async with watched_journal(storage) as (journal, writer):
        tasks = await queued(writer, journal, [make_entry(first), make_entry(second)])
        for task in tasks:
            task.cancel()
        assert [type(end) for end in await asyncio.gather(*tasks, return_exceptions=True)] == [
            asyncio.CancelledError
        ] * 2
        writer.gate.set()
    for seat in (first, second):
        assert await log_of(storage, seat.assessment_id) == [*STARTED, "answered"]


async def test_stop_writes_what_waits_and_what_is_under_way(storage: Storage) -> None:
    seats = await classroom(storage, 3)
    async with watched_journal(storage) as (journal, writer):
        tasks = await queued(writer, journal, [make_entry(seat) for seat in seats])
        stopping = asyncio.create_task(journal.stop())
        await asyncio.sleep(0)
        writer.gate.set()
        await asyncio.wait_for(stopping, 10)
        done, hanging = await asyncio.wait(tasks, timeout=5)
    assert not hanging, "a caller is never told what became of its entry"
    assert [task.exception() for task in done] == [None] * 3
    for seat in seats:
        assert await log_of(storage, seat.assessment_id) == [*STARTED, "answered"]


async def test_stop_waits_for_the_batch_under_way_when_nothing_else_waits(storage: Storage) -> None:
    seat = await seated(storage)
    async with watched_journal(storage) as (journal, writer):
        (task,) = await queued(writer, journal, [make_entry(seat)])
        stopping = asyncio.create_task(journal.stop())
        await asyncio.sleep(0)  # it runs up to its wait
        writer.gate.set()
        await asyncio.wait_for(stopping, 10)
        done, _ = await asyncio.wait([task], timeout=2)
    assert done, "a caller is never told what became of its entry"
    assert task.exception() is None
    assert await log_of(storage, seat.assessment_id) == [*STARTED, "answered"]


async def test_stopped_journal_takes_nothing_more(storage: Storage) -> None:
    seat = await seated(storage)
    async with watched_journal(storage) as (journal, _):
        await journal.stop()
        with pytest.raises(Unavailable):
            await asyncio.wait_for(journal.append(make_entry(seat)), 2)
    assert await log_of(storage, seat.assessment_id) == STARTED


async def test_journal_whose_writer_died_tells_everybody_and_can_be_stopped(storage: Storage) -> None:
    under_way, waiting, late = await classroom(storage, 3)
    async with watched_journal(storage) as (journal, writer):
        tasks = await queued(writer, journal, [make_entry(under_way), make_entry(waiting)])
        assert journal._task is not None
        journal._task.cancel()
        became = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
        assert [type(each) for each in became] == [OutcomeUnknown, OutcomeUnknown]
        with pytest.raises(Unavailable):
            await asyncio.wait_for(journal.append(make_entry(late)), 2)
        await journal.stop()
        assert writer.is_closed
    assert await log_of(storage, late.assessment_id) == STARTED


async def test_fault_that_ends_the_writer_keeps_no_application_from_closing_its_database(
    sqlite_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(_: Journal) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Journal, "_run", die)
    parts = make_services(open_storage(DatabaseUrl.parse(sqlite_database_url)), ManualClock())
    closed = AsyncMock(wraps=parts.storage.database.close)
    monkeypatch.setattr(parts.storage.database, "close", closed)
    watch = AccessWatch(parts, ConnectionManager(parts))
    with structlog.testing.capture_logs() as said:
        async with _life(parts, watch, HeartbeatWorker(parts, DEFAULT_CAP), allow_weak_durability=False):
            await eventually_async(lambda: check_died(said))
    closed.assert_awaited_once()


async def check_died(said: Sequence[Any]) -> None:
    assert "journal_died" in [entry["event"] for entry in said]
