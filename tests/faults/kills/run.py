"""`make kill-runs`: kill -9 of the server at every node of both graphs, and between, by seed.

    python -m tests.faults.kills.run [--kills 100] [--seed 1] [--database sqlite] [--publish]

Each kill strikes another run, over a database of its own, which then goes on in a new process. It must end as the run
of the same graph that nobody disturbed. What is found goes to build/kill-runs-DATABASE.json kill by kill, and at the
end into docs/question-graph.md. Exit code 0: all runs ended as they should.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.faults.kills.judging import complaints, in_flight, repeated
from tests.faults.kills.points import CALLS, INSTANT, Kill, Whole, kills
from tests.faults.kills.scenarios import AUTHORING, LIVE, Outcome, run_through
from tests.faults.nemesis import result
from tests.support.databases import migrate, sqlite_url
from tests.support.postgres import PostgresServer
from tests.support.scripted_model import ScriptedServer
from tests.support.tables_in_docs import ROOT, table, write_between
from tests.support.watched_model import WatchedModel

PAGE = ROOT / "docs" / "question-graph.md"
PACE_SECONDS = 0.002
"""Between the pieces of an answer, so that a kill can come while one is on its way."""
Databases = Callable[[], str]


@dataclass(frozen=True)
class Struck:
    """A kill, and what came of it.

    Attributes:
        at: where the process was: the point that it had passed last. in_flight: calls that were lost with it.
        repeated: calls made more than without it. wrong: complaints.
    """

    graph: str
    where: str
    number: int
    at: str
    in_flight: int
    repeated: int
    seconds: float
    wrong: tuple[str, ...]


class Series:
    """Kills one after the other, each over a new database, with the runs that nobody disturbs before them.

    Args:
        wholes: has those runs, by graph, and gets those that it lacks.
    """

    def __init__(
        self, databases: Databases, directory: Path, server: ScriptedServer, wholes: dict[str, Outcome] | None = None
    ) -> None:
        self._databases, self._directory, self._server = databases, directory, server
        self._numbers = itertools.count(1)
        self.wholes = {} if wholes is None else wholes

    def whole(self, graph: str) -> Outcome:
        """The run of that graph without a kill."""
        if graph not in self.wholes:
            outcome = self._run(graph, None)
            assert outcome.status == "done", outcome
            self.wholes[graph] = outcome
        return self.wholes[graph]

    def schedule(self, seed: int) -> Iterator[Kill]:
        """The kills of that seed, without end."""
        found = {graph: self.whole(graph) for graph in (AUTHORING, LIVE)}
        return kills({graph: Whole(each.points, each.calls, each.seconds) for graph, each in found.items()}, seed)

    def strike(self, kill: Kill) -> Struck:
        """Kill at that place, or at the first one of its kind if the run was over before."""
        whole = self.whole(kill.graph)
        outcome = self._run(kill.graph, kill)
        while not outcome.deaths:
            kill = kill.sooner()
            outcome = self._run(kill.graph, kill)
        return Struck(
            kill.graph,
            kill.where,
            kill.number,
            ", ".join(death.behind for death in outcome.deaths),
            in_flight(outcome),
            repeated(whole, outcome),
            round(outcome.seconds, 1),
            tuple(complaints(kill.graph, whole, outcome)),
        )

    def _run(self, graph: str, kill: Kill | None) -> Outcome:
        directory = self._directory / f"run-{next(self._numbers)}"
        directory.mkdir()
        try:
            return run_through(graph, self._databases(), directory, self._server, kill)
        finally:
            shutil.rmtree(directory)


@contextmanager
def databases(kind: str, directory: Path) -> Iterator[Databases]:
    """Makes migrated databases of that kind, each of its own."""
    numbers = itertools.count(1)
    if kind == "sqlite":
        template = directory / "template.db"
        migrate(sqlite_url(template))
        yield lambda: sqlite_url(Path(shutil.copy(template, directory / f"sitting-{next(numbers)}.db")))
        return
    with PostgresServer() as server:
        migrate(server.create_database("template"))
        yield lambda: server.create_database(f"sitting_{next(numbers)}", template="template")


def kill_all(wanted: argparse.Namespace, file: Path) -> dict[str, Any]:
    """What the kills came to; the file has those so far at every instant."""
    found: dict[str, Any] = {
        "command": f"make kill-runs DATABASE={wanted.database} KILLS={wanted.kills} SEED={wanted.seed}",
        "commit": result.commit(),
        "machine": result.machine(),
        "database": wanted.database,
        "struck": [],
    }
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="sitting-kills-") as name,
        ScriptedServer(WatchedModel(pace_seconds=PACE_SECONDS)) as server,
        databases(wanted.database, Path(name)) as make,
    ):
        series = Series(make, Path(name), server)
        for number, kill in enumerate(itertools.islice(series.schedule(wanted.seed), wanted.kills), 1):
            struck = series.strike(kill)
            found["struck"].append(asdict(struck))
            found["seconds"] = round(time.monotonic() - began)
            result.write(file, found)
            print(f"{number}: {kill}: {struck.in_flight} in flight, {struck.repeated} repeated", flush=True)
            print("".join(f"    {each}\n" for each in struck.wrong), end="", flush=True)
        found["calls"] = {graph: outcome.calls for graph, outcome in series.wholes.items()}
    result.write(file, found)
    return found


def page(found: Mapping[str, Any]) -> str:
    """The table: a line for each place of each graph."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for each in sorted(found["struck"], key=lambda each: (each["graph"], _rank(each["where"]), each["where"])):
        groups.setdefault((each["graph"], each["where"]), []).append(each)
    rows = [(graph, where, *_figures(struck)) for (graph, where), struck in groups.items()]
    rows.append(("**both**", "", *_figures(found["struck"])))
    head = ("Graph", "Killed at", "Kills", "Ended as without", "Calls in flight", "Calls repeated")
    calls = " and ".join(f"{number} ({graph})" for graph, number in sorted(found["calls"].items()))
    database = result.DATABASES[found["database"]]
    return (
        f"{table(head, rows)}\n\nA run that nobody disturbs makes {calls} calls. {database}, "
        f"{found['machine']}, commit `{found['commit']}`, {found['seconds'] / 60:.0f} minutes. Again: "
        f"`{found['command']}`."
    )


def _figures(struck: Sequence[Mapping[str, Any]]) -> Sequence[int]:
    return (
        len(struck),
        sum(not each["wrong"] for each in struck),
        sum(each["in_flight"] for each in struck),
        sum(each["repeated"] for each in struck),
    )


def _rank(where: str) -> int:
    """Nodes first, then what is stored, then calls, then whatever."""
    if where.startswith(("begin ", "end ")):
        return 0
    return 2 if where in CALLS else 3 if where == INSTANT else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="make kill-runs")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--build", default=str(ROOT / "build"), help="where results go")
    parser.add_argument("--publish", action="store_true", help="write the table of docs/question-graph.md at the end")
    wanted = parser.parse_args()
    Path(wanted.build).mkdir(parents=True, exist_ok=True)
    found = kill_all(wanted, Path(wanted.build) / f"kill-runs-{wanted.database}.json")
    wrong = [each for each in found["struck"] if each["wrong"]]
    print(json.dumps(wrong, indent=1) if wrong else page(found))
    if wanted.publish and not wrong:
        write_between(PAGE, f"kill-runs-{wanted.database}", page(found))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
