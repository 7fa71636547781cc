"""Nodes take up runs, drive them over the tables, and lose nothing by dying, stopping or being late."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from sitting.domain.blueprint import Budget
from sitting.domain.errors import Unavailable
from sitting.domain.proposal import NewProposal, ProposalState
from sitting.domain.run import RunKind, RunStatus
from sitting.domain.spending import Cost, Limits
from sitting.questions.graph.nodes_checking import REQUIRED
from sitting.questions.graph.tools import Told
from sitting.questions.provider_config import Timeouts
from sitting.questions.sandbox import SandboxRefused
from sitting.rehearsal.scripted_faults import Fault
from sitting.rehearsal.scripted_model import ScriptedModel
from sitting.storage.graph_tables import model_calls, run_checkpoints, run_writes
from sitting.storage.graph_tables import runs as runs_table
from sitting.storage.repositories.runs import NewRun
from sitting.storage.unit_of_work import Storage
from sitting.usecases.hand_in_question import hand_in_question, question_id_of
from sitting.usecases.keep_resume import keep_resume
from sitting.workers import run_driving, run_worker
from sitting.workers.run_desk import Desk
from sitting.workers.run_progress import RunProgress
from tests.support.builders import begin, invite
from tests.support.clock import NOON
from tests.support.eventually import eventually_async
from tests.support.graph_runs import key_of, known
from tests.support.items import item
from tests.support.run_nodes import (
    SKILL,
    at_written,
    comes_to,
    dealt_with,
    handed_in,
    live_run_of,
    progress_of,
    publish_written,
    ready_at,
    run_node,
    wish_for,
)
from tests.support.runs import claim, make_proposal, queue_run, run_at_work, stored
from tests.support.scripted_model import ScriptedServer
from tests.support.storage import Nodes, rows
from tests.support.written import at_generated, go_to

DONE, FAILED, PARKED, QUEUED, RUNNING = (
    RunStatus.DONE,
    RunStatus.FAILED,
    RunStatus.PARKED,
    RunStatus.QUEUED,
    RunStatus.RUNNING,
)
FOREVER = 3600.0


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(ScriptedModel(retry_after=0, drip_seconds=0.01)) as running:
        yield running


@pytest.fixture
def scripted(server: ScriptedServer) -> ScriptedModel:
    server.model.behave()
    server.model.seen.clear()
    return server.model


async def is_asked(scripted: ScriptedModel, times: int = 1) -> None:
    """Wait until the model has been asked so often."""

    async def look() -> None:
        assert len(scripted.seen) >= times

    await eventually_async(look)


# --- an author ---


async def test_authoring_run_comes_from_a_wish_to_checked_proposals(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    run = await wish_for(storage)
    async with run_node(storage, server):
        ended = await comes_to(storage, run.run_id, DONE, FAILED)
    assert (ended.status, ended.failure) == (DONE, None)
    proposals = await handed_in(storage, run.run_id)
    assert sorted(each.content.difficulty for each in proposals) == ["easy"] * 3 + ["medium"] * 2
    assert {each.content.skill for each in proposals} == {SKILL}
    assert {each.state for each in proposals} == {ProposalState.WAITING}
    for each in proposals:
        verdicts = json.loads(each.evidence)
        assert {verdict["gate"] for verdict in verdicts} >= REQUIRED
        assert "failed" not in {verdict["outcome"] for verdict in verdicts}
        assert json.loads(each.lineage)["model"] == "scripted-1"
        assert known()[each.content.text] == key_of(each.content)
    told = progress_of(ended)
    assert (told["node"], told["status"], told["handed_in"], told["wanted"]) == ("end", "done", 5, 5)
    assert told["note"] == "5 items handed in"


async def test_every_call_of_a_run_is_recorded_and_paid(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    scripted.misbehave(Fault.ERROR_500, 2)
    run = await wish_for(storage)
    async with run_node(storage, server):
        ended = await comes_to(storage, run.run_id, DONE)
    calls = await rows(storage, model_calls, run_id=run.run_id)
    assert len(calls) == len(scripted.seen)
    assert [call.outcome for call in calls].count("server_error") == 2
    assert sum(call.prompt_tokens + call.answer_tokens for call in calls) == ended.spent.tokens > 0
    assert ended.held == Cost()
    for table in (run_checkpoints, run_writes):
        assert not await rows(storage, table, run_id=run.run_id), "a run that is over leaves no way behind"


async def test_author_who_wishes_so_gets_the_questions_into_the_bank(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    first = await wish_for(storage, accept=True)
    async with run_node(storage, server):
        await comes_to(storage, first.run_id, DONE)
        again = await wish_for(storage, accept=True)
        ended = await comes_to(storage, again.run_id, DONE)
    proposals = await handed_in(storage, first.run_id)
    async with storage.reading() as unit:
        bank = {each.question_id: each.content for each in await unit.questions.list_page(after="", limit=None)}
    assert bank == {each.question_id: each.content for each in proposals}
    assert len(bank) == 5
    assert {(each.state, each.decided_by) for each in proposals} == {(ProposalState.ACCEPTED, None)}
    assert await handed_in(storage, again.run_id) == [], "nothing was missing any more"
    assert progress_of(ended)["wanted"] == 0


async def test_question_handed_in_twice_is_one(storage: Storage) -> None:
    lease = await run_at_work(storage)
    question_id = question_id_of(lease.run_id, "7/0")
    assert question_id == question_id_of(lease.run_id, "7/0") != question_id_of(lease.run_id, "7/1")
    made = make_proposal(lease.run_id)
    for accept in (False, True, True):
        new = NewProposal(question_id, made.run_id, made.content, made.lineage, made.evidence)
        await hand_in_question(storage, lease, new, accept=accept, now=NOON)
    (proposal,) = await handed_in(storage, lease.run_id)
    assert (proposal.question_id, proposal.state) == (question_id, ProposalState.ACCEPTED)
    async with storage.reading() as unit:
        assert (await unit.questions.select(question_id)).version == 1


async def test_wish_that_nobody_can_read_fails_its_run_once(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    run = await queue_run(storage, wish='{"graph": 7}')
    async with run_node(storage, server):
        ended = await comes_to(storage, run.run_id, FAILED)
    assert (ended.failure, ended.leases) == (run_worker.FAULT, 1)


async def test_p26_run_whose_model_is_gone_ends_and_says_why(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    scripted.misbehave(Fault.ERROR_500, None)
    run = await wish_for(storage)
    async with run_node(storage, server):
        ended = await comes_to(storage, run.run_id, FAILED)
    assert ended.failure is not None
    assert "server_error" in ended.failure or "breaker_open" in ended.failure
    assert progress_of(ended)["status"] == "bank_serves"
    assert await handed_in(storage, run.run_id) == []


# --- a candidate ---


async def test_start_of_a_generated_test_queues_its_live_run_within_the_budget_of_both(storage: Storage) -> None:
    budget = Budget(tokens=9000, seconds=60)
    seat = await at_written(storage, live_run=Limits(tokens=5000, micros=7), generated={"budget": budget})
    run = await live_run_of(storage, seat)
    assert run is not None
    assert (run.kind, run.status, run.test_id) == (RunKind.LIVE, QUEUED, seat.live.assessment.test_id)
    assert run.limits == Limits(tokens=5000, milliseconds=60_000, micros=7)


async def test_without_a_model_or_a_generated_section_no_live_run_is_made(storage: Storage) -> None:
    await at_written(storage, live_run=None)
    await at_generated(storage)
    assert await rows(storage, runs_table) == []


async def test_p26_live_run_is_two_ahead_rests_and_is_woken_by_the_step(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run_node(storage, server):
        monkeypatch.setattr(run_worker, "LOOK_SECONDS", FOREVER)  # so that only what is told can wake it
        await asyncio.sleep(0)
        seat = await at_written(storage)
        await ready_at(storage, seat, 2, 3)
        run = await live_run_of(storage, seat)
        assert run is not None
        await comes_to(storage, run.run_id, PARKED)
        reserve = seat.live.paper.at_position(2).question_id
        shown = await go_to(seat, 2)
        assert shown.question_id == question_id_of(run.run_id, "2/0") != reserve
        assert known()[shown.content.text] == key_of(shown.content)
        await ready_at(storage, seat, 2, 3, 4)
        await comes_to(storage, run.run_id, PARKED)
        await go_to(seat, 3)
        await ready_at(storage, seat, 2, 3, 4, 5)
        ended = await comes_to(storage, run.run_id, DONE)
    assert progress_of(ended)["plan"]["prepared"] == [2, 3, 4, 5]
    assert progress_of(ended)["wanted"] == 4


async def test_live_run_ends_with_its_assessment(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run_node(storage, server):
        monkeypatch.setattr(run_worker, "LOOK_SECONDS", FOREVER)
        seat = await at_written(storage)
        run = await live_run_of(storage, seat)
        assert run is not None
        leases = (await comes_to(storage, run.run_id, PARKED)).leases
        await seat.finish()
        ended = await comes_to(storage, run.run_id, DONE)
    assert ended.leases == leases, "nobody had to take it up for that"
    assert len(await handed_in(storage, run.run_id)) == 2
    assert not await rows(storage, run_checkpoints, run_id=run.run_id)


async def test_run_at_work_when_its_assessment_ends_sees_the_end_and_writes_no_more(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    scripted.misbehave(Fault.HANG, 2, "write_for_candidate")
    async with run_node(storage, server, timeouts=Timeouts(5, 1, 1, 3)):
        seat = await at_written(storage)
        run = await live_run_of(storage, seat)
        assert run is not None
        await is_asked(scripted)
        await seat.finish()
        ended = await comes_to(storage, run.run_id, DONE)
    assert [seen.task for seen in scripted.seen] == ["write_for_candidate"] * 2
    assert ended.leases == 1


async def test_end_of_many_assessments_closes_the_runs_that_rest_and_no_others(storage: Storage) -> None:
    seats = [await at_written(storage) for _ in range(4)]
    (at_work,) = await claim(storage, limit=1)
    busy, *over, open_ = sorted(seats, key=lambda seat: seat.assessment_id != at_work.assessment_id)
    ended = [seat.assessment_id for seat in (busy, *over)]
    for _ in range(2):
        async with storage.unit_of_work() as unit:
            assert await unit.runs.close_resting([*ended, 999], now=NOON) == [busy.assessment_id]
    found = [await live_run_of(storage, seat) for seat in (busy, *over, open_)]
    statuses = [(run.status, run.ended_at) for run in found if run is not None]
    assert statuses == [(RUNNING, None), (DONE, NOON), (DONE, NOON), (QUEUED, None)]


async def test_step_that_nobody_told_of_is_seen_when_the_run_has_rested(
    two_nodes: Nodes, server: ScriptedServer, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_driving, "LONGEST_REST", timedelta(seconds=1))
    here, there = two_nodes
    async with run_node(here, server):
        seat = await at_written(there)
        await ready_at(here, seat, 2, 3)
        with monkeypatch.context() as hushed:
            hushed.setattr(there.hub, "publish", lambda _: None)
            await go_to(seat, 2)
        await ready_at(here, seat, 2, 3, 4)


async def test_p26_candidate_is_shown_the_bank_where_the_model_fails(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    scripted.misbehave(Fault.NOT_JSON, None)
    async with run_node(storage, server):
        seat = await at_written(storage)
        reserves = [question.question_id for question in seat.live.paper.questions]
        run = await live_run_of(storage, seat)
        assert run is not None
        await comes_to(storage, run.run_id, PARKED, FAILED)
        for position in (2, 3, 4):
            assert (await go_to(seat, position)).question_id == reserves[position - 1]
        ended = await comes_to(storage, run.run_id, FAILED)
    assert progress_of(ended)["status"] == "bank_serves"
    assert await handed_in(storage, run.run_id) == []


async def test_candidate_is_not_asked_again_what_they_had_in_another_attempt(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    application = await invite(storage, await publish_written(storage, max_attempts=2))
    stems: list[set[str]] = []
    async with run_node(storage, server):
        for _ in range(2):
            seat = await begin(storage, application, live_run=Limits())
            run = await live_run_of(storage, seat)
            assert run is not None
            for position in (2, 3, 4, 5):
                await dealt_with(storage, run, *range(2, min(position + 2, 6)))
                await go_to(seat, position)
            stems.append({each.content.text for each in await handed_in(storage, run.run_id)})
            await seat.finish()
    first, second = stems
    assert len(first) == 4
    assert second, "the script knows six such questions, and the candidate had four"
    assert not first & second


async def test_answers_move_the_difficulty_only_where_the_test_lets_them(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    for uses_answers in (True, False):
        scripted.seen.clear()
        async with run_node(storage, server):
            seat = await at_written(storage, generated={"uses_answers": uses_answers})
            run = await live_run_of(storage, seat)
            assert run is not None
            for position in (1, 2):
                await dealt_with(storage, run, *range(2, position + 3))
                await seat.answer(position, right=False)
                await go_to(seat, position + 1)
            plan = await dealt_with(storage, run, 2, 3, 4, 5)
        assert plan == {"prepared": [2, 3, 4, 5], "given_up": [], "trouble": ""}
        proposals = {each.question_id: each for each in await handed_in(storage, run.run_id)}
        last = proposals[question_id_of(run.run_id, "5/0")]
        assert last.content.difficulty == ("easy" if uses_answers else "medium")


async def test_resume_is_told_to_the_model_only_where_the_test_says_so(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    for uses_resume in (True, False):
        scripted.seen.clear()
        test = await publish_written(storage, generated={"uses_resume": uses_resume})
        application = await invite(storage, test)
        await keep_resume(storage, application.application_id, "I bred the horse Bucephalos.", now=NOON)
        async with run_node(storage, server):
            seat = await begin(storage, application, live_run=Limits())
            await ready_at(storage, seat, 2, 3)
        told = {seen.task for seen in scripted.seen if any("Bucephalos" in each for each in seen.material.values())}
        assert told == ({"write_for_candidate"} if uses_resume else set())


# --- nodes ---


async def test_run_under_which_the_database_failed_is_taken_up_again(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_worker, "LEASE", timedelta(seconds=1))
    monkeypatch.setattr(run_worker, "RENEW_SECONDS", 0.2)
    tell, failures = RunProgress.tell, [Unavailable(), Unavailable()]

    async def tell_at_last(progress: RunProgress, told: Told) -> None:
        if told.node == "solve" and failures:
            raise failures.pop()
        await tell(progress, told)

    monkeypatch.setattr(RunProgress, "tell", tell_at_last)
    run = await wish_for(storage)
    async with run_node(storage, server):
        ended = await comes_to(storage, run.run_id, DONE, FAILED)
    assert (ended.status, ended.leases, failures) == (DONE, 3, [])
    assert [seen.task for seen in scripted.seen].count("write_items") == 2
    assert len(await handed_in(storage, run.run_id)) == 5


async def test_node_that_is_to_run_code_and_cannot_does_not_start(
    storage: Storage, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused() -> None:
        raise SandboxRefused("this machine has no namespaces")

    monkeypatch.setattr(run_driving, "open_sandbox", refused)
    with pytest.raises(RuntimeError, match="SITTING_CODE_SANDBOX is set, and this machine has no namespaces"):
        async with run_node(storage, server, runs_code=True):
            pass
    async with run_node(storage, server):
        pass


async def test_run_of_a_node_that_died_goes_on_where_it_stood(
    two_nodes: Nodes, server: ScriptedServer, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_worker, "LEASE", timedelta(seconds=1))
    monkeypatch.setattr(run_worker, "RENEW_SECONDS", 0.2)
    here, there = two_nodes
    scripted.misbehave(Fault.HANG, 1, "solve_blind")
    async with run_node(here, server) as dying:
        run = await wish_for(here)
        await is_asked(scripted, 5)
        await dying.kill()
        before = [seen.task for seen in scripted.seen]
        async with run_node(there, server):
            ended = await comes_to(there, run.run_id, DONE)
    assert before.count("write_items") == 1
    writes = [seen.task for seen in scripted.seen].count("write_items")
    assert writes == 2, "one for each difficulty: what had been written was not written again"
    assert len(await handed_in(there, run.run_id)) == 5
    assert ended.leases == 2


async def test_frozen_node_that_wakes_up_writes_nothing_more(
    two_nodes: Nodes, server: ScriptedServer, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_worker, "LEASE", timedelta(seconds=1))
    monkeypatch.setattr(run_worker, "RENEW_SECONDS", 0.2)
    here, there = two_nodes
    scripted.misbehave(Fault.STALL, 1, "write_items")
    async with run_node(here, server, timeouts=Timeouts(5, 3, 3, 10)) as frozen:
        monkeypatch.setattr(frozen.worker, "keep", lambda: asyncio.sleep(0))
        run = await wish_for(here)
        await is_asked(scripted)
        monkeypatch.setattr(frozen.worker, "_claim", lambda unit, now: asyncio.sleep(0, []))
        async with run_node(there, server):
            ended = await comes_to(there, run.run_id, DONE)
        spent = ended.spent

        async def given_up() -> None:
            assert frozen.worker._held == {}

        await eventually_async(given_up, within=30)
    assert await stored(there, run.run_id) == ended
    assert ended.spent == spent
    assert len(await handed_in(there, run.run_id)) == 5


async def test_node_that_is_told_to_stop_gives_its_runs_back_at_once(
    two_nodes: Nodes, server: ScriptedServer, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_worker, "LEASE", timedelta(hours=1))
    here, there = two_nodes
    scripted.misbehave(Fault.HANG, 1, "write_items")
    async with run_node(here, server) as leaving:
        run = await wish_for(here)
        await is_asked(scripted)
        await leaving.drain()
        given_back = await stored(here, run.run_id)
        assert (given_back.status, given_back.leased_by, given_back.held) == (QUEUED, None, Cost())
        async with run_node(there, server):
            await comes_to(there, run.run_id, DONE)
    assert len(await handed_in(there, run.run_id)) == 5


async def test_cancelled_run_is_put_down_with_the_next_renewal(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_worker, "RENEW_SECONDS", 0.1)
    scripted.misbehave(Fault.HANG, 1, "write_items")
    async with run_node(storage, server) as node:
        run = await wish_for(storage)
        await is_asked(scripted)
        async with storage.unit_of_work() as unit:
            assert await unit.runs.cancel(run.run_id, now=node.services.clock.now())

        async def put_down() -> None:
            assert node.worker._held == {}

        await eventually_async(put_down)
    assert (await stored(storage, run.run_id)).status is RunStatus.CANCELLED
    assert len(scripted.seen) == 1


async def test_leases_are_kept_for_longer_than_they_last(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_worker, "LEASE", timedelta(seconds=1))
    monkeypatch.setattr(run_worker, "RENEW_SECONDS", 0.2)
    scripted.misbehave(Fault.HANG, 1, "write_items")
    async with run_node(storage, server) as node:
        run = await wish_for(storage)
        await is_asked(scripted)
        first = (await stored(storage, run.run_id)).leased_until
        assert first is not None

        async def lasts() -> None:
            now = node.services.clock.now()
            assert now > first + timedelta(seconds=0.5)
            assert not await claim(storage, "n_other", at=now)

        await eventually_async(lasts)
        assert (await stored(storage, run.run_id)).leased_by == node.services.node.node_id


async def test_code_in_questions_is_run_where_that_is_set_and_only_there(
    storage: Storage, server: ScriptedServer
) -> None:
    asked = item("What does this print?\n\n```python\nprint(6 * 7)\n```", "42", "41", "43")
    wrong = replace(asked, key="o_1")
    run = await stored(storage, (await run_at_work(storage)).run_id)
    said = {}
    for runs_code in (True, False):
        async with run_node(storage, server, runs_code=runs_code) as node:
            assert node.worker._shop is not None
            desk = Desk(node.worker._shop, run)
            said[runs_code] = [(await desk.check_code(content)).outcome for content in (asked, wrong)]
    assert said == {True: ["passed", "failed"], False: ["not_applicable"] * 2}


async def test_p26_skill_graph_of_a_node_that_died_is_closed_by_another(
    storage: Storage, server: ScriptedServer
) -> None:
    new = NewRun(run_id="r_graph", kind=RunKind.SKILL_GRAPH, wish="{}", limits=Limits())
    async with storage.unit_of_work() as unit:
        await unit.runs.begin(new, "n_dead", until=NOON, now=NOON)
    async with run_node(storage, server):
        run = await comes_to(storage, "r_graph", FAILED)
    assert run.failure == run_worker.LEFT


async def test_authors_leave_room_for_candidates(
    storage: Storage, server: ScriptedServer, scripted: ScriptedModel
) -> None:
    scripted.misbehave(Fault.HANG, None, "write_items")
    authoring = [await wish_for(storage) for _ in range(3)]
    async with run_node(storage, server, runs_at_once=4):
        await is_asked(scripted, 2)
        seat = await at_written(storage)
        await ready_at(storage, seat, 2, 3)
        statuses = [(await stored(storage, run.run_id)).status for run in authoring]
    assert statuses.count(RUNNING) == 2
