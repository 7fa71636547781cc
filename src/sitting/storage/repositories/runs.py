"""Runs, and which node works on which of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Update, and_, case, insert, literal, select, text, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.errors import Conflict, NotFound
from sitting.domain.run import Lease, Run, RunKind, RunStatus
from sitting.domain.spending import KINDS, Cost, Limits
from sitting.storage.among import among
from sitting.storage.errors import LeaseLost
from sitting.storage.graph_tables import OPEN_RUN, runs
from sitting.storage.repositories.checkpoints import CheckpointRepository

EMPTY = "{}"
_IS_OPEN = text(OPEN_RUN)  # word by word as in the index, without which it would not be used
# What was reserved and never settled may have been spent: whoever reserved it cannot be asked any more.
_HELD_IS_SPENT: dict[str, Any] = {
    **{f"spent_{kind}": runs.c[f"spent_{kind}"] + runs.c[f"held_{kind}"] for kind in KINDS},
    **{f"held_{kind}": 0 for kind in KINDS},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to be made. `wish` is JSON; of a live run `assessment_id` says whose questions it makes."""

    run_id: str
    kind: RunKind
    wish: str
    limits: Limits
    test_id: int | None = None
    assessment_id: int | None = None
    created_by: int | None = None


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are wanted; None asks for nothing."""

    kind: RunKind | None = None
    status: RunStatus | None = None
    test_id: int | None = None


class RunRepository:
    """Whatever takes a lease raises LeaseLost if it is not good any more; the unit of work must then be given up."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._checkpoints = CheckpointRepository(connection)

    async def insert(self, new: NewRun, *, now: datetime) -> Run:
        """Queue a run; Test, assessment and user must exist.

        Raises:
            Conflict: the assessment has a run already, or the id is taken.
        """
        return await self._insert(new, {"status": RunStatus.QUEUED, "leased_until": now, "leases": 0}, now)

    async def begin(self, new: NewRun, node_id: str, *, until: datetime, now: datetime) -> Run:
        """Store a run that this node has at once, and until then.

        Raises:
            Conflict: the id is taken.
        """
        leased = {"status": RunStatus.RUNNING, "leased_by": node_id, "leased_until": until, "leases": 1}
        return await self._insert(new, leased, now)

    async def _insert(self, new: NewRun, standing: Mapping[str, Any], now: datetime) -> Run:
        values: dict[str, Any] = {"id": new.run_id, "kind": new.kind, "wish": new.wish, "progress": EMPTY, **standing}
        values |= {name: getattr(new, name) for name in ("test_id", "assessment_id", "created_by")}
        values |= {f"limit_{kind}": getattr(new.limits, kind) for kind in KINDS}
        values |= {f"{what}_{kind}": 0 for what in ("held", "spent") for kind in KINDS}
        values |= {"is_woken": False, "created_at": now, "updated_at": now}
        try:
            async with self._connection.begin_nested():
                result = await self._connection.execute(insert(runs).values(values).returning(*runs.c))
        except IntegrityError:
            raise Conflict("There is such a run already.", run_id=new.run_id) from None
        return _run(result.one())

    async def select(self, run_id: str) -> Run:
        """The run.

        Raises:
            NotFound: there is none.
        """
        row = (await self._connection.execute(select(runs).where(runs.c.id == run_id))).one_or_none()
        if row is None:
            raise NotFound("There is no such run.", run_id=run_id)
        return _run(row)

    async def of_assessment(self, assessment_id: int) -> Run | None:
        """The live run of an assessment; None if it has none."""
        row = (await self._connection.execute(select(runs).where(runs.c.assessment_id == assessment_id))).one_or_none()
        return None if row is None else _run(row)

    async def list_page(
        self, *, limit: int, before: tuple[datetime, str] | None = None, wanted: RunFilter | None = None
    ) -> list[Run]:
        """Runs, the newest first, behind `before`: created_at and run_id of the last one seen."""
        statement = select(runs).order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit)
        if before is not None:
            place = tuple_(literal(before[0], runs.c.created_at.type), before[1])
            statement = statement.where(tuple_(runs.c.created_at, runs.c.id) < place)
        for name in ("kind", "status", "test_id"):
            value = getattr(wanted, name, None)
            if value is not None:
                statement = statement.where(runs.c[name] == value)
        return [_run(row) for row in await self._connection.execute(statement)]

    # --- leases ---

    async def claim(
        self, node_id: str, *, now: datetime, lease: timedelta, limit: int, kind: RunKind | None = None
    ) -> list[Run]:
        """Take up to `limit` runs that nobody works on, the oldest first; runs whose node let its lease run out, too.

        Those that make a skill graph are not taken: there is nobody to give it to any more.
        What was reserved for such a run counts as spent from now on. On PostgreSQL, runs that another node is just
        taking are passed over.
        """
        wanted = runs.c.kind != RunKind.SKILL_GRAPH
        if kind is not None:
            wanted &= runs.c.kind == kind
        free = await self._free(wanted, now=now, limit=limit)
        statement = (
            update(runs)
            .where(among(self._connection, runs.c.id, free))
            .values(
                status=RunStatus.RUNNING,
                leased_by=node_id,
                leased_until=now + lease,
                leases=runs.c.leases + 1,
                is_woken=False,
                updated_at=now,
                **_HELD_IS_SPENT,
            )
            .returning(*runs.c)
        )
        taken = [_run(row) for row in await self._connection.execute(statement)] if free else []
        return sorted(taken, key=lambda run: (run.created_at, run.run_id))

    async def _free(self, wanted: ColumnElement[bool], *, now: datetime, limit: int) -> list[str]:
        """Which of these nobody works on. By a statement of its own: an update might do it again, and take more."""
        due = select(runs.c.id).where(_IS_OPEN, runs.c.leased_until <= now, wanted)
        due = due.order_by(runs.c.created_at, runs.c.id).limit(limit)
        return list(await self._connection.scalars(due.with_for_update(skip_locked=True, key_share=True)))

    async def renew(self, leases: Collection[Lease], *, until: datetime) -> set[Lease]:
        """Keep these runs until then; returns the leases that are lost."""
        lost = set()
        for lease in sorted(leases, key=lambda each: each.run_id):
            statement = update(runs).where(_fence(lease)).values(leased_until=until)
            if (await self._connection.execute(statement)).rowcount != 1:
                lost.add(lease)
        return lost

    async def hold(self, lease: Lease) -> Run:
        """The run, which nobody can take from this node before the end of the transaction.

        Raises:
            LeaseLost: another node has it, or it is over.
        """
        statement = select(runs).where(_fence(lease)).with_for_update(key_share=True)
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            raise LeaseLost
        return _run(row)

    async def note_progress(self, lease: Lease, progress: str, *, now: datetime) -> None:
        """Say how far the run is; `progress` is JSON.

        Raises:
            LeaseLost: another node has it, or it is over.
        """
        await self._must(update(runs).where(_fence(lease)).values(progress=progress, updated_at=now))

    async def park(self, lease: Lease, *, until: datetime, now: datetime) -> bool:
        """Let the run rest until it is woken, or until then at the latest, and forget the way to where it is.

        Returns:
            False if it was woken since it was taken up, or since the last time that this was tried: the node keeps
            it, and has to look once more for what there is to do.

        Raises:
            LeaseLost: another node has it, or it is over.
        """
        statement = update(runs).where(_fence(lease), runs.c.is_woken.is_(False))
        resting: dict[str, Any] = {"status": RunStatus.PARKED, "leased_by": None, "leased_until": until}
        parked = await self._connection.execute(statement.values(**resting, updated_at=now, **_HELD_IS_SPENT))
        if parked.rowcount == 1:
            await self._checkpoints.keep_newest(lease.run_id)
            return True
        await self._must(update(runs).where(_fence(lease)).values(is_woken=False))
        return False

    async def give_back(self, lease: Lease, *, now: datetime) -> None:
        """Let another node take it up at once, where it stands.

        Raises:
            LeaseLost: another node has it, or it is over.
        """
        waiting: dict[str, Any] = {"status": RunStatus.QUEUED, "leased_by": None, "leased_until": now}
        await self._must(update(runs).where(_fence(lease)).values(**waiting, updated_at=now, **_HELD_IS_SPENT))

    async def wake(self, assessment_id: int, *, now: datetime) -> bool:
        """Have a node look after the live run of that assessment; false if it has none that is open."""
        due = case(
            (runs.c.status == RunStatus.PARKED, literal(now, runs.c.leased_until.type)), else_=runs.c.leased_until
        )
        statement = update(runs).where(runs.c.assessment_id == assessment_id, _IS_OPEN)
        return (await self._connection.execute(statement.values(is_woken=True, leased_until=due))).rowcount == 1

    # --- the end ---

    async def finish(self, lease: Lease, *, now: datetime, failure: str | None = None) -> None:
        """Close the run as done, or as failed if there is a `failure`: one sentence for staff.

        Raises:
            LeaseLost: another node has it, or it is over.
        """
        status = RunStatus.DONE if failure is None else RunStatus.FAILED
        await self._must(_ended(status, now).where(_fence(lease)).values(failure=failure))
        await self._checkpoints.forget(lease.run_id)

    async def close_resting(self, assessment_ids: Collection[int], *, now: datetime) -> list[int]:
        """Close the live runs of assessments that are over, but for those that a node is at work on.

        Returns:
            The assessments whose runs are at work; to be woken, so that they look once more and see the end.
        """
        theirs = select(runs.c.id, runs.c.assessment_id, runs.c.status).where(
            _IS_OPEN, among(self._connection, runs.c.assessment_id, assessment_ids)
        )
        # In the order of `renew`, or each might wait for the other.
        found = (await self._connection.execute(theirs.order_by(runs.c.id).with_for_update(key_share=True))).all()
        resting = [row.id for row in found if row.status != RunStatus.RUNNING]
        if resting:
            ended = _ended(RunStatus.DONE, now).where(among(self._connection, runs.c.id, resting))
            await self._connection.execute(ended)
            await self._checkpoints.forget(*resting)
        return [row.assessment_id for row in found if row.status == RunStatus.RUNNING]

    async def close_left(self, *, now: datetime, limit: int, failure: str) -> int:
        """Close as failed up to `limit` runs that make a skill graph and whose node let its lease run out.

        Returns:
            How many there were. What was reserved for them counts as spent.
        """
        left = await self._free(runs.c.kind == RunKind.SKILL_GRAPH, now=now, limit=limit)
        if left:
            closed = _ended(RunStatus.FAILED, now).where(among(self._connection, runs.c.id, left))
            await self._connection.execute(closed.values(failure=failure))
        return len(left)

    async def cancel(self, run_id: str, *, now: datetime) -> bool:
        """Close an open run, whoever works on it; false if it was over.

        Raises:
            NotFound: there is none.
        """
        cancelled = await self._connection.execute(
            _ended(RunStatus.CANCELLED, now).where(runs.c.id == run_id, _IS_OPEN)
        )
        if cancelled.rowcount != 1:
            await self.select(run_id)
            return False
        await self._checkpoints.forget(run_id)
        return True

    async def _must(self, statement: Update) -> None:
        if (await self._connection.execute(statement)).rowcount != 1:
            raise LeaseLost


def _fence(lease: Lease) -> ColumnElement[bool]:
    return and_(runs.c.id == lease.run_id, runs.c.leased_by == lease.node_id, runs.c.leases == lease.number)


def _ended(status: RunStatus, now: datetime) -> Update:
    closed: dict[str, Any] = {"status": status, "leased_by": None, "leased_until": None}
    return update(runs).values(**closed, ended_at=now, updated_at=now, **_HELD_IS_SPENT)


def _run(row: Row[Any]) -> Run:
    spent, held, limits = ([getattr(row, f"{what}_{kind}") for kind in KINDS] for what in ("spent", "held", "limit"))
    return Run(
        run_id=row.id,
        kind=RunKind(row.kind),
        status=RunStatus(row.status),
        test_id=row.test_id,
        assessment_id=row.assessment_id,
        created_by=row.created_by,
        wish=row.wish,
        progress=row.progress,
        failure=row.failure,
        limits=Limits(*limits),
        spent=Cost(*spent),
        held=Cost(*held),
        leased_by=row.leased_by,
        leased_until=row.leased_until,
        leases=row.leases,
        created_at=row.created_at,
        updated_at=row.updated_at,
        ended_at=row.ended_at,
    )
