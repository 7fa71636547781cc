"""How long an acknowledgement takes on a server that is not full: `python -m bench.paced --help`.

Each client answers once in a while, all spread evenly. What counts is the time from when an answer was due, so that a
moment in which nothing moves is seen by all whose answers fall into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.answers import window_of
from bench.contenders import Contender, Window, sitting
from bench.load import Load
from bench.results import Result, Table, command_line, make_parser, save
from bench.servers import KINDS, leave_the_servers_core, postgres, workshop

NAME = "paced"
_HEADS = ("server", "connections", "answers/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "longest ms", "core used")
_PERCENTILES = (50, 90, 99, 99.9, 100)


def measure(load: Load, contender: Contender, *, every: float, warm_up: float, seconds: float) -> Window:
    """One window in which each client answers every so many seconds."""
    readings: list[tuple[float, float, float]] = []

    def read() -> None:
        readings.append(contender.meter())

    sample = load.paced(contender.clients, every=every, warm_up=warm_up, seconds=seconds, on_window=read)
    return window_of(sample, readings)


def figures(contender: Contender, window: Window) -> dict[str, Any]:
    """What was seen in a window."""
    sample = window.sample
    return {
        "connections": len(contender.clients),
        "acks": sample.acks,
        "answers_per_second": round(sample.per_second, 1),
        **{f"p{percent}_ms": round(1e3 * sample.percentile(percent), 2) for percent in _PERCENTILES},
        "server_cores_used": round(window.server_cpu / sample.seconds, 3),
    }


def table_of(found: dict[str, dict[str, Any]]) -> Table:
    """What people read of it."""
    rows = [
        (
            name,
            f"{each['connections']:,}",
            f"{each['answers_per_second']:,.0f}",
            *(f"{each[f'p{percent}_ms']:.1f}" for percent in _PERCENTILES),
            f"{each['server_cores_used']:.2f}",
        )
        for name, each in found.items()
    ]
    return Table(NAME, _HEADS, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, say what was seen, and write it down."""
    parser = make_parser("bench.paced", __doc__)
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two answers of a client")
    parser.add_argument("--seconds", type=float, default=20.0, help="of the window")
    parser.add_argument("--warm-up", type=float, default=4.0, help="seconds before the window")
    parser.add_argument("--database", choices=KINDS, action="append", help="both, if not given")
    asked = parser.parse_args(arguments)
    leave_the_servers_core()
    found, kinds = {}, asked.database or KINDS
    for kind in kinds:
        load = Load()
        with (
            workshop() as directory,
            postgres([kind]) as server,
            sitting(kind, load, asked.connections, directory, server) as contender,
        ):
            window = measure(load, contender, every=asked.every, warm_up=asked.warm_up, seconds=asked.seconds)
            found[contender.name] = figures(contender, window)
            print(f"{contender.name:22}", found[contender.name])
    print(save(Result(NAME, command_line("bench.paced"), None, found, [table_of(found)]), asked.into))


if __name__ == "__main__":
    main()
