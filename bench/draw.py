"""Drawing a paper from a large bank, in memory, as a start does: `python -m bench.draw --help`."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench.results import Result, Table, command_line, make_parser, save
from bench.servers import leave_the_servers_core
from sitting.domain.blueprint import Blueprint, Draw, Section
from sitting.domain.question import QuestionVersion
from sitting.questions.drawing import Plan, draw_slots, make_paper, make_plan
from sitting.questions.publication import publish
from tests.support.builders import make_content

NAME = "draw"
_SKILLS = 10


def make_bank(size: int) -> dict[str, QuestionVersion]:
    """So many questions, of ten skills."""
    bank = {}
    for number in range(1, size + 1):
        content = make_content(number, skill=f"Skill {number % _SKILLS}")
        id_ = f"q_{number}"
        bank[id_] = QuestionVersion(id_, None, 1, content, content.digest())
    return bank


def blueprints(questions: int, bank: int) -> dict[str, Blueprint]:
    """Two Tests of so many questions: drawn at once from the whole bank, and by skill, without what is related."""
    pairs = bank // 50
    by_skill = tuple(Draw(questions // _SKILLS, skill=f"Skill {number}") for number in range(_SKILLS))
    apart = tuple((f"q_{n}", f"q_{n + 1}") for n in range(1, 2 * pairs, 2))
    return {
        "from the whole bank": Blueprint(
            name="One draw", sections=(Section("all", draws=(Draw(questions),)),), time_limit_minutes=30
        ),
        f"by skill, {pairs} pairs kept apart, shuffled": Blueprint(
            name="Ten draws",
            sections=(Section("all", draws=by_skill, shuffle=True),),
            not_together=apart,
            time_limit_minutes=30,
        ),
    }


def seconds_of_papers(plan: Plan, bank: dict[str, QuestionVersion], papers: int, seed: int) -> list[float]:
    """How long each of so many papers took, sorted."""
    contents = {version.digest: version.content for version in bank.values()}
    took = []
    for number in range(papers):
        before = time.perf_counter()
        own = f"{seed:x} {number:x}"
        paper = make_paper(plan, draw_slots(plan, own), contents, own)
        paper.digest()
        took.append(time.perf_counter() - before)
    return sorted(took)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, say what was seen, and write it down."""
    parser = make_parser("bench.draw", __doc__)
    parser.add_argument("--bank", type=int, default=5000)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--papers", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    leave_the_servers_core()
    bank = make_bank(asked.bank)
    found, rows = {}, []
    for name, blueprint in blueprints(asked.questions, asked.bank).items():
        plan = make_plan(blueprint, publish(blueprint, bank).snapshot)
        took = seconds_of_papers(plan, bank, asked.papers, asked.seed)
        median, slow = took[len(took) // 2], took[len(took) * 99 // 100]
        found[name] = {"papers": len(took), "p50_ms": round(median * 1e3, 3), "p99_ms": round(slow * 1e3, 3)}
        rows.append((f"{asked.questions} of {asked.bank:,}, {name}", f"{median * 1e3:.2f}", f"{slow * 1e3:.2f}"))
        print(f"{name:42}", found[name])
    table = Table(NAME, ("a paper of", "p50 ms", "p99 ms"), rows)
    print(save(Result(NAME, command_line("bench.draw"), asked.seed, found, [table]), asked.into))


if __name__ == "__main__":
    main()
