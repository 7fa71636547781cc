"""Candidates of a section that a model writes, against the same section without a model: `python -m bench.live_runs`.

All come at one instant, so that all live runs begin together, and each thinks for a while before every answer. What
counts is how long they wait for the next question and for an acknowledgement, and what writing costs the server.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from bench.cohort import Candidate, Cohort, invite_cohort, publish_test
from bench.contenders import KIND_NAMES
from bench.results import Result, Table, command_line, make_parser, save
from bench.servers import (
    KINDS,
    cpu_seconds,
    leave_the_servers_core,
    migrated_url,
    other_cores,
    pinned,
    postgres,
    sitting_node,
    workshop,
)
from bench.storm import Crowd, all_of, answer, percentile
from sitting.domain.blueprint import Blueprint, Generated, Navigation, Section
from sitting.domain.priority import Priority
from sitting.domain.question import QuestionContent
from sitting.domain.skill_graph import Skill, SkillGraph
from tests.support.builders import make_content
from tests.support.eventually import eventually
from tests.support.processes import ChildProcess
from tests.support.server import COMMAND
from tests.support.storage import running_storage

NAME = "live_runs"
SKILLS = (Skill("Containers", Priority.HIGH, 1, questions=3), Skill("API design", Priority.MEDIUM, 1, questions=2))
_HEADS = ("server", "candidates", "question p50 ms", "p99 ms", "longest ms", "ack p50 ms", "p99 ms", "longest ms",
          "written, of all", "ms of the core each")  # fmt: skip


@dataclass
class Waits:
    """What candidates waited for, in seconds, and how many of the questions that they were shown a model wrote."""

    questions: list[float] = field(default_factory=list)
    acks: list[float] = field(default_factory=list)
    shown: int = 0
    written: int = 0


def contents() -> list[QuestionContent]:
    """A bank with what the section needs in reserve, and no more."""
    names = [skill.name for skill in SKILLS for _ in range(skill.questions or 0)]
    return [make_content(number, skill=name) for number, name in enumerate(names, start=1)]


async def _make_cohort(url: str, people: int) -> Cohort:
    section = Section("written", generated=Generated(SkillGraph(SKILLS)))
    blueprint = Blueprint("Live", sections=(section,), navigation=Navigation.LINEAR, time_limit_minutes=60)
    async with running_storage(url) as storage:
        return await invite_cohort(storage, await publish_test(storage, blueprint, contents()), people)


@contextmanager
def scripted_model(directory: Path) -> Iterator[dict[str, str]]:
    """A model beside the server's core that answers at once; gives the settings that lead to it."""
    command = [*pinned(other_cores()[0]), str(COMMAND), "scripted-model", "--port", "0", "--pace", "0"]
    child = ChildProcess(command, name="model", directory=directory, env=dict(os.environ))

    def told() -> dict[str, str]:
        assert child.exit_code() is None, child.tail()
        settings = dict(line.split("=", 1) for line in child.stdout_path.read_text().splitlines())
        assert len(settings) == 2, child.tail()
        return settings

    with ExitStack() as stack:
        stack.callback(child.kill)
        yield eventually(told, within=30)


async def take(crowd: Crowd, candidate: Candidate, think: random.Random, seconds: float, waits: Waits) -> None:
    """A whole Test; the first question is of the bank, and came with the start."""
    seat, facts, question = await crowd.started(candidate)
    for position in range(1, len(facts["outline"]) + 1):
        await asyncio.sleep(think.uniform(0.5, 1.5) * seconds)
        began = time.perf_counter()
        await answer(seat, question, position)
        waits.acks.append(time.perf_counter() - began)
        if position < len(facts["outline"]):
            began = time.perf_counter()
            question = await seat.ask("get_question", {"position": position + 1}, "question")
            waits.questions.append(time.perf_counter() - began)
    results = (await seat.ask("complete_assessment", {}, "assessment_completed"))["results"]
    waits.shown += results["total_questions"]
    waits.written += results["generated_questions"]
    seat.leave()


async def _all_take(port: int, cohort: Cohort, seconds: float, seed: int) -> Waits:
    waits, crowd = Waits(), Crowd(port, cohort)
    people = enumerate(cohort.candidates)
    await all_of(take(crowd, each, random.Random(f"{seed}:{n}"), seconds, waits) for n, each in people)
    return waits


def measure(
    url: str, directory: Path, env: Mapping[str, str], *, people: int, think: float, seed: int
) -> dict[str, Any]:
    """One crowd before one server."""
    cohort = asyncio.run(_make_cohort(url, people))
    with sitting_node(url, directory, env=env) as node:
        before = cpu_seconds(node.pid)
        waits = uvloop.run(_all_take(node.port, cohort, think, seed))
        used = cpu_seconds(node.pid) - before
    found: dict[str, Any] = {"candidates": people, "shown": waits.shown, "written": waits.written}
    for name, values in (("question", waits.questions), ("ack", waits.acks)):
        places = (("p50", 0.5), ("p99", 0.99), ("longest", 1.0))
        found |= {f"{name}_{label}_ms": round(1e3 * percentile(values, share), 1) for label, share in places}
    return {**found, "server_ms_per_candidate": round(1e3 * used / people, 1)}


def table_of(found: Mapping[str, Mapping[str, Any]]) -> Table:
    """What people read of it."""
    keys = [f"{what}_{which}_ms" for what in ("question", "ack") for which in ("p50", "p99", "longest")]
    rows = [
        (
            name,
            f"{each['candidates']:,}",
            *(f"{each[key]:.1f}" for key in keys),
            f"{each['written']} of {each['shown']}",
            f"{each['server_ms_per_candidate']:.0f}",
        )
        for name, each in found.items()
    ]
    return Table(NAME, _HEADS, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, say what was seen, and write it down."""
    parser = make_parser("bench.live_runs", __doc__)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument(
        "--think", type=float, default=6.0, help="seconds before an answer, half to one and a half of it"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=KINDS, action="append", help="both, if not given")
    asked = parser.parse_args(arguments)
    leave_the_servers_core()
    found, kinds = {}, asked.database or KINDS
    with workshop() as directory, postgres(kinds) as server, scripted_model(directory) as model:
        for kind in kinds:
            for name, env in (("the bank alone", {}), ("with a model", model)):
                url = migrated_url(kind, directory, server, name.replace(" ", "_"))
                figures = measure(url, directory, env, people=asked.people, think=asked.think, seed=asked.seed)
                found[f"{KIND_NAMES[kind]}, {name}"] = figures
                print(f"{kind:12} {name:15}", figures, flush=True)
    print(save(Result(NAME, command_line("bench.live_runs"), asked.seed, found, [table_of(found)]), asked.into))


if __name__ == "__main__":
    main()
