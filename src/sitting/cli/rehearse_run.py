"""A rehearsal on the command line: history and report as files, progress and tables on the terminal."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TextIO

from sitting.cli.errors import Stop
from sitting.cli.rehearse_progress import Progress
from sitting.kit.clock import SystemClock
from sitting.kit.ids import random_id
from sitting.rehearsal.history import Record
from sitting.rehearsal.measures import Measures
from sitting.rehearsal.page import page
from sitting.rehearsal.plan import MAIL_DOMAIN, MAIL_PREFIX, Plan
from sitting.rehearsal.rest import Refused, Rest, Unreachable
from sitting.rehearsal.run import Rehearsal, rehearse
from sitting.rehearsal.staging import REQUESTS_TO_ERASE, clean_up, erase
from sitting.rehearsal.summary import capacity, remarks, tables, verdict_lines, what_is_left

FIRST_PATIENCE = 5.0  # seconds until a server that does not answer at all is told
CLEANING_PATIENCE = 30.0  # seconds


async def run_rehearsal(plan: Plan, url: str, token: str, report: Path | None, *, clean: bool) -> bool:
    """Rehearse, print, and write; returns whether the check passed.

    Raises:
        Stop: it could not be set up, or was stopped before there was anything to check.
        OSError: the files cannot be written; told before anything is made on the server.
    """
    began = SystemClock().now()
    run = f"{began:%Y%m%d-%H%M%S}-{random_id('r', 4)[2:]}"
    rehearsal = Rehearsal(plan, run, Measures(), began)
    page_path = report or Path(f"rehearsal-{run}.html")
    try:
        await _check_access(url, token, run, clean=clean)
        _check_writable(page_path)
        with _Written.at(page_path.with_suffix(".jsonl")) as history:
            async with Rest(url, token, run=run, timeout=plan.timeout, patience=plan.patience) as rest:
                await _rehearse(rehearsal, rest, url, history, clean=clean)
    except (Refused, Unreachable) as fault:
        raise Stop(str(fault)) from fault
    except asyncio.CancelledError:
        who = f"{MAIL_PREFIX}{run}-…@{MAIL_DOMAIN}"
        raise Stop(f"stopped, without a verdict; users {who} are left, and Tests may be: see --only-clean") from None
    return _tell(rehearsal, url, page_path, history)


async def run_cleaning(url: str, token: str) -> None:
    """Take away what rehearsals left.

    Raises:
        Stop
    """
    run = f"cleaning-{random_id('r', 8)[2:]}"
    try:
        await _check_access(url, token, run, clean=True)
        async with Rest(url, token, run=run, timeout=CLEANING_PATIENCE, patience=CLEANING_PATIENCE) as rest:
            tests, questions, people = await clean_up(rest)
    except (Refused, Unreachable) as fault:
        raise Stop(str(fault)) from fault
    print(f"archived {tests} Tests and {questions} questions, erased {people} synthetic candidates")


def _check_writable(path: Path) -> None:
    """Raises OSError if nothing can be written there, and leaves what is there."""
    is_new = not path.exists()
    path.open("a").close()
    if is_new:
        path.unlink()


async def _check_access(url: str, token: str, run: str, *, clean: bool) -> None:
    """Before anything is made: is there a server, and may the token do what is needed?

    Raises:
        Stop, Refused, Unreachable
    """
    async with Rest(url, token, run=run, timeout=FIRST_PATIENCE, patience=FIRST_PATIENCE) as rest:
        try:
            roles = list((await rest.get("/me"))["roles"])
        except (ValueError, KeyError, TypeError):
            raise Stop(f"{url} is not the address of a Sitting server") from None
        except Refused as refused:
            if refused.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
                raise Stop(f"{url} is not the address of a Sitting server: {refused}") from None
            raise
    needed = {"admin"} if clean else {"admin", "author"}
    if not set(roles) & needed:
        raise Stop(f"the token must be of one with the role {' or '.join(sorted(needed))}; it is {', '.join(roles)}")


async def _rehearse(rehearsal: Rehearsal, rest: Rest, url: str, history: _Written, *, clean: bool) -> None:
    stop = asyncio.Event()
    with Progress.shown(rehearsal.measures) as progress, _stopped_by_signals(stop):
        ticking = asyncio.create_task(progress.tick())
        try:
            await rehearse(rehearsal, rest, url, write=history.write, say=progress.say, stop=stop)
            if clean and rehearsal.put_away:
                before, requests = rest.answered, REQUESTS_TO_ERASE * len(rehearsal.candidates)
                progress.say("erasing the synthetic candidates", requests, lambda: rest.answered - before)
                rehearsal.erased = await _erased(rest, rehearsal)
        finally:
            ticking.cancel()
    if not rehearsal.candidates:
        raise Stop(f"there is nothing to tell: {rehearsal.cut_short}")


async def _erased(rest: Rest, rehearsal: Rehearsal) -> int:
    try:
        return await erase(rest, [candidate.user_id for candidate in rehearsal.candidates])
    except (Refused, Unreachable) as fault:
        print(f"the synthetic candidates could not all be erased: {fault}", file=sys.stderr)
        return 0


@contextmanager
def _stopped_by_signals(stop: asyncio.Event) -> Iterator[None]:
    """The first Ctrl-C ends the rehearsal and lets it tell what there is; the second ends it at once."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def stopped() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


class _Written:
    """The history's file. A disk that fills up ends it, and not the rehearsal."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self.path = path
        self.fault: OSError | None = None
        self._file = file

    @classmethod
    @contextmanager
    def at(cls, path: Path) -> Iterator[_Written]:
        file = path.open("w", encoding="utf-8")
        written = cls(path, file)
        try:
            yield written
        finally:
            try:
                file.close()
            except OSError as fault:
                written.fault = written.fault or fault

    def write(self, record: Record, _took: float) -> None:
        if self.fault is None:
            try:
                self._file.write(record.to_line())
            except OSError as fault:
                self.fault = fault


def _tell(rehearsal: Rehearsal, url: str, page_path: Path, history: _Written) -> bool:
    """Print and write what came of it; returns whether all of that is well."""
    for table in tables(rehearsal):
        print(table.to_text(), end="\n\n")
    for line in [*remarks(rehearsal), *what_is_left(rehearsal), *verdict_lines(rehearsal)]:
        print(line)
    fault = history.fault
    try:
        page_path.write_text(page(rehearsal, url), encoding="utf-8")
    except OSError as failure:
        fault = failure
    print(f"report: {page_path}\nhistory: {history.path}")
    if fault is not None:
        print(f"NOT COMPLETE: report or history could not be written: {fault}")
    if rehearsal.plan.growth is not None:
        print(capacity(rehearsal))
    assert rehearsal.checked is not None
    return rehearsal.checked.passed and fault is None
