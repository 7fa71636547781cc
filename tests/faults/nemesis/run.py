"""`make faults`: candidates and staff work while faults happen, and then everything is held against the tables.

    python -m tests.faults.nemesis.run [--database postgresql|sqlite] [--minutes 30] [--seed 1]

As it goes it writes into build/: faults-DATABASE.log (a line for each event), .json (the result) and .history (every
operation). The run has network, mounts and processes of its own, so that nothing of it outlives it; without root it has
not, and the faults that need that are named in the result. Exit code 0: nothing was found.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.faults.nemesis import result
from tests.faults.nemesis.candidates import Habits, Hall
from tests.faults.nemesis.checker import BROKEN_LOG, NOT_READY, Finding, Rules, claims_of
from tests.faults.nemesis.faults import Scene
from tests.faults.nemesis.faults_clients import client_faults
from tests.faults.nemesis.faults_database import database_faults
from tests.faults.nemesis.faults_network import network_faults
from tests.faults.nemesis.faults_nodes import node_faults
from tests.faults.nemesis.history import History, read_history
from tests.faults.nemesis.nemesis import EventLog, Nemesis
from tests.faults.nemesis.places import Places, now, until
from tests.faults.nemesis.setup import REASON, SCORING, Invitations, Staff, hire, make_exam
from tests.faults.nemesis.stored import check_tables, open_assessments
from tests.faults.nemesis.workload import Workload
from tests.support.server import COMMAND, JWT_SECRET, SIGNING_KEY, environment
from tests.support.tables_in_docs import ROOT

ALONE = "SITTING_TEST_ALONE"
NODES = {"postgresql": 3, "sqlite": 1}
NOTED_SECONDS = 5.0
LEFT_SECONDS = 4.0  # at the end: what would run longer than that is ended by staff
EXAMPLES = 20
SHORT_SECONDS = 60.0  # a run of that length at most has shorter pauses and Tests


class Run:
    """One run, from nothing to its result."""

    def __init__(self, wanted: argparse.Namespace, directory: Path) -> None:
        self.wanted = wanted
        self.chance = random.Random(wanted.seed)
        self.file = Path(wanted.build) / f"faults-{wanted.database}.json"
        self.history_file = self.file.with_suffix(".history")
        self.history = History(self.history_file)
        self.log = EventLog(self.file.with_suffix(".log"))
        self.places = Places(wanted.database, directory, wanted.nodes or NODES[wanted.database], self.chance)
        self.result: dict[str, Any] = {
            "is_finished": False,
            "command": f"make faults DATABASE={wanted.database} MINUTES={wanted.minutes:g} SEED={wanted.seed}",
            "seed": wanted.seed,
            "commit": result.commit(),
            "machine": result.machine(),
            "database": wanted.database,
            "seats": wanted.seats,
            "nodes": wanted.nodes or NODES[wanted.database],
            "seconds": 0,
            "findings": {},
            "examples": [],
        }
        self.findings: list[Finding] = []
        self.nemesis: Nemesis | None = None

    async def go(self) -> int:
        """Everything; the exit code."""
        print(
            f"seed {self.wanted.seed}, commit {self.result['commit'] or 'none'}, {self.result['machine']}", flush=True
        )
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.places.close)
            self.log.say("opening", seed=self.wanted.seed, commit=self.result["commit"])
            await self.places.open()
            self.log.say("places are open")
            staff = await hire(self.places, self.history)
            stack.push_async_callback(staff.close)
            workload = await self._prepare(staff)
            await self._under_faults(workload)
            await self._come_to_rest(workload, staff)
            self.history.close()
            await self._check()
        self.log.say("closed")
        self.log.close()
        return 1 if self.result["findings"] or self.result["broken"] else 0

    async def _prepare(self, staff: Staff) -> Workload:
        seconds = self.wanted.minutes * 60
        is_short = seconds <= SHORT_SECONDS
        exam = await make_exam(staff, seconds, 3 if is_short else 15)
        chance = random.Random(self.chance.random())
        invitations = Invitations(staff, exam, len(self.places.nodes), chance, (6, 14) if is_short else (8, 45))
        hall = Hall(self.places, self.history, exam, Habits(think=self.wanted.think), chance)
        workload = Workload(hall, invitations, staff, self.wanted.seats)
        scene = Scene(self.places, hall, workload, random.Random(self.chance.random()))
        faults = [
            *node_faults(len(self.places.nodes)),
            *database_faults(self.places),
            *network_faults(self.places, alone=bool(os.environ.get(ALONE))),
            *client_faults(),
        ]
        if self.wanted.only:
            faults = [fault for fault in faults if self.wanted.only in fault.name]
        self.nemesis = Nemesis(faults, scene, self.log)
        return workload

    async def _under_faults(self, workload: Workload) -> None:
        assert self.nemesis is not None
        seconds = self.wanted.minutes * 60
        self.places.keep_running()
        workload.open()
        self.log.say("opened", faults=sum(self.nemesis.injected.values()))
        begun = time.monotonic()
        noting = asyncio.create_task(self._note_down(begun, workload))
        await self.nemesis.run(seconds, (0.3, 1.0) if seconds <= SHORT_SECONDS else (2.0, 6.0))
        noting.cancel()
        self.result["seconds"] = round(time.monotonic() - begun, 1)
        self._note(workload)

    async def _note_down(self, begun: float, workload: Workload) -> None:
        while True:
            await asyncio.sleep(NOTED_SECONDS)
            self.result["seconds"] = round(time.monotonic() - begun, 1)
            self._note(workload)

    def _note(self, workload: Workload) -> None:
        """Write the result as it is by now."""
        assert self.nemesis is not None
        self.result |= {
            "faults": dict(self.nemesis.injected),
            "missed": dict(self.nemesis.missed),
            "cannot": self.nemesis.cannot,
            "broken": self.nemesis.broken + [repr(fault) for fault in workload.faults],
            "operations": result.operations_table(self.history.counts),
            "acked": self.history.acked,
            "ack_seconds": result.percentiles(workload.hall.waits, 0.5, 0.99),
            "client_findings": self.history.findings[:EXAMPLES],
        }
        result.write(self.file, self.result)
        self.log.say("at work", acked=self.history.acked, running=len(workload.hall.running))

    async def _come_to_rest(self, workload: Workload, staff: Staff) -> None:
        """All is healed; nobody new comes, what would run for long is ended, and the sweep closes the rest."""
        try:
            await self.places.wait_ready()
        except TimeoutError:
            self.history.finding(NOT_READY, "all is healed, and a node is not ready after two minutes")
        workload.is_closing = True
        self.log.say("healed")
        latest, at_once = now() + timedelta(seconds=LEFT_SECONDS), asyncio.Semaphore(8)

        async def end(id_: int) -> None:
            async with at_once:
                await staff.ask(0, "end", "POST", f"/assessments/{id_}/end", REASON)

        still_open = await open_assessments(self.places.url)
        await asyncio.gather(*(end(id_) for id_, _, due in still_open if due is None or due > latest))
        with suppress(TimeoutError):
            await until(self._none_is_open, within=60, every=0.5)
        await workload.close()
        self._note(workload)
        self.log.say("at rest")

    async def _none_is_open(self) -> bool:
        return not await open_assessments(self.places.url)

    async def _check(self) -> None:
        claims, self.findings = await asyncio.to_thread(lambda: claims_of(read_history(self.history_file)))
        assert self.nemesis is not None
        exam = self.nemesis.scene.hall.exam
        rules = Rules(exam.key, SCORING, exam.most_attempts, self.places.outages)
        self.result["assessments"], found = await check_tables(self.places.url, claims, rules, now())
        self.findings += found
        self.result["audit"] = await asyncio.to_thread(self._audit)
        self.result["findings"] = dict(Counter(finding.kind for finding in self.findings))
        self.result["examples"] = [
            f"{each.kind}: {each.assessment_id}: {each.what}" for each in self.findings[:EXAMPLES]
        ]
        self.result["is_finished"] = True
        result.write(self.file, self.result)
        self.log.say("checked", findings=self.result["findings"], audit=self.result["audit"])

    def _audit(self) -> str:
        """The last line of `sitting audit verify`; what it finds is a finding."""
        secrets = {"SITTING_JWT_SECRET": JWT_SECRET, "SITTING_SIGNING_KEY": SIGNING_KEY}
        command: list[str | Path] = [COMMAND, "audit", "verify", "--database-url", self.places.url]
        done = subprocess.run(command, env=environment(secrets), capture_output=True, text=True, check=False)
        said: list[str] = (done.stdout + done.stderr).strip().splitlines() or ["(nothing)"]
        if done.returncode != 0:
            self.findings += [Finding(BROKEN_LOG, 0, line) for line in said[-EXAMPLES:]]
        return said[-1]


def read_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults")
    parser.add_argument("--database", choices=NODES, default="postgresql")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seats", type=int, default=100, help="candidates at work at one time")
    parser.add_argument("--think", type=float, default=0.4, help="seconds between two answers of one candidate")
    parser.add_argument("--nodes", type=int, default=0, help="1 for SQLite, else 3")
    parser.add_argument("--only", default="", help="only faults with this in their name")
    parser.add_argument("--build", default=str(ROOT / "build"), help="where results go")
    parser.add_argument("--keep", action="store_true", help="keep what the servers said, in a directory that is named")
    parser.add_argument("--publish", action="store_true", help="write the table of docs/reliability.md at the end")
    return parser.parse_args(arguments)


def go_alone() -> int | None:
    """Run once more with network, mounts and processes of its own; the exit code, or None where that cannot be."""
    if os.environ.get(ALONE) or os.geteuid() != 0 or shutil.which("unshare") is None:
        return None
    spaces = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*spaces, "true"], capture_output=True, check=False).returncode != 0:
        return None
    command = [*spaces, "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, "-m", __spec__.name]
    child = subprocess.Popen([*command, *sys.argv[1:]], env={**os.environ, ALONE: "1"})

    def pass_on(number: int, _frame: Any) -> None:
        child.send_signal(signal.SIGKILL if number == signal.SIGTERM else number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    return child.wait()


def main() -> int:
    """One run in the room that it needs; the exit code."""
    code = go_alone()
    if code is not None:
        return code
    wanted = read_arguments()
    Path(wanted.build).mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="sitting-faults-"))
    try:
        code = _run(Run(wanted, directory))
    finally:
        if wanted.keep:
            print(f"what the servers said is in {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    print(Path(wanted.build, f"faults-{wanted.database}.json").read_text())
    if wanted.publish and code == 0:
        result.publish(Path(wanted.build))
    return code


def _run(run: Run) -> int:
    async def until_told() -> int:
        task = asyncio.ensure_future(run.go())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        return await task

    import uvloop

    with suppress(asyncio.CancelledError):
        return uvloop.run(until_told())
    return 130


if __name__ == "__main__":
    sys.exit(main())
