"""Drives the graph of a run as far as it goes. Imports langgraph, which is slow: `run_worker` does when it starts."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import structlog

from sitting.domain.errors import Unavailable
from sitting.domain.run import Run, RunKind
from sitting.questions.gates import meaning
from sitting.questions.graph.authoring import build_authoring_graph
from sitting.questions.graph.driving import GraphRun, Standing
from sitting.questions.graph.live import initialize_assessment_graph
from sitting.questions.graph.state import Status, saved
from sitting.questions.sandbox import open_sandbox
from sitting.questions.wishes import AuthoringWish
from sitting.storage.checkpoints import RunSaver
from sitting.storage.turns import Urgency
from sitting.usecases.services import ModelAccess, Services
from sitting.workers.authoring_desk import authoring_tools
from sitting.workers.bank_meanings import BankMeanings
from sitting.workers.live_desk import open_live_desk
from sitting.workers.run_desk import Desk, Workshop

LONGEST_REST = timedelta(minutes=2)
"""A parked run is looked at after that, though nobody woke it: the node that should have may have died just then."""

log = structlog.get_logger(__name__)


async def open_workshop(services: Services, model: ModelAccess) -> Workshop:
    """What the runs of this node share.

    Raises:
        SandboxRefused: code is to be run, and cannot be run safely on this machine.
    """
    sandbox = await open_sandbox() if model.runs_code else None
    turns = max(1, model.provider.config.calls_at_once // 2)
    if model.meaning is not None:
        await asyncio.to_thread(meaning.load)
    meanings = None if model.meaning is None else BankMeanings(services.storage, model.meaning)
    return Workshop(services, model, services.bank, meanings, sandbox, asyncio.Semaphore(turns))


async def drive(shop: Workshop, run: Run) -> None:
    """Go on with a run that this node has taken up, until it is parked or over.

    Raises:
        LeaseLost: another node has the run, or it is over.
        Unavailable: the database failed; whoever takes it up next goes on from the last node that came to its end.
        Exception: whatever else went wrong in a node.
    """
    desk = Desk(shop, run)
    saver = RunSaver(shop.services.storage, desk.lease)
    try:
        await desk.recall()
        graph_run = await _graph_run(desk, saver)
        while not await _put_down(desk, await _advance(graph_run, saver)):
            pass
    finally:
        await _keep_calls(desk)


async def _graph_run(desk: Desk, saver: RunSaver) -> GraphRun:
    run = desk.run
    if run.kind is RunKind.AUTHORING:
        wish = msgspec.json.decode(run.wish, type=AuthoringWish)
        graph = build_authoring_graph(authoring_tools(desk, wish))
        return GraphRun(graph.compile(checkpointer=saver), run.run_id, saved(wish))
    live_desk, slots, uses_answers = await open_live_desk(desk)
    assert run.assessment_id is not None
    return initialize_assessment_graph(
        run.assessment_id, slots, live_desk.tools(), saver, run_id=run.run_id, uses_answers=uses_answers
    )


async def _advance(graph_run: GraphRun, saver: RunSaver) -> Standing:
    try:
        return await graph_run.advance()
    finally:
        await saver.wait_for_writes()


async def _put_down(desk: Desk, standing: Standing) -> bool:
    """Park or close the run, as it stands; false if there is more to do already."""
    lease, now = desk.lease, desk.clock.now()
    progress = desk.progress.at_the_end(standing.status, standing.reason, standing.plan)
    async with desk.storage.unit_of_work(Urgency.LATER) as unit:
        await unit.runs.note_progress(lease, progress, now=now)
        if standing.status is Status.PARKED:
            return await unit.runs.park(lease, until=now + LONGEST_REST, now=now)
        failure = standing.reason if standing.status is Status.BANK_SERVES else None
        await unit.runs.finish(lease, now=now, failure=failure)
    log.info("run_ended", run_id=lease.run_id, status=standing.status.value, reason=standing.reason)
    return True


async def _keep_calls(desk: Desk) -> None:
    try:
        await desk.keep_calls()
    except Unavailable:
        log.warning("model_calls_not_kept", run_id=desk.run.run_id, calls=len(desk.calls))
