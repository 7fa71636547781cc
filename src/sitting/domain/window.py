"""The schedule window: wall-clock times of a zone, and the instants that they mean.

Twice a year a zone's clocks jump. A wall-clock time that is skipped (gap) means the instant that the clock would have
shown it without the jump, so the clock shows a later time then; one that occurs twice (overlap) means the first
occurrence where the window opens and the second where it closes: the wider window, in the candidate's favour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from sitting.domain.blueprint import Blueprint
from sitting.domain.errors import InvalidMessage

YEARS = range(1970, 9000)


class ZoneRule(StrEnum):
    """How an instant came out of what the author wrote."""

    INSTANT = "instant"
    EXACT = "exact"
    GAP = "gap"
    OVERLAP = "overlap"


def zone(name: str) -> ZoneInfo:
    """The zone of that IANA name.

    Raises:
        InvalidMessage: there is none.
    """
    if name not in _names():  # a machine's files hold more: its own zone, and clocks that count leap seconds
        raise InvalidMessage("There is no such time zone.", time_zone=name[:100])
    return ZoneInfo(name)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime", "posixrules", "Factory"}


def zone_rule(local: datetime, zone_name: str) -> ZoneRule:
    """What is special about that wall-clock time, which has no zone of its own (PEP 495)."""
    first, second = (local.replace(tzinfo=zone(zone_name), fold=fold).utcoffset() for fold in (0, 1))
    assert first is not None and second is not None
    if first == second:
        return ZoneRule.EXACT
    return ZoneRule.OVERLAP if first > second else ZoneRule.GAP


def instant(local: datetime, zone_name: str, *, later: bool) -> datetime:
    """The instant, in UTC, that a wall-clock time means.

    Args:
        later: of two occurrences the second is meant, as at the window's end.
    """
    fold = int(later and zone_rule(local, zone_name) is ZoneRule.OVERLAP)
    return local.replace(tzinfo=zone(zone_name), fold=fold).astimezone(UTC)


def with_window(blueprint: Blueprint) -> Blueprint:
    """The same blueprint, its instants made anew from the wall-clock times that the author wrote.

    Raises:
        InvalidMessage: there is no such time zone, or it names no zone for a wall-clock time.
    """
    if blueprint.time_zone is None:
        if blueprint.opens_local is not None or blueprint.closes_local is not None:
            raise InvalidMessage("A time without a zone needs time_zone.")
        return blueprint
    zone(blueprint.time_zone)
    opens, closes = blueprint.opens_local, blueprint.closes_local
    return replace(
        blueprint,
        opens_at=instant(opens, blueprint.time_zone, later=False) if opens else blueprint.opens_at,
        closes_at=instant(closes, blueprint.time_zone, later=True) if closes else blueprint.closes_at,
    )


def window_problems(blueprint: Blueprint) -> Iterator[str]:
    """What is wrong with the window, in sentences."""
    opens, closes = blueprint.opens_at, blueprint.closes_at
    edges = [edge for edge in (opens, closes) if edge is not None]
    if any(edge.tzinfo is None for edge in edges):
        yield "opens_at or closes_at has no time zone"
    elif any(edge.year not in YEARS for edge in edges):
        yield f"opens_at or closes_at is not in the years {YEARS.start} to {YEARS.stop - 1}"
    elif opens is not None and closes is not None and opens >= closes:
        yield "the window closes before it opens"
