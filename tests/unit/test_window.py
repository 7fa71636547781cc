"""The window over the nights in which clocks jump, in five zones, at a millisecond on both sides of everything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from sitting.domain.errors import InvalidMessage
from sitting.domain.window import ZoneRule, instant, window_problems, with_window, zone, zone_rule
from tests.support.samples import MILLISECOND, blueprint

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Jump:
    """At that instant a zone's clocks change from so much ahead of UTC to so much, in minutes."""

    zone: str
    at: datetime
    before: int
    after: int

    @property
    def old_wall(self) -> datetime:
        """What the clock would have shown at the jump."""
        return self.at + timedelta(minutes=self.before)

    @property
    def new_wall(self) -> datetime:
        """What it shows instead."""
        return self.at + timedelta(minutes=self.after)

    def __str__(self) -> str:
        return f"{self.zone} {self.at:%Y-%m-%d}"


def jump(zone_name: str, at: str, before: float, after: float) -> Jump:
    return Jump(zone_name, datetime.fromisoformat(at), round(before * 60), round(after * 60))


SPRINGS = [
    jump("Europe/Berlin", "2026-03-29T01:00", 1, 2),
    jump("America/New_York", "2026-03-08T07:00", -5, -4),
    jump("Australia/Lord_Howe", "2026-10-03T15:30", 10.5, 11),
    jump("Africa/Casablanca", "2025-04-06T02:00", 0, 1),
    jump("Pacific/Apia", "2011-12-30T10:00", -10, 14),
]
FALLS = [
    jump("Europe/Berlin", "2026-10-25T01:00", 2, 1),
    jump("America/New_York", "2026-11-01T06:00", -4, -5),
    jump("Australia/Lord_Howe", "2026-04-04T15:00", 11, 10.5),
    jump("Africa/Casablanca", "2025-02-23T02:00", 1, 0),
    jump("Pacific/Apia", "2012-03-31T14:00", 14, 13),
]
spring = pytest.mark.parametrize("jump", SPRINGS, ids=str)
fall = pytest.mark.parametrize("jump", FALLS, ids=str)
any_edge = pytest.mark.parametrize("later", [False, True], ids=["opens", "closes"])


def means(jump: Jump, wall: datetime, *, later: bool) -> tuple[ZoneRule, datetime]:
    """The rule and the instant, in UTC without saying so, that a wall-clock time means as an edge of a window."""
    found = instant(wall, jump.zone, later=later)
    assert found.tzinfo is UTC
    return zone_rule(wall, jump.zone), found.replace(tzinfo=None)


@spring
@any_edge
def test_time_that_is_skipped_means_what_the_clock_would_have_shown_without_the_jump(jump: Jump, later: bool) -> None:
    first, behind = jump.old_wall, jump.new_wall
    for wall in (first, first + MILLISECOND, first + (behind - first) / 2, behind - MILLISECOND):
        expected = wall - timedelta(minutes=jump.before)
        assert means(jump, wall, later=later) == (ZoneRule.GAP, expected)
        assert expected >= jump.at


@spring
@any_edge
def test_time_next_to_a_gap_is_exact(jump: Jump, later: bool) -> None:
    last = jump.old_wall - MILLISECOND
    assert means(jump, last, later=later) == (ZoneRule.EXACT, jump.at - MILLISECOND)
    assert means(jump, jump.new_wall, later=later) == (ZoneRule.EXACT, jump.at)
    assert means(jump, jump.new_wall + MILLISECOND, later=later) == (ZoneRule.EXACT, jump.at + MILLISECOND)


@fall
def test_time_that_occurs_twice_opens_the_first_time_and_closes_the_second(jump: Jump) -> None:
    first, behind = jump.new_wall, jump.old_wall
    for wall in (first, first + MILLISECOND, first + (behind - first) / 2, behind - MILLISECOND):
        opens, closes = (means(jump, wall, later=later) for later in (False, True))
        assert opens == (ZoneRule.OVERLAP, wall - timedelta(minutes=jump.before))
        assert closes == (ZoneRule.OVERLAP, wall - timedelta(minutes=jump.after))
        assert opens[1] < jump.at <= closes[1]


@fall
@any_edge
def test_time_next_to_an_overlap_is_exact(jump: Jump, later: bool) -> None:
    width = jump.old_wall - jump.new_wall
    assert means(jump, jump.new_wall - MILLISECOND, later=later) == (ZoneRule.EXACT, jump.at - width - MILLISECOND)
    assert means(jump, jump.old_wall, later=later) == (ZoneRule.EXACT, jump.at + width)


@pytest.mark.parametrize("jump", SPRINGS + FALLS, ids=str)
def test_window_over_such_a_night_opens_and_closes_to_the_millisecond(jump: Jump) -> None:
    opens, closes = jump.old_wall - 3 * HOUR, max(jump.old_wall, jump.new_wall) + 3 * HOUR
    rules = with_window(blueprint(time_zone=jump.zone, opens_local=opens, closes_local=closes))
    start, end = ((jump.at + off).replace(tzinfo=UTC) for off in (-3 * HOUR, closes - jump.new_wall))
    assert (rules.opens_at, rules.closes_at) == (start, end)
    assert [rules.is_open(start + step) for step in (-MILLISECOND, 0 * MILLISECOND, MILLISECOND)] == [False, True, True]
    assert [rules.is_open(end + step) for step in (-MILLISECOND, 0 * MILLISECOND, MILLISECOND)] == [True, False, False]


def test_fold_that_a_parser_left_on_a_wall_clock_time_does_not_matter() -> None:
    wall = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001
    assert instant(wall.replace(fold=1), "Europe/Berlin", later=False) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_window_set_in_instants_stays_as_it_is() -> None:
    opens = datetime(2026, 3, 29, 1, tzinfo=UTC)
    rules = blueprint(opens_at=opens, time_zone="Europe/Berlin")
    assert with_window(rules) == rules


def test_wall_clock_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidMessage, match="time_zone"):
        with_window(blueprint(opens_local=datetime(2026, 3, 29, 1)))  # noqa: DTZ001


@pytest.mark.parametrize(
    "name",
    ["", "Mars/Olympus", "Europe", "../etc/passwd", "/etc/localtime", "localtime", "right/Europe/Berlin", "a" * 99],
)
def test_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidMessage):
        zone(name)


def test_window_that_closes_before_it_opens_is_found_once_both_are_instants() -> None:
    """On the night of the jump an hour is gone: from 2:30 to 3:15 in words, 3:30 to 3:15 on the clock."""
    opens, closes = datetime(2026, 3, 29, 2, 30), datetime(2026, 3, 29, 3, 15)  # noqa: DTZ001
    rules = with_window(replace(blueprint(), time_zone="Europe/Berlin", opens_local=opens, closes_local=closes))
    assert list(window_problems(rules)) == ["the window closes before it opens"]
