"""A short slice of `make kill-runs`: the server dies under runs, and they end as if nothing had happened."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.kills.points import Kill
from tests.faults.kills.run import PACE_SECONDS, Series
from tests.faults.kills.scenarios import AUTHORING, LIVE, Outcome
from tests.support.databases import sqlite_url
from tests.support.scripted_model import ScriptedServer
from tests.support.watched_model import WatchedModel

ON_SQLITE = (
    Kill(AUTHORING, "end hand_in", 2),
    Kill(LIVE, "end prepare", 2),
    Kill(LIVE, "call under way", 14, 0.01),
)
ON_POSTGRESQL = (Kill(AUTHORING, "call asked", 15),)
_wholes: dict[str, Outcome] = {}  # what runs come to is the same on both databases


@pytest.fixture(scope="module")
def series(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Series]:
    directory = tmp_path_factory.mktemp(f"kills-{request.param}")
    numbers = itertools.count(1)

    def make_sqlite() -> str:
        template = request.getfixturevalue("sqlite_template")
        return sqlite_url(Path(shutil.copy(template, directory / f"sitting-{next(numbers)}.db")))

    def make_postgresql() -> str:
        server, template = (request.getfixturevalue(f"postgres_{name}") for name in ("server", "template"))
        made: str = server.create_database(f"sitting_kills_{next(numbers)}", template=template)
        return made

    make = make_sqlite if request.param == "sqlite" else make_postgresql
    with ScriptedServer(WatchedModel(pace_seconds=PACE_SECONDS)) as server:
        yield Series(make, directory, server, _wholes)


@pytest.mark.parametrize(
    ("series", "kill"),
    [*(("sqlite", kill) for kill in ON_SQLITE), *(("postgresql", kill) for kill in ON_POSTGRESQL)],
    ids=str,
    indirect=["series"],
)
def test_p26_run_whose_server_is_killed_ends_as_if_nothing_had_happened_and_pays_for_what_was_in_flight(
    series: Series, kill: Kill
) -> None:
    struck = series.strike(kill)
    assert struck.wrong == ()
    if kill.where in ("end hand_in", "end prepare"):
        assert (struck.in_flight, struck.repeated) == (0, 0), "no call was on its way"
    else:
        assert struck.in_flight >= struck.repeated >= 1, "one call at least was on its way"
