"""The storms of `bench/` run as they are, only small: their own checks of every reply must hold."""

from __future__ import annotations

from bench import reconnect_storm, start_storm, whole_candidates
from bench.stage import stage


def test_whole_candidates_of_a_few_end_well() -> None:
    with stage("sqlite") as place:
        assert whole_candidates.measure(place, 6, 3)["candidates_per_second"] > 0


def test_start_storm_of_a_few_fails_nobody() -> None:
    with stage("sqlite") as place:
        assert start_storm.measure(place, 6)["failed"] == 0


def test_reconnect_storm_of_a_few_gives_everybody_back_what_was_stored() -> None:
    with stage("sqlite") as place:
        back = reconnect_storm.measure(place, 6)
    assert back["wrong_snapshots"] == 0
    assert back["most_seconds_off"] < 1
