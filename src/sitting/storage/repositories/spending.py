"""What runs and Tests have spent on models, and each call of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sitting.domain.spending import KINDS, NOTHING, Account, Cost, Limits, ModelCall
from sitting.storage.graph_tables import model_calls, runs, test_spending
from sitting.storage.inserting import insert_into

_COLUMNS = tuple(test_spending.c[kind] for kind in KINDS)


class SpendingRepository:
    """Whoever changes accounts holds the run first (`RunRepository.hold`), then the Test: always in this order."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def keep(self, run_id: str, account: Account) -> None:
        """Write down what a run has spent and holds."""
        values = {f"spent_{kind}": getattr(account.spent, kind) for kind in KINDS}
        values |= {f"held_{kind}": getattr(account.held, kind) for kind in KINDS}
        await self._connection.execute(update(runs).where(runs.c.id == run_id).values(values))

    async def of_test(self, test_id: int, limits: Limits, *, for_update: bool = False) -> Account:
        """What all runs of a Test have spent or hold, as spent; `for_update` keeps others out until it is changed."""
        statement = select(*_COLUMNS).where(test_spending.c.test_id == test_id)
        if for_update:
            statement = statement.with_for_update(key_share=True)
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None and for_update:
            await self._open(test_id)
            row = (await self._connection.execute(statement)).one()
        return Account(limits, NOTHING if row is None else Cost(*row))

    async def charge(self, test_id: int, cost: Cost) -> None:
        """Add to what the runs of a Test have spent or hold; less than nothing where a call took less than was held."""
        more: dict[str, Any] = {kind: test_spending.c[kind] + getattr(cost, kind) for kind in KINDS}
        await self._connection.execute(update(test_spending).where(test_spending.c.test_id == test_id).values(more))

    async def _open(self, test_id: int) -> None:
        statement = insert_into(self._connection, test_spending).values(test_id=test_id, **dict.fromkeys(KINDS, 0))
        await self._connection.execute(statement.on_conflict_do_nothing())


class ModelCallRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def insert_many(self, calls: Sequence[ModelCall]) -> None:
        """Keep the records of these calls; their runs must exist."""
        if calls:
            rows = [{name: getattr(call, name) for name in ModelCall.__slots__} for call in calls]
            await self._connection.execute(insert(model_calls), rows)

    async def of_run(self, run_id: str, *, after: int = 0, limit: int) -> list[tuple[int, ModelCall]]:
        """The calls of a run with their numbers, the first one first, behind `after`."""
        statement = select(model_calls).where(model_calls.c.run_id == run_id, model_calls.c.id > after)
        rows = await self._connection.execute(statement.order_by(model_calls.c.id).limit(limit))
        return [(row.id, ModelCall(**{name: row._mapping[name] for name in ModelCall.__slots__})) for row in rows]
