"""Which kills a seed gives, and what is said of runs that did not end as they should: forged outcomes."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.kills.judging import complaints, in_flight, repeated
from tests.faults.kills.places import Death
from tests.faults.kills.points import CALLS, INSTANT, Kill, Whole, kills
from tests.faults.kills.scenarios import AUTHORING, LIVE, Outcome

ITEMS = ((2, "Containers", "easy", "What?", ("a", "b"), "a"), (3, "Containers", "easy", "Why?", ("c", "d"), "d"))
WHOLE = Outcome(
    status="done",
    failure=None,
    items=ITEMS,
    handed_in=2,
    shown=ITEMS,
    calls=20,
    recorded=20,
    tokens=10_000,
    held=0,
    paid=10_000,
    seconds=1.0,
    points=Counter({"begin write": 2}),
)
TWO_LOST = Death("end look_in_bank", asked=5, kept=3)
KILLED = replace(WHOLE, calls=22, recorded=20, tokens=14_000, deaths=[TWO_LOST])


def test_run_that_paid_for_what_was_in_flight_and_asked_it_again_is_as_it_should_be() -> None:
    assert complaints(LIVE, WHOLE, KILLED) == []
    assert (in_flight(KILLED), repeated(WHOLE, KILLED)) == (2, 2)
    nothing_lost = replace(WHOLE, deaths=[Death("end prepare", asked=9, kept=9)])
    assert complaints(AUTHORING, WHOLE, nothing_lost) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "failed", "failure": "the model failed"}, "it ended failed"),
        ({"items": ITEMS[:1]}, "lost: [(3"),
        ({"items": (*ITEMS, ITEMS[1])}, "now 3"),
        ({"items": (ITEMS[0], (3, *ITEMS[0][1:]))}, "others: [(3"),
        ({"handed_in": 3}, "2 questions in the tables, now 3"),
        ({"shown": ITEMS[:1]}, "the candidate was shown"),
        ({"calls": 23}, "3 calls more, 2 in flight"),
        ({"calls": 19}, "-1 calls more"),
        ({"recorded": 19}, "19 calls recorded of 22"),
        ({"recorded": 23}, "23 calls recorded of 22"),
        ({"held": 10}, "10 tokens are still held"),
        ({"tokens": 9_000}, "but 10000 recorded"),
        ({"tokens": 9_000, "paid": 9_000}, "9000 tokens spent, and 10000 without a kill"),
        ({"tokens": 10_000}, "though 2 calls were lost"),
        ({"calls": 20, "deaths": [Death("end write", asked=1, kept=1)]}, "though nothing was in flight"),
        ({"deaths": [Death("begin solve", asked=9, kept=0)]}, "9 calls were lost, and 4 are made at once"),
    ],
)
def test_whatever_is_not_as_without_the_kill_is_said(changes: dict[str, Any], said: str) -> None:
    found = complaints(LIVE, WHOLE, replace(KILLED, **changes))
    assert any(said in each for each in found), found


def test_every_place_is_struck_before_any_is_struck_again_and_by_the_same_seed_at_the_same_time() -> None:
    wholes = {
        AUTHORING: Whole({"begin plan": 1, "end write": 3}, 30, 2.0),
        LIVE: Whole({"begin next_slot": 4}, 20, 1.0),
    }
    deck = 3 + 2 * (len(CALLS) + 2)
    first = list(itertools.islice(kills(wholes, 1), 2 * deck))
    assert first == list(itertools.islice(kills(wholes, 1), 2 * deck))
    assert first != list(itertools.islice(kills(wholes, 2), 2 * deck))
    for half in (first[:deck], first[deck:]):
        places = Counter((kill.graph, kill.where) for kill in half)
        assert places.pop((AUTHORING, INSTANT)) == places.pop((LIVE, INSTANT)) == 2
        assert set(places.values()) == {1}
        assert {where for _, where in places} == {"begin plan", "end write", "begin next_slot", *CALLS}
    for kill in first:
        whole = wholes[kill.graph]
        assert 1 <= kill.number <= (whole.calls if kill.where in CALLS else whole.points.get(kill.where, 1))
        assert 0 <= kill.seconds <= whole.seconds


def test_place_that_a_run_did_not_reach_is_tried_where_every_run_comes_by() -> None:
    assert Kill(LIVE, "begin next_slot", 4).sooner() == Kill(LIVE, "begin next_slot", 1)
    assert Kill(LIVE, INSTANT, seconds=3.0).sooner() == Kill(LIVE, INSTANT, seconds=1.5)
