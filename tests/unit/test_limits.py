"""How often, how fast and how many at once: the counting itself, on a clock of the tests."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from sitting.domain.assessment import AssessmentState
from sitting.domain.errors import Conflict, RateLimited, Unavailable
from sitting.domain.events import IntegrityNoted
from sitting.domain.log_bounds import MAX_ENTRIES, MAX_NOTES, bounded_note, require_room
from sitting.identity.limits import Limits, SlidingWindow, network_of
from sitting.protocol.pace import MAX_PASSED_OVER, Pace
from sitting.usecases.admission import MAX_BACKLOG, Admission
from tests.support.eventually import eventually_async
from tests.support.samples import START

SECOND = timedelta(seconds=1)
NOTE = IntegrityNoted("paste", None)


def test_three_hundred_messages_pass_at_once_and_thirty_in_each_second_behind_them() -> None:
    pace = Pace()
    assert [pace.message(START) for _ in range(300)] == [0.0] * 300
    assert pace.message(START) > 0
    assert sum(pace.message(START + SECOND) == 0 for _ in range(100)) == 30


def test_who_waits_as_long_as_told_passes() -> None:
    pace = Pace()
    now = START
    for _ in range(1000):
        now += timedelta(seconds=pace.message(now))
    assert pace.passed_over < 1000
    wait = pace.message(now)
    assert pace.message(now + timedelta(seconds=wait + 0.001)) == 0


def test_thirty_messages_a_second_pass_for_ever() -> None:
    pace = Pace()
    assert not any(pace.message(START + SECOND * n / 30) for n in range(30_000))


def test_who_goes_on_too_fast_is_given_up_and_who_rests_is_forgiven() -> None:
    pace = Pace()
    for _ in range(300 + MAX_PASSED_OVER):
        pace.message(START)
    assert not pace.is_exhausted
    pace.message(START)
    assert pace.is_exhausted
    pace.message(START + 10 * SECOND)
    assert not pace.is_exhausted


def test_clock_that_is_put_back_makes_nobody_wait_for_it() -> None:
    pace = Pace()
    assert pace.message(START) == 0
    assert pace.message(START - timedelta(hours=1)) == 0
    for _ in range(400):
        pace.message(START - timedelta(hours=1))
    assert pace.message(START - timedelta(hours=1) + SECOND) == 0


@pytest.mark.parametrize("offset", [0, 1, 30, 59])
def test_window_lets_as_many_pass_in_any_minute_as_it_says(offset: int) -> None:
    window = SlidingWindow(10)
    passed = []
    for second in range(offset, offset + 600):
        with suppress(RateLimited):
            window.count("key", START + second * SECOND)
            passed.append(second)
    assert len(passed) >= 80
    # The estimate spreads the minute before evenly; twice the figure is what it can be off by.
    assert max(sum(first <= each < first + 60 for each in passed) for first in passed) <= 20


def test_window_says_when_to_come_back_and_then_lets_in() -> None:
    window = SlidingWindow(10)
    for _ in range(10):
        window.count("key", START)
    with pytest.raises(RateLimited) as refused:
        window.count("key", START)
    wait = refused.value.details["retry_after_seconds"]
    assert 1 <= wait <= 120
    window.count("key", START + timedelta(seconds=wait + 1))


def test_one_key_does_not_fill_the_window_of_another() -> None:
    window = SlidingWindow(1)
    window.count("one", START)
    window.count("other", START)
    with pytest.raises(RateLimited):
        window.count("one", START)


def test_window_remembers_a_bounded_number_of_keys() -> None:
    window = SlidingWindow(1, max_keys=100)
    for number in range(10_000):
        window.count(str(number), START)
        assert len(window) <= 100
    with pytest.raises(RateLimited):
        window.count("9999", START)


def test_right_passwords_do_not_count() -> None:
    limits = Limits()
    for _ in range(1000):
        limits.sign_in("ada@example.org", "192.0.2.1", START)
        limits.signed_in("ada@example.org", "192.0.2.1")


def test_wrong_passwords_lock_an_account_for_minutes_and_not_for_ever() -> None:
    limits = Limits()
    for number in range(20):
        limits.sign_in("Ada@example.org ", f"192.0.2.{number}", START)
    with pytest.raises(RateLimited):
        limits.sign_in("ada@example.org", "198.51.100.1", START)
    limits.sign_in("bob@example.org", "198.51.100.1", START)
    limits.sign_in("ada@example.org", "198.51.100.1", START + timedelta(minutes=2))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        (None, "unknown"),
        ("no address", "unknown"),
    ],
)
def test_ipv6_counts_by_the_network_that_one_desk_has(address: str | None, network: str) -> None:
    assert network_of(address) == network


def test_last_note_that_finds_room_says_that_the_others_are_dropped() -> None:
    state = AssessmentState(1, notes=MAX_NOTES - 2)
    assert bounded_note(state, NOTE) == NOTE
    state.notes += 1
    assert bounded_note(state, NOTE) == IntegrityNoted("notes_dropped", None)
    state.notes += 1
    assert bounded_note(state, NOTE) is None


def test_log_takes_a_bounded_number_of_entries_and_notes_take_no_room_from_answers() -> None:
    require_room(AssessmentState(1, seq=MAX_ENTRIES - 1))
    require_room(AssessmentState(1, seq=MAX_ENTRIES + 500, notes=501))
    with pytest.raises(Conflict):
        require_room(AssessmentState(1, seq=MAX_ENTRIES))


async def hold(admission: Admission, end: asyncio.Event, came: list[int], number: int) -> None:
    async with admission.start(0):
        came.append(number)
        await end.wait()


async def test_p25_starts_come_in_one_after_the_other_in_their_order() -> None:
    admission, end, came = Admission(at_once=1), asyncio.Event(), list[int]()
    tasks = [asyncio.create_task(hold(admission, end, came, number)) for number in range(5)]
    await eventually_async(lambda: _holds(came == [0]))
    end.set()
    await asyncio.gather(*tasks)
    assert came == [0, 1, 2, 3, 4]
    assert not admission.is_crowded(0)


async def _holds(true: bool) -> None:
    assert true


async def test_p25_line_is_bounded_and_the_time_to_come_back_grows_and_is_spread() -> None:
    admission, end = Admission(at_once=1, max_line=2), asyncio.Event()
    tasks = [asyncio.create_task(hold(admission, end, [], number)) for number in range(3)]
    await asyncio.sleep(0)
    times = [(await refusal(admission, 0)).details["retry_after_seconds"] for _ in range(2000)]
    assert min(times) >= 1
    assert max(times) <= 60
    assert sum(times[-100:]) > 2 * sum(times[:100])
    assert len(set(times[:100])) > 5
    end.set()
    await asyncio.gather(*tasks)


async def refusal(admission: Admission, backlog: int) -> Unavailable:
    with pytest.raises(Unavailable) as refused:
        async with admission.start(backlog):
            pass
    return refused.value


async def test_p25_starts_are_turned_away_while_answers_wait_to_be_written() -> None:
    admission = Admission()
    assert admission.is_crowded(MAX_BACKLOG + 1)
    await refusal(admission, MAX_BACKLOG + 1)
    async with admission.start(MAX_BACKLOG):
        pass


async def test_start_that_waited_too_long_or_went_away_leaves_its_place() -> None:
    admission, end = Admission(at_once=1, max_line=2, max_wait_seconds=0.05), asyncio.Event()
    first = asyncio.create_task(hold(admission, end, [], 0))
    await asyncio.sleep(0)
    await refusal(admission, 0)
    gone = asyncio.create_task(hold(admission, end, [], 1))
    await asyncio.sleep(0)
    gone.cancel()
    with suppress(asyncio.CancelledError):
        await gone
    end.set()
    await first
    async with admission.start(0):
        assert admission.is_crowded(0)
    assert not admission.is_crowded(0)
