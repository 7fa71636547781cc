"""Nodes tell each other what sockets elsewhere must know, with the commit, and look themselves at what was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from structlog.testing import capture_logs

from sitting.storage import listening_postgresql
from sitting.storage.hub import AccessChange, Change, Notice
from sitting.storage.notices import CHANNEL, encode_notice
from sitting.storage.once import OnceStorage
from sitting.storage.opening import open_storage
from sitting.storage.repositories.events import HEADS
from sitting.storage.repositories.idempotency import KeyedRequest
from sitting.storage.unit_of_work import Storage
from sitting.storage.url import DatabaseUrl
from sitting.usecases.deactivate_user import deactivate_user
from sitting.usecases.detach_assessment import detach_assessment
from sitting.usecases.extend_assessment import extend_assessment
from sitting.usecases.flag_question import flag_question
from sitting.usecases.services import Services
from sitting.workers import head_poll, notice_listener
from sitting.workers.head_poll import poll_heads, run_head_poll
from sitting.workers.notice_listener import run_notice_listener
from tests.support.builders import Seat, finalize, seated
from tests.support.clock import NOON, ManualClock
from tests.support.eventually import eventually_async
from tests.support.network import Network
from tests.support.rest import make_services
from tests.support.storage import Nodes, execute

_CUT_OFF = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'sitting notices'"


async def extend(storage: Storage, assessment_id: int) -> None:
    await extend_assessment(storage, assessment_id, seconds=60, reason="A slow keyboard.", by=1, now=NOON)


# --- what is said ---


@asynccontextmanager
async def overheard(storage: Storage) -> AsyncIterator[list[str]]:
    """All that is said on that database, by a listener that is none of ours."""
    said: list[str] = []
    connection = await asyncpg.connect(storage.database.url.for_asyncpg)
    await connection.add_listener(CHANNEL, lambda *heard: said.append(heard[-1]))
    try:
        yield said
        await execute(storage, "SELECT pg_notify(:channel, 'the end')", channel=CHANNEL)
        await eventually_async(lambda: has_heard(said, "the end"))
        said.remove("the end")
    finally:
        await connection.close()


async def has_heard(said: list[str], payload: str) -> None:
    assert payload in said


async def test_nothing_is_said_of_starts_answers_and_returns(postgres_nodes: Nodes) -> None:
    here = postgres_nodes[0]
    async with overheard(here) as said:
        seat = await seated(here)
        for position in (1, 2, 3):
            await seat.answer(position)
        question_id = seat.make_answer(1).question_id
        await flag_question(
            here, seat.live, attachment=seat.attachment, question_id=question_id, flagged=True, now=NOON
        )
        await detach_assessment(here, seat.live, attachment=seat.attachment, now=NOON)
        await (await seat.take_over()).answer(1, right=False)
    assert said == []


async def test_takeover_extension_end_and_loss_of_access_are_said_by_ids_alone(postgres_nodes: Nodes) -> None:
    here, seat = postgres_nodes[0], await seated(postgres_nodes[0])
    user_id = seat.live.assessment.user_id
    async with overheard(here) as said:
        newer = await seat.take_over()
        await extend(here, seat.assessment_id)
        await finalize(here, seat.assessment_id, at=NOON)
        await deactivate_user(here, user_id, deactivated=True, now=NOON)
    seqs = range(newer.attachment, newer.attachment + 3)
    expected: list[Notice] = [*(Change(seat.assessment_id, seq) for seq in seqs), AccessChange(user_id)]
    assert said == [encode_notice(here.hub.node_id, notice) for notice in expected]


async def test_what_is_not_committed_is_not_said(postgres_nodes: Nodes) -> None:
    here, seat = postgres_nodes[0], await seated(postgres_nodes[0])

    async def extend_and_fail(storage: Storage) -> None:
        async with storage.unit_of_work() as unit:
            unit.access_changed(seat.live.assessment.user_id)
            raise LookupError

    async with overheard(here) as said:
        with pytest.raises(LookupError):
            await extend_and_fail(here)
    assert said == []


async def test_request_with_a_key_says_what_it_did_in_its_own_transaction(storage: Storage) -> None:
    """On SQLite, where nobody could be told, it must work all the same."""
    seat = await seated(storage)
    heard: list[Change] = []
    storage.hub.subscribe(seat.assessment_id, heard.append)
    once = OnceStorage(storage)
    async with once.transaction():
        once.begin(KeyedRequest(seat.live.assessment.user_id, "k", "POST", "/", "d", NOON))
        await extend(once, seat.assessment_id)
        assert heard == []
    assert len(heard) == 1
    assert storage.metrics.notices_sent._value.get() == (0 if storage.database.url.is_sqlite else 1)


# --- what is heard ---


@dataclass
class Node:
    """A node that does nothing but listen, and what its hub told of one assessment."""

    services: Services
    heard: list[Change] = field(default_factory=list)

    def value(self, name: str, reason: str | None = None) -> float:
        labels = {} if reason is None else {"reason": reason}
        return self.services.metrics.registry.get_sample_value(f"sitting_{name}", labels) or 0

    async def is_connected(self) -> None:
        assert self.value("notice_listener_connected") == 1

    async def is_deaf(self) -> None:
        assert self.value("notice_listener_connected") == 0

    async def has_heard(self, seq: int) -> None:
        assert [change.seq for change in self.heard] == [seq], self.heard


@asynccontextmanager
async def hearing(storage: Storage, seat: Seat) -> AsyncIterator[Node]:
    node = Node(make_services(storage, ManualClock()))
    storage.hub.subscribe(seat.assessment_id, node.heard.append)
    task = asyncio.create_task(run_notice_listener(node.services))
    try:
        await eventually_async(node.is_connected)
        yield node
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_one_node_did_is_told_by_the_hub_of_another(postgres_nodes: Nodes) -> None:
    here, there = postgres_nodes
    seat, changed = await seated(here), list[AccessChange]()
    there.hub.subscribe_to_access(changed.append)
    async with hearing(there, seat) as node:
        await extend(here, seat.assessment_id)
        await eventually_async(lambda: node.has_heard(seat.live.state.seq + 1))
        await deactivate_user(here, seat.live.assessment.user_id, deactivated=True, now=NOON)
        await eventually_async(lambda: node_received(node, 2))
    assert changed == [AccessChange(seat.live.assessment.user_id)]


async def node_received(node: Node, number: int) -> None:
    assert node.value("notices_received_total") == number


async def test_own_notices_come_back_to_nobody(postgres_nodes: Nodes) -> None:
    here, there = postgres_nodes
    seat = await seated(here)
    async with hearing(here, seat) as node:
        await extend(here, seat.assessment_id)
        await node.has_heard(seat.live.state.seq + 1)  # from the commit, and not by way of the database
        await deactivate_user(there, seat.live.assessment.user_id, deactivated=True, now=NOON)
        await eventually_async(lambda: node_received(node, 1))
        await node.has_heard(seat.live.state.seq + 1)
        assert node.value("notices_ignored_total", "own") == 1


async def test_what_no_node_says_is_counted_and_forgotten(postgres_nodes: Nodes) -> None:
    here, there = postgres_nodes
    seat = await seated(here)
    async with hearing(here, seat) as node:
        for payload in (
            "",
            "x" * 7000,
            f"n_x assessment {seat.assessment_id}",
            f"n_x assessment {seat.assessment_id} -1",
        ):
            await execute(there, "SELECT pg_notify(:channel, :payload)", channel=CHANNEL, payload=payload)
        await extend(there, seat.assessment_id)
        await eventually_async(lambda: node.has_heard(seat.live.state.seq + 1))
        assert node.value("notices_ignored_total", "unreadable") == 4


async def test_listener_that_was_cut_off_comes_back(postgres_nodes: Nodes) -> None:
    here, there = postgres_nodes
    seat = await seated(here)
    async with hearing(there, seat) as node:
        assert await execute(here, _CUT_OFF) == 1
        await eventually_async(node.is_deaf, every=0.001)
        await eventually_async(node.is_connected)
        await extend(here, seat.assessment_id)
        await eventually_async(lambda: node.has_heard(seat.live.state.seq + 1))


async def test_listener_whose_connection_went_silent_makes_another(
    postgres_nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening_postgresql, "PROBE_SECONDS", 0.1)
    monkeypatch.setattr(listening_postgresql, "TIMEOUT_SECONDS", 1)
    here, url = postgres_nodes[0], postgres_nodes[0].database.url.url
    seat = await seated(here)
    assert url.port is not None
    with Network(url.port) as network:
        far = open_storage(DatabaseUrl(url.set(port=network.port)))
        async with hearing(far, seat) as node:
            network.silence()
            await eventually_async(node.is_deaf)
            network.restore()
            await eventually_async(node.is_connected)
            await extend(here, seat.assessment_id)
            await eventually_async(lambda: node.has_heard(seat.live.state.seq + 1))
        await far.database.close()


async def test_listener_goes_on_trying_until_the_database_can_be_reached(
    monkeypatch: pytest.MonkeyPatch, postgres_nodes: Nodes
) -> None:
    monkeypatch.setattr(notice_listener, "FIRST_DELAY_SECONDS", 0.01)
    url = postgres_nodes[0].database.url.url
    assert url.port is not None
    with Network(url.port) as network, capture_logs() as logs:
        network.cut()
        far = open_storage(DatabaseUrl(url.set(port=network.port)))
        node = Node(make_services(far, ManualClock()))
        task = asyncio.create_task(run_notice_listener(node.services))
        await eventually_async(lambda: has_tried(logs, 4))
        network.restore()
        await eventually_async(node.is_connected)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await node.is_deaf()
        await far.database.close()


async def has_tried(logs: list[MutableMapping[str, Any]], times: int) -> None:
    assert [entry["event"] for entry in logs].count("notices_not_heard") >= times


# --- what is looked at ---


async def test_poll_tells_how_far_each_log_is_that_somebody_holds(
    postgres_nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_poll, "CHUNK", 2)
    here, there = postgres_nodes
    seats = [await seated(here) for _ in range(5)]
    for seat in seats:
        await seat.answer(1)
    heard: list[Change] = []
    for seat in seats[:-1]:
        there.hub.subscribe(seat.assessment_id, heard.append)
    await poll_heads(there)
    assert sorted(heard, key=lambda change: change.assessment_id) == [
        Change(seat.assessment_id, seat.live.state.seq) for seat in seats[:-1]
    ]


async def test_heads_are_found_without_reading_the_logs(postgres_nodes: Nodes) -> None:
    here = postgres_nodes[0]
    seat = await seated(here)
    for minute in range(1, 200):
        await seat.answer(1 + minute % 3, at=NOON + timedelta(seconds=minute))
    await execute(here, "ANALYZE assessment_events")
    connection = await asyncpg.connect(here.database.url.for_asyncpg)
    try:
        statement = HEADS.compile(dialect=dialect())  # type: ignore[no-untyped-call]
        plan = await connection.fetch(f"EXPLAIN {statement}", [seat.assessment_id])
    finally:
        await connection.close()
    assert "Index Only Scan Backward" in "\n".join(row[0] for row in plan)


async def test_poll_that_fails_is_counted_and_comes_again(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_poll, "INTERVAL_SECONDS", 0.01)
    services = make_services(storage, ManualClock())
    storage.hub.subscribe(1, list[Change]().append)
    if storage.database.url.is_sqlite:
        await run_head_poll(services)  # at once at its end: nobody else writes there
        await run_notice_listener(services)
        return
    outcomes = services.metrics.head_polls
    with monkeypatch.context() as broken:
        broken.setattr(storage.database, "reading", None)
        task = asyncio.create_task(run_head_poll(services))
        await eventually_async(lambda: counted(outcomes["failed"]))
    await eventually_async(lambda: counted(outcomes["done"]))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def counted(counter: object) -> None:
    assert counter._value.get() > 0  # type: ignore[attr-defined]
