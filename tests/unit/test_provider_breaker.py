"""The breaker keeps calls from an endpoint that fails, and lets one through to see whether it is back."""

from __future__ import annotations

import pytest

from sitting.questions.provider_breaker import Breaker, BreakerOpen, BreakerState
from sitting.questions.provider_calls import Outcome


def opened(at: float = 0) -> Breaker:
    breaker = Breaker(failures=3, seconds=10, longest_seconds=60)
    for _ in range(3):
        breaker.failed(breaker.admit(at), at)
    return breaker


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not() -> None:
    breaker = Breaker(failures=3, seconds=10)
    for _ in range(5):
        breaker.failed(breaker.admit(0), 0)
        breaker.failed(breaker.admit(0), 0)
        breaker.succeeded(breaker.admit(0))
    assert breaker.state(0) is BreakerState.CLOSED
    assert opened().state(0) is BreakerState.OPEN


def test_open_says_for_how_long() -> None:
    breaker = opened(at=5)
    with pytest.raises(BreakerOpen) as refused:
        breaker.admit(8)
    assert (refused.value.retry_after, refused.value.outcome) == (7, Outcome.BREAKER_OPEN)


def test_half_open_lets_one_through_and_its_success_all() -> None:
    breaker = opened()
    permit = breaker.admit(10)
    assert breaker.state(10) is BreakerState.HALF_OPEN
    with pytest.raises(BreakerOpen):
        breaker.admit(10)
    breaker.succeeded(permit)
    breaker.admit(10)
    breaker.admit(10)
    assert breaker.state(10) is BreakerState.CLOSED


def test_failed_probe_doubles_the_pause_up_to_the_longest_and_success_resets_it() -> None:
    breaker, now, pauses = opened(), 10.0, []
    for _ in range(4):
        breaker.failed(breaker.admit(now), now)
        with pytest.raises(BreakerOpen) as refused:
            breaker.admit(now)
        assert refused.value.retry_after is not None
        pauses.append(refused.value.retry_after)
        now += refused.value.retry_after
    assert pauses == [20, 40, 60, 60]
    breaker.succeeded(breaker.admit(now))
    for _ in range(3):
        breaker.failed(breaker.admit(now), now)
    with pytest.raises(BreakerOpen, match="10 s"):
        breaker.admit(now)


def test_probe_that_was_given_up_lets_another_try() -> None:
    breaker = opened()
    breaker.abandoned(breaker.admit(10))
    breaker.succeeded(breaker.admit(10))
    assert breaker.state(10) is BreakerState.CLOSED


def test_late_news_of_calls_from_before_change_nothing() -> None:
    breaker = Breaker(failures=1, seconds=10)
    early, other = breaker.admit(0), breaker.admit(0)
    breaker.failed(breaker.admit(0), 0)
    breaker.succeeded(early)
    assert breaker.state(1) is BreakerState.OPEN
    probe = breaker.admit(10)
    breaker.failed(other, 10)
    breaker.succeeded(probe)
    assert breaker.state(10) is BreakerState.CLOSED


def test_endpoint_that_asks_to_be_left_alone_is_but_not_for_longer_than_the_longest() -> None:
    breaker = Breaker(seconds=10, longest_seconds=60)
    breaker.hold_off(40, now=0)
    assert (breaker.state(39), breaker.state(40)) == (BreakerState.OPEN, BreakerState.HALF_OPEN)
    breaker.hold_off(10_000, now=40)
    assert (breaker.state(99), breaker.state(100)) == (BreakerState.OPEN, BreakerState.HALF_OPEN)


@pytest.mark.parametrize(("failures", "seconds", "longest"), [(0, 10, 60), (1, 0, 60), (1, 61, 60)])
def test_breaker_that_could_not_work_is_refused(failures: int, seconds: float, longest: float) -> None:
    with pytest.raises(ValueError, match="breaker"):
        Breaker(failures, seconds, longest)
