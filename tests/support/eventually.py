"""Retry an assertion until it holds: the only way in which a test waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
Failures = tuple[type[Exception], ...]


def eventually(check: Callable[[], T], *, within: float = 10, every: float = 0.02, also: Failures = ()) -> T:
    """Call `check` every `every` seconds until it raises neither AssertionError nor one of `also`; return its value.

    After `within` seconds the last failure is raised as it is, with a note on how long it was tried.
    """
    failures: Failures = (AssertionError, *also)
    started = time.monotonic()
    while True:
        try:
            return check()
        except failures as failure:
            if time.monotonic() - started >= within:
                failure.add_note(_note(started))
                raise
        time.sleep(every)


async def eventually_async(
    check: Callable[[], Awaitable[T]], *, within: float = 10, every: float = 0.02, also: Failures = ()
) -> T:
    """As `eventually`, for a coroutine function; a check that hangs is cancelled when the time is up."""
    failures: Failures = (AssertionError, *also)
    started = time.monotonic()
    last: Exception | None = None
    bound = asyncio.timeout(within)
    try:
        async with bound:
            while True:
                try:
                    return await check()
                except failures as failure:
                    last = failure
                await asyncio.sleep(every)
    except TimeoutError:
        if not bound.expired():
            raise
        last = last or AssertionError("the check never came to an end")
        last.add_note(_note(started))
        raise last from None


def _note(started: float) -> str:
    return f"(still so after {time.monotonic() - started:.1f} s)"
