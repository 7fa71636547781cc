"""Answers per second, acknowledged after the commit, of a server with one core: `python -m bench.answers --help`.

All servers run at the same time, and each is measured in several windows in turn with the others, so that what happens
to the machine happens to all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from bench.contenders import Contender, Window, all_contenders
from bench.load import Load, Sample
from bench.results import Result, Table, command_line, make_parser, save
from bench.servers import KINDS, leave_the_servers_core, postgres, workshop

NAME = "answers"
_HEADS = (
    "server",
    "answers/s",
    "core used",
    "answers per second of its core",
    "of the picows echo",
    "times the naive way",
    "µs of its core each",
    "of PostgreSQL",
    "p50 ms",
    "p99 ms",
)


def measure(load: Load, contenders: Sequence[Contender], *, rounds: int, warm_up: float, seconds: float) -> None:
    """Give each contender a window in each round."""
    for _ in range(rounds):
        for contender in contenders:
            contender.windows.append(_window(load, contender, warm_up, seconds))


def _window(load: Load, contender: Contender, warm_up: float, seconds: float) -> Window:
    readings: list[tuple[float, float, float]] = []

    def read() -> None:
        readings.append(contender.meter())

    sample = load.closed_loop(contender.clients, warm_up=warm_up, seconds=seconds, on_window=read)
    return window_of(sample, readings)


def window_of(sample: Sample, readings: Sequence[tuple[float, float, float]]) -> Window:
    """The window between the first reading of the meters and the last."""
    used = [last - first for first, last in zip(readings[0], readings[-1], strict=True)]
    return Window(sample, *used)


def figures(contender: Contender) -> dict[str, Any]:
    """The medians of a contender's windows."""

    def of(figure: Callable[[Window], float]) -> float:
        return median(map(figure, contender.windows))

    return {
        "kind": contender.kind,
        "answers_per_second": round(of(lambda w: w.sample.per_second), 1),
        "server_cores_used": round(of(lambda w: w.server_cpu / w.sample.seconds), 3),
        "answers_per_server_cpu_second": round(of(lambda w: w.sample.acks / w.server_cpu), 1),
        "server_cpu_us_per_answer": round(of(lambda w: 1e6 * w.server_cpu / w.sample.acks), 2),
        "postgres_cpu_us_per_answer": round(of(lambda w: 1e6 * w.postgres_cpu / w.sample.acks), 2),
        "client_cpu_us_per_answer": round(of(lambda w: 1e6 * w.client_cpu / w.sample.acks), 2),
        "p50_ms": round(of(lambda w: 1e3 * w.sample.percentile(50)), 1),
        "p99_ms": round(of(lambda w: 1e3 * w.sample.percentile(99)), 1),
        "acks": sum(w.sample.acks for w in contender.windows),
        "windows_answers_per_second": [round(w.sample.per_second, 1) for w in contender.windows],
    }


def table_of(found: dict[str, dict[str, Any]]) -> Table:
    """What people read of it; the first is what the others are compared with."""
    echo = next(iter(found.values()))["answers_per_server_cpu_second"]
    naive = {each["kind"]: each["answers_per_server_cpu_second"] for name, each in found.items() if "naive" in name}
    rows = [
        (
            name,
            f"{each['answers_per_second']:,.0f}",
            f"{each['server_cores_used']:.2f}",
            f"{each['answers_per_server_cpu_second']:,.0f}",
            f"{each['answers_per_server_cpu_second'] / echo:.3f}",
            f"{each['answers_per_server_cpu_second'] / naive[each['kind']]:.1f}" if each["kind"] in naive else "",
            f"{each['server_cpu_us_per_answer']:.0f}",
            f"{each['postgres_cpu_us_per_answer']:.0f}" if each["kind"] == "postgresql" else "",
            f"{each['p50_ms']:.0f}",
            f"{each['p99_ms']:.0f}",
        )
        for name, each in found.items()
    ]
    return Table(NAME, _HEADS, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, say what was seen, and write it down."""
    parser = make_parser("bench.answers", __doc__)
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each window")
    parser.add_argument("--warm-up", type=float, default=1.0, help="seconds before each window")
    parser.add_argument("--database", choices=KINDS, action="append", help="both, if not given")
    asked = parser.parse_args(arguments)
    kinds = asked.database or KINDS
    leave_the_servers_core()
    load = Load()
    with (
        workshop() as directory,
        postgres(kinds) as server,
        all_contenders(load, asked.connections, directory, server, kinds) as contenders,
    ):
        measure(load, contenders, rounds=asked.rounds, warm_up=asked.warm_up, seconds=asked.seconds)
        found = {contender.name: figures(contender) for contender in contenders}
    path = save(Result(NAME, command_line("bench.answers"), None, found, [table_of(found)]), asked.into)
    for name, each in found.items():
        print(f"{name:22}", each)
    print(path)


if __name__ == "__main__":
    main()
