"""Reading back, as staff, all that the server has of a rehearsal."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sitting.rehearsal.rest import Rest
from sitting.rehearsal.staging import few_at_once
from sitting.rehearsal.stored import Staged, Stored, stored_of

LOOK_EVERY = 0.5  # seconds
REQUESTS_EACH = 4
"""Requests for one assessment: its responses, log, results and row."""


async def read_back(
    rest: Rest, tests: Sequence[Staged], numbers: Mapping[int, int], *, wait: float
) -> dict[tuple[int, str], list[Stored]]:
    """Every assessment of these Tests, by candidate and name of the Test.

    Args:
        numbers: the candidates' numbers by user_id.
        wait: so many seconds at most for assessments to be closed whose deadline has passed.

    Raises:
        Refused, Unreachable: it could not be read.
    """
    found: defaultdict[tuple[int, str], list[Stored]] = defaultdict(list)
    for staged in tests:
        rows = await _settled_rows(rest, staged, wait)
        stored = await few_at_once([partial(_read_one, rest, row) for row in rows])
        for row, one in zip(rows, stored, strict=True):
            found[numbers[row["user_id"]], staged.name].append(one)
    return dict(found)


async def _settled_rows(rest: Rest, staged: Staged, wait: float) -> list[dict[str, Any]]:
    loop = asyncio.get_running_loop()
    until = loop.time() + (wait if staged.closes_at is not None else 0)
    while True:
        rows = [row async for row in rest.items(f"/tests/{staged.test_id}/assessments")]
        if loop.time() >= until or all(row["end_time"] is not None for row in rows):
            return rows
        await asyncio.sleep(LOOK_EVERY)


async def _read_one(rest: Rest, row: dict[str, Any]) -> Stored:
    """The row is read again: it may have moved on since the list was made."""
    path = f"/assessments/{row['assessment_id']}"
    responses = (await rest.get(f"{path}/responses"))["items"]
    events = [event async for event in rest.items(f"{path}/events")]
    results = await rest.get(f"{path}/results")
    return stored_of(await rest.get(path), responses, events, results)
