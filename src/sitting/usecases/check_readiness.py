"""Find out whether this node can do its work."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sitting.domain.errors import Unavailable
from sitting.storage.clocks import MAX_CLOCK_DIFFERENCE
from sitting.storage.schema import schema_state
from sitting.storage.unit_of_work import Storage
from sitting.usecases.services import NodeState

PATIENCE_SECONDS = 3.0
SILENT = "the database does not answer"
FILE_GONE = "the database's file is not there any more, or is another one"
NO_JOURNAL = "the journal does not run"
JOURNAL_FAILED = "the journal's last commit failed"
CLOCKS_DIFFER = "this machine's clock and the database's differ too much"
OWES_TIME = "candidates have not got their time back yet behind an outage"
DRAINING = "this node is about to stop"


async def check_readiness(storage: Storage, node: NodeState) -> list[str]:
    """What keeps the node from working, each in a sentence without secrets; empty if nothing does."""
    journal, difference = storage.journal, node.clock_difference
    found = {
        DRAINING: node.is_draining,
        NO_JOURNAL: not journal.is_running,
        JOURNAL_FAILED: journal.is_running and journal.has_failed,
        OWES_TIME: node.owes_time,
        CLOCKS_DIFFER: difference is not None and abs(difference) > MAX_CLOCK_DIFFERENCE,
    }
    complaint = await _complaint(storage, node)
    return [*([] if complaint is None else [complaint]), *(sentence for sentence, holds in found.items() if holds)]


async def _complaint(storage: Storage, node: NodeState) -> str | None:
    """What is wrong with the database. One look at a time: a frozen one must not collect them."""
    if node.looking is None:
        node.looking = asyncio.create_task(_look(storage, node), name="readiness")
    look = node.looking
    # Not a timeout: what it cancels would wait for the database all the same, to roll back.
    await asyncio.wait([look], timeout=PATIENCE_SECONDS)
    return look.result() if look.done() else SILENT


async def _look(storage: Storage, node: NodeState) -> str | None:
    try:
        if storage.database.url.is_sqlite and not _is_the_same(storage.database.url.file, node):
            return FILE_GONE
        return (await schema_state(storage.database)).complaint
    except Unavailable:
        return SILENT
    finally:
        node.looking = None


def _is_the_same(file: Path, node: NodeState) -> bool:
    """Whether the file is there, and is the one of the first look: open connections would write on into a lost one."""
    try:
        found = file.stat()
    except OSError:
        return False
    node.file = node.file or (found.st_dev, found.st_ino)
    return node.file == (found.st_dev, found.st_ino)
