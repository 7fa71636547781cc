"""Whether a run that was killed has ended as if nothing had happened."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.kills.scenarios import AUTHORING, LIVE, Outcome

SLACK = 0.01
"""Of tokens: the ids of options are drawn anew for each run, and their order decides some words."""
AT_ONCE = {AUTHORING: 2, LIVE: 4}
"""Calls that are made side by side. Answers that wait to be kept are as many again at most, whatever the tables say."""


def complaints(graph: str, whole: Outcome, killed: Outcome) -> list[str]:
    """What is wrong with it, in sentences."""
    return [*_about_items(graph, whole, killed), *_about_calls(graph, whole, killed), *_about_spending(whole, killed)]


def repeated(whole: Outcome, killed: Outcome) -> int:
    """How many calls were made more than by the run that nobody disturbed."""
    return killed.calls - whole.calls


def in_flight(killed: Outcome) -> int:
    """How many calls were on their way when it was killed: asked, and not yet kept."""
    return sum(death.in_flight for death in killed.deaths)


def _about_items(graph: str, whole: Outcome, killed: Outcome) -> Iterator[str]:
    if (killed.status, killed.failure) != (whole.status, whole.failure):
        yield f"it ended {killed.status}, {killed.failure}"
    lost = [item for item in whole.items if item not in killed.items]
    other = [item for item in killed.items if item not in whole.items]
    if lost or other or len(killed.items) != len(whole.items):
        yield f"{len(whole.items)} items, now {len(killed.items)}; lost: {lost}; others: {other}"
    if killed.handed_in != whole.handed_in:
        yield f"{whole.handed_in} questions in the tables, now {killed.handed_in}"
    if graph == LIVE and killed.shown != whole.shown:
        yield f"the candidate was shown {killed.shown}, and not {whole.shown}"


def _about_calls(graph: str, whole: Outcome, killed: Outcome) -> Iterator[str]:
    if not 0 <= repeated(whole, killed) <= in_flight(killed):
        yield f"{repeated(whole, killed)} calls more, {in_flight(killed)} in flight: {killed.deaths}"
    if in_flight(killed) > 2 * AT_ONCE[graph]:
        yield f"{in_flight(killed)} calls were lost, and {AT_ONCE[graph]} are made at once: {killed.deaths}"
    if not whole.recorded <= killed.recorded <= killed.calls:
        yield f"{killed.recorded} calls recorded of {killed.calls}, without a kill {whole.recorded}"


def _about_spending(whole: Outcome, killed: Outcome) -> Iterator[str]:
    if killed.held:
        yield f"{killed.held} tokens are still held"
    if killed.tokens < killed.paid:
        yield f"{killed.tokens} tokens spent, but {killed.paid} recorded"
    if killed.tokens < whole.tokens * (1 - SLACK):
        yield f"{killed.tokens} tokens spent, and {whole.tokens} without a kill"
    lost = in_flight(killed)
    if lost and killed.tokens <= whole.tokens:
        yield f"{killed.tokens} tokens spent, and {whole.tokens} without a kill, though {lost} calls were lost"
    if not lost and killed.tokens > whole.tokens * (1 + SLACK):
        yield f"{killed.tokens} tokens spent, and {whole.tokens} without a kill, though nothing was in flight"
