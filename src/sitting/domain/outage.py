"""What candidates get back of the time in which no server was there: pure functions of instants. See docs/time.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sitting.domain.assessment import AssessmentState, Moment
from sitting.domain.events import Attached, Credited, Detached

LONGEST_GAP = timedelta(seconds=3)
"""As long as heartbeats are no further apart, nothing was out."""

ABSURD_GAP = timedelta(hours=24)
"""Beyond this nobody waited for the server: a machine was off, or its clock was wrong."""

CLOCK_TOLERANCE = timedelta(seconds=1)
"""Two clocks that measure the same gap may differ by so much before one of them has stepped."""

SIGN_OF_LIFE = timedelta(minutes=10)
"""Who works without a socket counts as there for so long after they attached or answered."""

_SECOND = timedelta(seconds=1)
_NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class NodeBeat:
    """The last heartbeat of a node; `is_serving`: it let candidates in by then."""

    beat_at: datetime
    is_serving: bool


@dataclass(frozen=True, slots=True)
class Outage:
    """From the last heartbeat of all nodes until the first one behind it; `nodes` are those that were alive before."""

    began_at: datetime
    ended_at: datetime
    nodes: frozenset[str]


def outage_before(
    beat_at: datetime, earlier: Mapping[str, NodeBeat], elapsed: timedelta | None, carried: frozenset[str]
) -> Outage | None:
    """The outage that a heartbeat ends; None if there was none.

    Args:
        earlier: the last beats of all nodes before it, by node.
        elapsed: since this node's own last beat, by a clock that nobody sets; None: this is its first. It cannot be
            shorter than the gap. If it is, the clock that stamps heartbeats was set forward.
        carried: the nodes of the outage before. A node that came back and died before it let anybody in ended nothing:
            whoever was attached before that still was.
    """
    if not earlier:
        return None
    began_at = max(beat.beat_at for beat in earlier.values())
    gap = beat_at - began_at
    if elapsed is not None and gap > elapsed + CLOCK_TOLERANCE:
        gap = elapsed
    if not LONGEST_GAP < gap <= ABSURD_GAP:
        return None
    alive = {node: beat for node, beat in earlier.items() if beat.beat_at >= began_at - LONGEST_GAP}
    served = frozenset(node for node, beat in alive.items() if beat.is_serving)
    return Outage(began_at, began_at + gap, served or carried)


def time_credit(state: AssessmentState, outage: Outage, cap: timedelta) -> Credited | None:
    """The entry that gives back what the outage took, in whole seconds, rounded up; None if it took nothing.

    That is its overlap with the time from start to deadline, for as long as the candidate was attached and the clock
    did not stand still.

    Args:
        state: with the end of a pause noted that ran out by the outage's end.
        cap: what one assessment gets at most, of all outages together.
    """
    present_from = _present_from(state, outage)
    if state.is_over or not state.schedule.is_limited or present_from is None or _is_credited(state, outage):
        return None
    seconds = min(_whole_seconds(_lost(state, outage, present_from)), cap // _SECOND - _credited_seconds(state))
    if seconds <= 0:
        return None
    deadline_at = state.schedule.extended(seconds * _SECOND).deadline_at
    return Credited(seconds, _reason(outage), deadline_at, outage.began_at, outage.ended_at)


def _lost(state: AssessmentState, outage: Outage, present_from: datetime) -> timedelta:
    deadline, end = state.schedule.deadline_at, outage.ended_at
    end = end if deadline is None else min(end, deadline)
    stood = (min(end, each.ends_at) - max(present_from, each.paused_at) for each in state.schedule.pauses)
    return end - present_from - sum((max(_NOTHING, each) for each in stood), _NOTHING)


def _present_from(state: AssessmentState, outage: Outage) -> datetime | None:
    """Since when, within the outage, the candidate was there; None: they were not.

    Somebody who came in the last moment, behind the last heartbeat, was there from then on. Somebody whose socket was
    noted as closed behind the last heartbeat was there: a server that stops in order closes all.
    """
    there: Moment | None = None
    for moment in state.moments:
        body = moment.body
        if moment.at >= outage.ended_at:
            break
        if isinstance(body, Attached):
            there = moment
        elif isinstance(body, Detached) and moment.at <= outage.began_at and there and there.seq == body.attachment:
            there = None
    if there is None or not _was_alive(state, outage, there):
        return None
    return max(outage.began_at, there.at)


def _was_alive(state: AssessmentState, outage: Outage, attach: Moment) -> bool:
    assert isinstance(attach.body, Attached)
    if attach.body.node_id is not None:
        return attach.body.node_id in outage.nodes
    return max(attach.at, state.last_arrival or attach.at) >= outage.began_at - SIGN_OF_LIFE


def _is_credited(state: AssessmentState, outage: Outage) -> bool:
    bodies = (moment.body for moment in state.moments)
    return any(isinstance(body, Credited) and body.outage_began_at == outage.began_at for body in bodies)


def _credited_seconds(state: AssessmentState) -> int:
    bodies = (moment.body for moment in state.moments)
    return sum(body.seconds for body in bodies if isinstance(body, Credited))


def _whole_seconds(time: timedelta) -> int:
    return -(-time // _SECOND)


def _reason(outage: Outage) -> str:
    return f"The server was away from {outage.began_at:%H:%M:%S} to {outage.ended_at:%H:%M:%S} UTC."
