"""Budgets are never exceeded, whatever is asked at the same time; and money is counted exactly."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitting.domain.spending import Account, Cost, Limits, total_limits
from sitting.questions.provider_budget import BudgetExhausted, Ledger
from sitting.questions.provider_calls import Outcome, Usage
from sitting.questions.provider_config import Prices

COSTS = st.builds(Cost, st.integers(0, 400), st.integers(0, 400), st.integers(0, 400))


def ledger(run: int = 1000, test: int = 1000) -> Ledger:
    return Ledger({"run": Account(Limits(tokens=run)), "test": Account(Limits(tokens=test))})


@given(steps=st.lists(st.tuples(COSTS, st.fractions(0, 1), st.booleans()), max_size=40))
def test_p26_calls_side_by_side_never_exceed_any_limit_together(steps: list[tuple[Cost, float, bool]]) -> None:
    limits = Limits(tokens=1000, milliseconds=900, micros=800)
    book = Ledger({"run": Account(limits), "test": Account(Limits(tokens=700))})
    waiting = []
    for cost, share, settles_now in steps:
        with contextlib.suppress(BudgetExhausted):
            waiting.append((book.reserve(cost), share))
        if settles_now and waiting:
            hold, share = waiting.pop(0)
            took = [int(part * share) for part in (cost_parts(hold.estimate))]
            book.settle(hold, Cost(*took))
        for name in ("run", "test"):
            account = book[name]
            at_most = cost_parts(account.spent + account.held)
            for limit, all_together in zip(limit_parts(account.limits), at_most, strict=True):
                assert limit is None or all_together <= limit


def cost_parts(cost: Cost) -> tuple[int, int, int]:
    return cost.tokens, cost.milliseconds, cost.micros


def limit_parts(limits: Limits) -> tuple[int | None, int | None, int | None]:
    return limits.tokens, limits.milliseconds, limits.micros


def test_p26_what_is_reserved_and_not_settled_counts_as_spent() -> None:
    book = ledger(run=100)
    book.reserve(Cost(tokens=60))
    with pytest.raises(BudgetExhausted) as refused:
        book.reserve(Cost(tokens=41))
    assert (refused.value.account, refused.value.kind, refused.value.needed, refused.value.left) == (
        "run",
        "tokens",
        41,
        40,
    )
    assert refused.value.outcome is Outcome.BUDGET_EXHAUSTED
    book.reserve(Cost(tokens=40))


def test_reservation_that_one_account_refuses_is_held_in_none() -> None:
    book = ledger(run=100, test=50)
    with pytest.raises(BudgetExhausted) as refused:
        book.reserve(Cost(tokens=60))
    assert refused.value.account == "test"
    assert book["run"].held == book["test"].held == Cost()


def test_settling_gives_back_what_was_not_used() -> None:
    book = ledger(run=100)
    hold = book.reserve(Cost(tokens=100))
    book.settle(hold, Cost(tokens=30))
    assert (book["run"].spent, book["run"].held) == (Cost(tokens=30), Cost())
    book.reserve(Cost(tokens=70))


def test_reservation_is_settled_once_and_only_where_it_was_made() -> None:
    book, other = ledger(), ledger()
    hold = book.reserve(Cost(tokens=10))
    with pytest.raises(ValueError, match="not open"):
        other.settle(hold, Cost())
    book.settle(hold, Cost(tokens=10))
    with pytest.raises(ValueError, match="not open"):
        book.settle(hold, Cost())
    assert book["run"].spent == Cost(tokens=10)


def test_call_that_took_more_than_its_estimate_is_charged_in_full_and_stops_the_next() -> None:
    book = ledger(run=100)
    book.settle(book.reserve(Cost(tokens=50)), Cost(tokens=150))
    assert book["run"].spent.tokens == 150
    with pytest.raises(BudgetExhausted) as refused:
        book.reserve(Cost(tokens=1))
    assert refused.value.left == 0


@pytest.mark.parametrize("cost", [Cost(tokens=-1), Cost(milliseconds=-1), Cost(micros=-1)])
def test_negative_cost_is_refused(cost: Cost) -> None:
    account = Account(Limits())
    with pytest.raises(ValueError, match="negative"):
        account.reserve(cost)
    with pytest.raises(ValueError, match="negative"):
        account.reserve(Cost(5, 5, 5)).settle(Cost(), cost)
    with pytest.raises(ValueError, match="negative"):
        account.settle(Cost(tokens=1), Cost())


def test_money_is_counted_exactly_and_rounded_up() -> None:
    prices = Prices(prompt=Decimal("0.15"), answer=Decimal("0.60"))
    assert prices.micros(Usage(1_000_000, 1_000_000, reported=True)) == 750_000
    assert prices.micros(Usage(1, 0, reported=True)) == 1
    assert prices.micros(Usage(20, 5, reported=True)) == 6
    assert Prices().micros(Usage(10**9, 10**9, reported=True)) == 0


def test_lower_limit_of_each_kind_counts_and_none_is_no_limit() -> None:
    assert Limits(5, None, 7).lowered(Limits(9, 3, None)) == Limits(5, 3, 7)
    assert Limits().lowered(Limits()) == Limits()
    assert total_limits([Limits(1, 2, None), Limits(10, None, None)]) == Limits(11, None, None)
