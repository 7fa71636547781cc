"""Runs for tests: queued, and taken up by a node."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sitting.domain.proposal import NewProposal
from sitting.domain.run import Lease, Run, RunKind
from sitting.domain.spending import Cost, Limits
from sitting.kit.ids import random_id
from sitting.questions.provider_calls import Call, Outcome, Usage
from sitting.storage.repositories.runs import NewRun
from sitting.storage.unit_of_work import Storage
from tests.support.builders import make_content
from tests.support.clock import NOON

LEASE = timedelta(seconds=10)
USED = Usage(7, 2, reported=True)
FOR_EVER = NOON + timedelta(days=10_000)


async def queue_run(storage: Storage, *, at: datetime = NOON, **what: Any) -> Run:
    """A run that waits for a node; `what` as in NewRun."""
    usual: dict[str, Any] = {"kind": RunKind.AUTHORING, "wish": "{}", "limits": Limits(), "run_id": random_id("r", 12)}
    async with storage.unit_of_work() as unit:
        return await unit.runs.insert(NewRun(**usual | what), now=at)


async def claim(
    storage: Storage, node: str = "n_a", *, at: datetime = NOON, limit: int = 10, kind: RunKind | None = None
) -> list[Run]:
    """What that node gets."""
    async with storage.unit_of_work() as unit:
        return await unit.runs.claim(node, now=at, lease=LEASE, limit=limit, kind=kind)


async def run_at_work(storage: Storage, node: str = "n_a", **what: Any) -> Lease:
    """A new run, the only one that waits, taken up at NOON."""
    await queue_run(storage, **what)
    (run,) = await claim(storage, node)
    return run.lease


async def stored(storage: Storage, run_id: str) -> Run:
    """The run as it stands in the database."""
    async with storage.reading() as unit:
        return await unit.runs.select(run_id)


def make_proposal(run_id: str, number: int = 1, **changes: Any) -> NewProposal:
    """A question handed in by that run."""
    return NewProposal(
        f"q_new{number}", run_id, make_content(number, **changes), '{"model":"m"}', '{"one_key":"passed"}'
    )


def make_call(number: int = 1, *, usage: Usage | None = USED) -> Call:
    """An attempt that failed, with a word about it that must not be kept."""
    return Call(
        model="m",
        answered_by="m-2",
        prompt="write_items.v1",
        prompt_digest="d" * 64,
        attempt=number,
        schema_sent=True,
        started_at=NOON,
        milliseconds=90,
        first_byte_milliseconds=None,
        usage=usage,
        cost=Cost(9, 90, 900),
        outcome=Outcome.UNUSABLE,
        detail="Zelda Quux",
    )
