"""What is an outage, and what a candidate gets back for it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitting.domain.compliance import deadline_faults
from sitting.domain.events import (
    Answered,
    Attached,
    Credited,
    Detached,
    EventBody,
    Paused,
    PauseKind,
    Unpaused,
)
from sitting.domain.outage import ABSURD_GAP, SIGN_OF_LIFE, NodeBeat, Outage, outage_before, time_credit
from sitting.domain.pausing import pause_that_ran_out
from tests.support.replacing import replace
from tests.support.samples import DEADLINE, MICROSECOND, START, Log, blueprint, finalized, started

SECOND = timedelta(seconds=1)
CAP = timedelta(minutes=30)
NODES = frozenset({"n_1"})
HERE = Attached("c_1", "start", None, "n_1")


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def outage(began: float, ended: float, nodes: frozenset[str] = NODES) -> Outage:
    return Outage(after(began), after(ended), nodes)


def log_with(*bodies: tuple[float, EventBody], deadline: datetime | None = DEADLINE) -> Log:
    """Somebody who started with thirty minutes, and what happened so many seconds later."""
    log = Log()
    log.write(started(deadline), START)
    for seconds, body in bodies:
        log.write(body, after(seconds))
    return log


def seconds(log: Log, what: Outage, cap: timedelta = CAP) -> int:
    credit = time_credit(log.state, what, cap)
    return 0 if credit is None else credit.seconds


# --- what is an outage ---


def beat(at: float, *, serving: bool = True) -> NodeBeat:
    return NodeBeat(after(at), serving)


@pytest.mark.parametrize(
    ("earlier", "at", "elapsed", "lasted"),
    [
        ({}, 10, None, None),
        ({"n_1": beat(7)}, 10, None, None),
        ({"n_1": beat(7)}, 10.001, None, 3.001),
        ({"n_1": beat(0)}, ABSURD_GAP.total_seconds(), None, ABSURD_GAP.total_seconds()),
        ({"n_1": beat(0)}, ABSURD_GAP.total_seconds() + 1, None, None),
        ({"n_1": beat(0), "n_2": beat(9)}, 10, 10.0, None),  # one node of two lives
        ({"n_1": beat(0)}, 10, 10.0, 10),
        ({"n_1": beat(0)}, 3600, 1.0, None),  # the clock was set forward
        ({"n_1": beat(0)}, 3600, 10.0, 10),  # and in the same moment there was an outage
        ({"n_1": beat(10)}, 0, 10.0, None),  # the clock was set back
    ],
)
def test_outage_is_a_gap_of_more_than_three_seconds_and_no_step_of_a_clock(
    earlier: dict[str, NodeBeat], at: float, elapsed: float | None, lasted: float | None
) -> None:
    known = None if elapsed is None else elapsed * SECOND
    found = outage_before(after(at), earlier, known, frozenset())
    assert (None if found is None else found.ended_at - found.began_at) == (lasted and lasted * SECOND)
    assert found is None or found.began_at == max(each.beat_at for each in earlier.values())


def test_outage_names_the_nodes_that_were_alive_and_let_people_in() -> None:
    earlier = {"n_old": beat(1), "n_1": beat(18), "n_2": beat(20), "n_new": beat(20, serving=False)}
    found = outage_before(after(30), earlier, None, frozenset({"n_x"}))
    assert found == outage(20, 30, frozenset({"n_1", "n_2"}))


def test_node_that_came_back_and_died_before_it_let_anybody_in_ended_nothing() -> None:
    earlier = {"n_1": beat(0), "n_2": beat(20, serving=False)}
    assert outage_before(after(30), earlier, None, NODES) == outage(20, 30, NODES)


# --- what it is worth ---


@given(
    began=st.integers(-60_000, 2_000_000),
    lasted=st.integers(3_001, 600_000),
    attached=st.integers(0, 1_900_000),
    cap=st.integers(0, 700),
)
def test_credit_is_the_overlap_in_whole_seconds_rounded_up_and_capped(
    began: int, lasted: int, attached: int, cap: int
) -> None:
    """All in milliseconds behind the start but the cap, which is in seconds."""
    log = log_with((attached / 1000, HERE))
    what = outage(began / 1000, (began + lasted) / 1000)
    ticks = range(max(began, attached), min(began + lasted, 1_800_000))
    credit = time_credit(log.state, what, cap * SECOND)
    expected = min(-(-len(ticks) // 1000), cap)
    assert (0 if credit is None else credit.seconds) == expected
    if credit is not None:
        assert credit.deadline_at == DEADLINE + expected * SECOND
        log.write(credit, what.ended_at)
        assert list(deadline_faults(blueprint(), log.state)) == []
        assert log.state.schedule.deadline_at == credit.deadline_at
        assert time_credit(log.state, what, cap * SECOND) is None


@given(paused=st.integers(1, 100), length=st.integers(1, 100), began=st.integers(1, 100), lasted=st.integers(4, 100))
def test_paused_assessment_loses_no_time(paused: int, length: int, began: int, lasted: int) -> None:
    """A pause of at most so many seconds, the end of which is noted by the log as far as it was over by then."""
    until = after(paused + length)
    log = log_with((0, HERE), (paused, Paused(PauseKind.STAFF, "alarm", 9, after(paused), until)))
    what = outage(began, began + lasted)
    ended = pause_that_ran_out(log.state, what.ended_at)
    if ended is not None:
        log.write(ended, what.ended_at)
    ran = [each for each in range(began, began + lasted) if not paused <= each < paused + length]
    assert seconds(log, what) == len(ran)
    credit = time_credit(log.state, what, CAP)
    if credit is not None:
        log.write(credit, what.ended_at)
        assert list(deadline_faults(blueprint(), log.state)) == []


def test_pause_before_the_outage_takes_nothing_from_the_credit() -> None:
    over = Unpaused(9, after(10), DEADLINE + 5 * SECOND)
    log = log_with((0, HERE), (5, Paused(PauseKind.STAFF, "alarm", 9, after(5), after(90))), (10, over))
    assert seconds(log, outage(20, 30)) == 10


def test_deadline_within_the_outage_bounds_the_credit() -> None:
    log = log_with((0, HERE))
    assert seconds(log, outage(1790, 1900)) == 10
    assert seconds(log, outage(1800, 1900)) == 0


def test_all_outages_together_get_no_more_than_the_cap() -> None:
    log = log_with((0, HERE))
    given_back = []
    for began in (10, 30, 50, 70):
        credit = time_credit(log.state, outage(began, began + 10), 25 * SECOND)
        given_back.append(credit and credit.seconds)
        if credit is not None:
            log.write(credit, after(began + 10))
    assert given_back == [10, 10, 5, None]


def test_nothing_is_owed_where_nothing_limits_the_time_or_nothing_is_open() -> None:
    assert seconds(log_with((0, HERE), deadline=None), outage(10, 20)) == 0
    over = log_with((0, HERE), (5, finalized()))
    assert seconds(over, outage(10, 20)) == 0


def test_cap_of_nothing_gives_nothing() -> None:
    assert seconds(log_with((0, HERE)), outage(10, 20), timedelta(0)) == 0


# --- who was there ---


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([], 0),
        ([(0, HERE)], 10),
        ([(0, HERE), (9, Detached(2))], 0),
        ([(0, HERE), (10, Detached(2))], 0),
        ([(0, HERE), (10.001, Detached(2))], 10),  # a server that stops in order closes all
        ([(0, HERE), (5, Detached(2)), (7, HERE)], 10),
        ([(0, HERE), (5, HERE), (6, Detached(2))], 10),  # the one that was replaced
        ([(10.5, HERE)], 10),  # behind the last heartbeat: 9.5 seconds, rounded up
        ([(15.5, HERE)], 5),
        ([(20, HERE)], 0),
        ([(0, Attached("c_1", "start", None, "n_2"))], 0),  # that node died alone, long before
        ([(0, HERE), (25, Detached(2)), (26, Attached("c_2", "resume", None, "n_3"))], 10),
    ],
)
def test_whoever_was_attached_at_the_last_heartbeat_gets_time(
    bodies: list[tuple[float, EventBody]], expected: int
) -> None:
    assert seconds(log_with(*bodies), outage(10, 20)) == expected


def test_attachment_without_a_socket_counts_for_ten_minutes_behind_its_last_answer() -> None:
    there = SIGN_OF_LIFE.total_seconds()
    rest = replace(HERE, node_id=None)
    log = log_with((0, rest))
    assert seconds(log, outage(there, there + 10)) == 10
    assert seconds(log, outage(there + 0.001, there + 10)) == 0
    log.write(Answered(after(60), ()), after(60))
    assert seconds(log, outage(there + 60, there + 70)) == 10
    assert seconds(log, Outage(after(there + 60) + MICROSECOND, after(there + 70), NODES)) == 0


def test_entry_names_its_outage_and_says_to_the_candidate_when_it_was() -> None:
    log = log_with((0, HERE))
    credit = time_credit(log.state, outage(10.5, 20), CAP)
    assert credit == Credited(
        10,
        f"The server was away from {after(10.5):%H:%M:%S} to {after(20):%H:%M:%S} UTC.",
        DEADLINE + 10 * SECOND,
        after(10.5),
        after(20),
    )
