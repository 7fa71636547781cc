"""`make rolling`: three nodes on PostgreSQL, restarted one after the other under candidates who answer.

    python -m tests.faults.nemesis.rolling [--candidates 1000] [--think 2] [--seed 1] [--build build] [--publish]

Each node gets SIGTERM and is started again; clients that lose their socket come back on any node. At the end all hand
in, and everything is held against the tables. The result goes to build/rolling.json. Exit code 0: nothing was found.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.faults.nemesis import result
from tests.faults.nemesis.candidates import Habits, Hall, Sitting
from tests.faults.nemesis.checker import Rules, claims_of
from tests.faults.nemesis.faults_nodes import unwanted
from tests.faults.nemesis.history import History, read_history
from tests.faults.nemesis.places import Node, Places, now, until
from tests.faults.nemesis.setup import SCORING, Invitations, hire, make_exam
from tests.faults.nemesis.stored import check_tables, open_assessments
from tests.support.tables_in_docs import RELIABILITY, ROOT, table, write_between

NODES = 3
AT_ONCE = 500  # invitations in one request
QUIET = Habits(leaves=0, takes_over=0, changes_stored=0, hands_in=0)


async def roll(wanted: argparse.Namespace, directory: Path) -> dict[str, Any]:
    """What the run came to."""
    chance = random.Random(wanted.seed)
    build = Path(wanted.build)
    history = History(build / "rolling.history")
    async with AsyncExitStack() as stack:
        places = Places("postgresql", directory, NODES, chance)
        stack.push_async_callback(places.close)
        await places.open()
        staff = await hire(places, history)
        stack.push_async_callback(staff.close)
        exam = await make_exam(staff, 0, 60)
        hall = Hall(places, history, exam, replace(QUIET, think=wanted.think), chance)
        tasks = await _begin(hall, Invitations(staff, exam, 1, chance), wanted.candidates)
        places.keep_running()
        before = len(hall.waits)
        began = time.monotonic()
        away = [await _restart(places, node, wanted.calm) for node in places.nodes]
        seconds = time.monotonic() - began
        found = {"gaps": list(hall.gaps), "waits": hall.waits[before:], "away": away, "seconds": seconds}
        hall.habits = replace(hall.habits, think=0.2, hands_in=1)
        await asyncio.wait(tasks, timeout=120)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        history.close()
        return await _judge(wanted, places, history, hall, found)


async def _begin(hall: Hall, invitations: Invitations, number: int) -> list[asyncio.Task[None]]:
    """All candidates at work."""
    people = []
    for begin in range(0, number, AT_ONCE):
        people += await invitations.invite(hall.exam.long, min(AT_ONCE, number - begin), 1, None)
    tasks = []
    for person in people:
        tasks.append(asyncio.create_task(Sitting(hall, person).run()))
        await asyncio.sleep(0.02)

    async def all_answered() -> bool:
        return len(hall.running) == number and hall.history.acked > number

    await until(all_answered, within=120)
    return tasks


async def _restart(places: Places, node: Node, calm: float) -> float:
    """SIGTERM, start, wait until it is ready, and a while of calm; how long it was away, in seconds."""
    began = time.monotonic()
    async with unwanted(node), node.lock:
        await asyncio.to_thread(node.terminate, within=60)
        await asyncio.to_thread(node.revive)
    await places.wait_ready()
    away = time.monotonic() - began
    await asyncio.sleep(calm)
    return away


async def _judge(
    wanted: argparse.Namespace, places: Places, history: History, hall: Hall, found: dict[str, Any]
) -> dict[str, Any]:
    claims, findings = claims_of(read_history(Path(wanted.build) / "rolling.history"))
    rules = Rules(hall.exam.key, SCORING, hall.exam.most_attempts)
    assessments, more = await check_tables(places.url, claims, rules, now())
    findings += more
    return {
        "open": len(await open_assessments(places.url)),
        "command": f"make rolling CANDIDATES={wanted.candidates} SEED={wanted.seed}",
        "commit": result.commit(),
        "machine": result.machine(),
        "assessments": assessments,
        "acked": history.acked,
        "acked_meanwhile": len(found["waits"]),
        "findings": dict(Counter(finding.kind for finding in findings)),
        "examples": [f"{each.kind}: {each.assessment_id}: {each.what}" for each in findings[:20]],
        "seconds": round(found["seconds"], 1),
        "away_seconds": [round(each, 1) for each in found["away"]],
        "reconnects": len(found["gaps"]),
        "gap_seconds": result.percentiles(found["gaps"], 0.5, 0.99, 1),
        "ack_seconds": result.percentiles(found["waits"], 0.5, 0.99, 1),
    }


def page(found: dict[str, Any]) -> str:
    """The table of docs/reliability.md."""

    def spread(seconds: Sequence[float]) -> str:
        return ", ".join(f"{each * 1000:,.0f} ms" for each in seconds)

    rows = [
        ("Command", f"`{found['command']}`"),
        ("Commit", f"`{found['commit']}`"),
        ("Machine", found["machine"]),
        ("Live assessments", f"{found['assessments']:,}"),
        ("Nodes away, each", ", ".join(f"{each} s" for each in found["away_seconds"])),
        ("Answers acknowledged meanwhile", f"{found['acked_meanwhile']:,}"),
        ("Lost, regressed or otherwise wrong", f"{sum(found['findings'].values()):,}"),
        ("Sockets that came back elsewhere", f"{found['reconnects']:,}"),
        ("Gap that a candidate sees: p50, p99, longest", spread(found["gap_seconds"])),
        ("From sending to acknowledgement: p50, p99, longest", spread(found["ack_seconds"])),
    ]
    return table(["What", "Seen"], rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make rolling")
    parser.add_argument("--candidates", type=int, default=1000)
    parser.add_argument("--think", type=float, default=2, help="seconds between two answers of one candidate")
    parser.add_argument("--calm", type=float, default=5, help="seconds between two restarts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build", default=str(ROOT / "build"), help="where results go")
    parser.add_argument("--publish", action="store_true", help="write the table of docs/reliability.md at the end")
    wanted = parser.parse_args()
    Path(wanted.build).mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="sitting-rolling-"))
    try:
        import uvloop

        found = uvloop.run(roll(wanted, directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    result.write(Path(wanted.build) / "rolling.json", found)
    print(json.dumps(found, indent=1))
    if wanted.publish and not found["findings"]:
        write_between(RELIABILITY, "rolling", page(found))
    return 1 if found["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
