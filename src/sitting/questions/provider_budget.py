"""How calls are paid for: reserved before, settled after. What may be spent stands in `domain.spending`; no I/O."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from sitting.domain.spending import Account, Cost, Overspent
from sitting.questions.provider_calls import ModelFailed, Outcome


class BudgetExhausted(ModelFailed):
    """A call might cost more than is left.

    Attributes:
        account: whose limit (`run`, `test`); kind: of what (`tokens`, `milliseconds`, `micros`).
        needed, left: how much the call may take, and how much there is.
    """

    def __init__(self, fault: Overspent) -> None:
        self.account, self.kind, self.needed, self.left = fault.account, fault.kind, fault.needed, fault.left
        super().__init__(Outcome.BUDGET_EXHAUSTED, str(fault))


@dataclass(frozen=True, slots=True)
class Hold:
    """A reservation, to be settled once."""

    number: int
    estimate: Cost


class Ledger:
    """Accounts by name that every call is charged to, all or none; for one process, since it lives in memory."""

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = dict(accounts)
        self._open: dict[int, Hold] = {}
        self._number = 0

    def __getitem__(self, name: str) -> Account:
        return self._accounts[name]

    def reserve(self, estimate: Cost) -> Hold:
        """Hold so much in every account.

        Raises:
            BudgetExhausted: one of them has not got it; then nothing is held in any.
        """
        try:
            self._accounts = {name: account.reserve(estimate, name) for name, account in self._accounts.items()}
        except Overspent as fault:
            raise BudgetExhausted(fault) from None
        self._number += 1
        hold = self._open[self._number] = Hold(self._number, estimate)
        return hold

    def settle(self, hold: Hold, spent: Cost) -> None:
        """Replace what was held by what was spent.

        Raises:
            ValueError: it was settled before, or never reserved here.
        """
        if self._open.get(hold.number) is not hold:
            raise ValueError("this reservation is not open")
        self._accounts = {name: account.settle(hold.estimate, spent) for name, account in self._accounts.items()}
        del self._open[hold.number]

    def purse(self) -> Purse:
        """What a provider pays from."""

        async def reserve(estimate: Cost) -> Hold:
            return self.reserve(estimate)

        async def settle(hold: Hold, spent: Cost) -> None:
            self.settle(hold, spent)

        return Purse(reserve, settle)


@dataclass(frozen=True, slots=True)
class Purse:
    """How a call is paid for: `reserve` may raise BudgetExhausted, `settle` is called once for each reservation."""

    reserve: Callable[[Cost], Awaitable[Hold]]
    settle: Callable[[Hold, Cost], Awaitable[None]]
