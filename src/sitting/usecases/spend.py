"""Pay for what a run asks of a model: out of its own budget, and out of its Test's."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque

from sitting.domain.run import Lease
from sitting.domain.spending import Cost, Limits, ModelCall, Overspent
from sitting.questions.provider_budget import BudgetExhausted, Hold, Purse
from sitting.questions.provider_calls import Call
from sitting.storage.turns import Urgency
from sitting.storage.unit_of_work import Storage, UnitOfWork


def purse_of(storage: Storage, lease: Lease, test_limits: Limits, *, calls: deque[Call] | None = None) -> Purse:
    """What a run pays from while this lease is good: the limits of the run, and those of all runs of its Test together.

    Each reservation and each settlement is a transaction of its own, on both accounts or on none. What is reserved and
    never settled, or in vain, is spent once the lease has gone.

    Args:
        calls: attempts that are over. Settling takes them from here and stores their records in the same transaction.
            What is left in it when the run is put down, nobody stored.

    Returns:
        A purse whose two functions raise LeaseLost once another node has the run or it is over, and Unavailable if the
        database fails. `reserve` raises BudgetExhausted, `settle` ValueError if that reservation is not open.
    """
    payments = _Payments(storage, lease, test_limits, deque() if calls is None else calls)
    return Purse(payments.reserve, payments.settle)


class _Payments:
    def __init__(self, storage: Storage, lease: Lease, test_limits: Limits, over: deque[Call]) -> None:
        self._storage, self._lease, self._test_limits, self._over = storage, lease, test_limits, over
        self._numbers = itertools.count(1)
        self._open: dict[int, Hold] = {}
        self._unsettled = 0
        self._settled = asyncio.Event()
        self._one_by_one = asyncio.Lock()

    async def reserve(self, estimate: Cost) -> Hold:
        """Hold so much. If calls of this purse stand in the way, which take less than they hold, wait for those first.

        So it does not depend on how fast they come to their end what a run can pay for.
        """
        async with self._one_by_one:
            while True:
                settled = self._settled
                try:
                    return await self._reserve_now(estimate)
                except Overspent as fault:
                    if not self._unsettled and not settled.is_set():
                        raise BudgetExhausted(fault) from None
                await settled.wait()

    async def _reserve_now(self, estimate: Cost) -> Hold:
        async with self._storage.unit_of_work(Urgency.LATER) as unit:
            await _reserve(unit, self._lease, estimate, self._test_limits)
        hold = Hold(next(self._numbers), estimate)
        self._open[hold.number] = hold
        self._unsettled += 1
        return hold

    async def settle(self, hold: Hold, spent: Cost) -> None:
        if self._open.get(hold.number) is not hold:
            raise ValueError("this reservation is not open")
        del self._open[hold.number]
        over = self._over
        told = [over.popleft() for _ in range(len(over))]  # at once: another settlement may go on beside this one
        try:
            async with self._storage.unit_of_work(Urgency.LATER) as unit:
                await _settle(unit, self._lease, hold.estimate, spent)
                await unit.model_calls.insert_many([model_call(self._lease.run_id, call) for call in told])
        except BaseException:
            over.extendleft(reversed(told))
            raise
        finally:
            self._unsettled -= 1
            self._settled.set()
            self._settled = asyncio.Event()


async def _reserve(unit: UnitOfWork, lease: Lease, estimate: Cost, test_limits: Limits) -> None:
    run = await unit.runs.hold(lease)
    await unit.spending.keep(run.run_id, run.account.reserve(estimate, "run"))
    if run.test_id is not None:
        (await unit.spending.of_test(run.test_id, test_limits, for_update=True)).reserve(estimate, "test")
        await unit.spending.charge(run.test_id, estimate)


async def _settle(unit: UnitOfWork, lease: Lease, estimate: Cost, spent: Cost) -> None:
    run = await unit.runs.hold(lease)
    await unit.spending.keep(run.run_id, run.account.settle(estimate, spent))
    if run.test_id is not None:
        await unit.spending.charge(run.test_id, spent - estimate)


def model_call(run_id: str, call: Call) -> ModelCall:
    """The record of an attempt as it is kept: without what the endpoint said of a failure, which may quote a person."""
    usage = call.usage
    return ModelCall(
        run_id,
        call.prompt,
        call.prompt_digest,
        call.model,
        call.answered_by,
        call.attempt,
        call.outcome.value,
        0 if usage is None else usage.prompt_tokens,
        0 if usage is None else usage.answer_tokens,
        usage is not None and usage.reported,
        call.milliseconds,
        call.cost.micros,
        call.started_at,
    )
