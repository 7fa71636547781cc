from __future__ import annotations

import asyncio
import itertools

import pytest

from tests.support.eventually import eventually, eventually_async


def test_assertion_is_tried_until_it_holds_and_its_value_returned() -> None:
    tries = itertools.count(1)

    def third_time() -> str:
        assert next(tries) == 3
        return "done"

    assert eventually(third_time, every=0.001) == "done"


def test_last_failure_is_raised_when_time_is_up() -> None:
    tries = itertools.count(1)

    def never() -> None:
        raise AssertionError(f"try {next(tries)}")

    with pytest.raises(AssertionError) as caught:
        eventually(never, within=0.05, every=0.01)
    assert int(str(caught.value).removeprefix("try ")) > 1
    assert "still so after" in caught.value.__notes__[0]


def test_other_errors_are_not_retried_unless_named() -> None:
    tries = itertools.count(1)

    def refused() -> int:
        attempt = next(tries)
        if attempt < 3:
            raise ConnectionRefusedError
        return attempt

    with pytest.raises(ConnectionRefusedError):
        eventually(refused, every=0.001)
    assert eventually(refused, every=0.001, also=(ConnectionError,)) == 3


async def test_asynchronous_assertion_is_tried_until_it_holds() -> None:
    tries = itertools.count(1)

    async def third_time() -> str:
        assert next(tries) == 3
        return "done"

    assert await eventually_async(third_time, every=0.001) == "done"


async def test_check_that_hangs_is_cut_off_with_the_last_failure() -> None:
    tries = itertools.count(1)

    async def hangs_the_second_time() -> None:
        assert next(tries) != 1, "the first failure"
        await asyncio.Event().wait()

    with pytest.raises(AssertionError, match="the first failure"):
        await eventually_async(hangs_the_second_time, within=0.05, every=0.001)


async def test_check_s_own_timeout_is_not_taken_for_ours() -> None:
    async def times_out() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        await eventually_async(times_out)
