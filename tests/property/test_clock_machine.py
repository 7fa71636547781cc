"""Everything that can happen to a clock, at instants that are mostly boundaries, held against plain arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sitting.domain.application import Accommodation
from sitting.domain.assessment import Status, fold
from sitting.domain.compliance import compliance_record, deadline_faults, first_deadline_of
from sitting.domain.deadline import Phase, minutes_taken, personal_limit, sweep_at
from sitting.domain.ending import end_time
from sitting.domain.errors import SittingError
from sitting.domain.events import (
    Answered,
    Attached,
    Credited,
    EndReason,
    EventBody,
    PauseKind,
    Verdict,
    Voided,
    optional_body,
)
from sitting.domain.live import LiveAssessment
from sitting.domain.pausing import begin_break, end_break, extend, pause, pause_that_ran_out, unpause
from sitting.domain.response import Answer
from tests.support.plain_clock import DRAIN, SECOND, PlainClock
from tests.support.replacing import replace
from tests.support.samples import MICROSECOND, START, Log, assessment, blueprint, finalized, paper, started

PAPER = paper()
LEGAL = {
    Status.STARTED: {Status.IN_PROGRESS, Status.PAUSED, Status.COMPLETED, Status.TIMEOUT, Status.VOIDED},
    Status.IN_PROGRESS: {Status.PAUSED, Status.COMPLETED, Status.TIMEOUT, Status.VOIDED},
    Status.PAUSED: {Status.STARTED, Status.IN_PROGRESS, Status.COMPLETED, Status.TIMEOUT, Status.VOIDED},
    Status.COMPLETED: {Status.VOIDED},
    Status.TIMEOUT: {Status.VOIDED},
    Status.VOIDED: set(),
}
STATUS = {EndReason.SUBMITTED: Status.COMPLETED, EndReason.ENDED_BY_INVIGILATOR: Status.COMPLETED}
WINDOWS = st.none() | st.integers(1, 150)
GRANTS = st.builds(Accommodation, st.sampled_from([1000, 1333, 1500]), st.integers(0, 1), st.sampled_from([0, 1, 2]))
SECONDS = st.sampled_from([1, 5, 10, 61])


def at(behind: int) -> datetime:
    """The instant so many microseconds behind the start."""
    return START + behind * MICROSECOND


class ClockMachine(RuleBasedStateMachine):
    """One assessment, its log, and beside it the plain clock; `now` in microseconds behind the start."""

    SPARED = 9  # nobody ends it before so many entries, since little happens behind an end

    @initialize(
        limit=st.none() | st.integers(1, 2),
        closes=WINDOWS,
        grace=st.sampled_from([0, 5]),
        granted=GRANTS,
        longest=st.integers(1, 2),
    )
    def start(self, limit: int | None, closes: int | None, grace: int, granted: Accommodation, longest: int) -> None:
        rules = blueprint(
            time_limit_minutes=limit,
            closes_at=None if closes is None else at(closes * SECOND),
            grace_seconds=grace,
            max_pause_minutes=longest,
            abandon_after_days=1,
        )
        body = replace(started(None, grace), accommodation=granted)
        body = replace(body, deadline_at=first_deadline_of(rules, body, START))
        self.log = Log()
        self.live = LiveAssessment(assessment(), rules, PAPER, self.log.state)
        self.clock = plain_clock(limit, closes, grace, granted, longest)
        self.now = 0
        self.number = 0
        self.seen: tuple[int, int | None, int | None] = (0, None, None)
        self.statuses = [Status.STARTED]
        self.write(body)
        self.write(Attached("c_1", "start"))

    @property
    def is_ripe(self) -> bool:
        return len(self.log.events) >= self.SPARED

    # --- what happens ---

    def write(self, body: EventBody) -> None:
        self.log.write(body, at(self.now))
        if self.statuses[-1] is not self.log.state.status:
            self.statuses.append(self.log.state.status)

    def attempt(self, decide: Callable[[], EventBody]) -> bool:
        """Do what was decided, behind the end of a pause that ran out, as use cases do; false if it is refused."""
        ran_out = pause_that_ran_out(self.log.state, at(self.now))
        before = len(self.log.events)
        if ran_out is not None:
            self.write(ran_out)
        try:
            self.write(decide())
        except SittingError:
            if ran_out is not None:  # nothing of a transaction that is given up is stored
                self.log.events[before:] = []
                self.log.state = self.live.state = fold(42, self.log.events)
                del self.statuses[-1]
            return False
        return True

    def boundaries(self) -> list[int]:
        deadline, lasting = self.clock.deadline(self.now), self.clock.lasting
        found = [] if deadline is None else [deadline, deadline + self.clock.grace, deadline + self.clock.grace + DRAIN]
        found += [self.clock.abandoned] if self.clock.first is None else []
        return found + ([] if lasting is None else [lasting.longest])

    @rule(index=st.integers(0, 9), off=st.sampled_from([-1000, 0, 1, 1000]))
    def wait_for_a_boundary(self, index: int, off: int) -> None:
        found = self.boundaries()
        if found:
            self.now = max(self.now, found[index % len(found)] + off)

    @rule(milliseconds=st.integers(0, 40_000))
    def wait(self, milliseconds: int) -> None:
        self.now += milliseconds * 1000

    @rule(ago=st.sampled_from([0, 1, 1000, 2_000_000]))
    def answer(self, ago: int) -> None:
        """A frame that arrived a moment ago, and waited."""
        arrival, self.number = max(0, self.now - ago), self.number + 1
        one = Answer("q_1", "o_1a", "A", self.number)
        [judgement] = self.log.submit(PAPER, [one], at(arrival), at(self.now))
        assert judgement.verdict == self.clock.answer(arrival)
        if self.statuses[-1] is not self.log.state.status:
            self.statuses.append(self.log.state.status)

    @rule()
    def pause_by_staff(self) -> None:
        longest = self.live.blueprint.max_pause
        did = self.attempt(lambda: pause(self.log.state, PauseKind.STAFF, "why", 9, at(self.now), longest))
        assert did == self.with_rollback(lambda: self.clock.stop(self.now, is_break=False))

    @rule()
    def take_a_break(self) -> None:
        did = self.attempt(lambda: begin_break(self.log.state, 5, at(self.now)))
        assert did == self.with_rollback(lambda: self.clock.stop(self.now, is_break=True))

    def with_rollback(self, change: Callable[[], bool]) -> bool:
        """What the plain clock says; a stop that it only saw running out stays as it was."""
        lasting = self.clock.lasting
        done = change()
        if not done and lasting is not None and self.clock.end is None and not self.clock.is_voided:
            lasting.end = None
        return done

    @rule(by_candidate=st.booleans())
    def go_on(self, by_candidate: bool) -> None:
        state = self.log.state
        ran_out = pause_that_ran_out(state, at(self.now))
        resume = end_break if by_candidate else unpause
        try:
            self.write(ran_out if ran_out is not None else resume(state, 9, at(self.now)))
            did = True
        except SittingError:
            did = False
        assert did == self.clock.go_on(self.now, by_candidate=by_candidate)

    @rule(seconds=SECONDS)
    def extend(self, seconds: int) -> None:
        try:
            self.write(extend(self.log.state, seconds, "why", 9))
            did = True
        except SittingError:
            did = False
        assert did == self.give(seconds)

    @precondition(lambda self: not self.log.state.is_over)
    @rule(seconds=SECONDS)
    def credit(self, seconds: int) -> None:
        deadline = self.log.state.schedule.extended(timedelta(seconds=seconds)).deadline_at
        self.write(Credited(seconds, "outage", deadline))
        self.give(seconds)

    def give(self, seconds: int) -> bool:
        given = self.clock.give(seconds)
        if given:
            moment, deadline, remaining = self.seen
            self.seen = (moment, deadline, None if remaining is None else remaining + seconds * SECOND)
        return given

    @rule()
    def sweep(self) -> None:
        row, schedule = self.live.assessment, self.log.state.schedule
        is_due = at(self.now) >= sweep_at(row.started_at, schedule, self.live.blueprint.abandon_after)
        expected = self.clock.sweep(self.now)
        assert (expected is not None) == (is_due and not self.log.state.is_over)
        if expected is None:
            return
        ran_out = pause_that_ran_out(self.log.state, at(self.now))
        if ran_out is not None:
            assert expected == "resumed"
            self.write(ran_out)
            return
        assert self.end(EndReason(expected), self.now)

    @precondition(lambda self: self.is_ripe)
    @rule(ago=st.sampled_from([0, 1, 1000, 2_000_000]))
    def hand_in(self, ago: int) -> None:
        arrival = max(0, self.now - ago)
        assert self.end(EndReason.SUBMITTED, arrival) == self.clock.finish(arrival)

    @precondition(lambda self: self.is_ripe)
    @rule()
    def end_by_staff(self) -> None:
        assert self.end(EndReason.ENDED_BY_INVIGILATOR, self.now) == self.clock.end_now(self.now)

    def end(self, reason: EndReason, moment: int) -> bool:
        """As the one use case ends an assessment."""
        if self.log.state.is_over:
            return False
        ran_out = pause_that_ran_out(self.log.state, at(moment))
        try:
            ended = end_time(self.live, reason, at(moment))
        except SittingError:
            return False
        if ran_out is not None:
            self.write(ran_out)
        self.write(finalized(reason=reason, end_time=ended, status=STATUS.get(reason, Status.TIMEOUT)))
        return True

    @precondition(lambda self: self.is_ripe and self.log.state.status is not Status.VOIDED)
    @rule()
    def void(self) -> None:
        self.write(Voided("why", 9))
        lasting = self.clock.lasting
        if lasting is not None:
            lasting.end = max(lasting.begin, min(self.now, lasting.longest))
        self.clock.is_voided = True

    # --- what always holds ---

    @invariant()
    def deadline_and_remaining_time_are_the_plain_sums(self) -> None:
        schedule = self.log.state.schedule
        if not self.clock.is_over:
            deadline, remaining = self.clock.deadline(self.now), self.clock.remaining(self.now)
            assert schedule.deadline_as_of(at(self.now)) == (None if deadline is None else at(deadline))
            told = schedule.remaining_seconds(at(self.now))
            assert told == (None if remaining is None else round(remaining / SECOND, 3))
            assert (schedule.phase(at(self.now)) is Phase.PAUSED) == self.clock.is_still(self.now)

    @invariant()
    def deadline_never_shrinks_and_remaining_time_grows_by_logged_entries_alone(self) -> None:
        if self.clock.is_over:
            return
        deadline, remaining = self.clock.deadline(self.now), self.clock.remaining(self.now)
        _, seen_deadline, seen_remaining = self.seen
        if deadline is not None and seen_deadline is not None:
            assert deadline >= seen_deadline
        if remaining is not None and seen_remaining is not None and seen_remaining > 0:
            assert remaining <= seen_remaining + 1  # a pause begins a microsecond behind the newest answer
        self.seen = (self.now, deadline if deadline is not None else seen_deadline, remaining)

    @invariant()
    def fold_from_scratch_is_the_state_and_log_and_rules_agree(self) -> None:
        assert fold(42, self.log.events) == self.log.state
        assert list(deadline_faults(self.live.blueprint, self.log.state)) == []

    @invariant()
    def nothing_counts_outside_its_right(self) -> None:
        counted = [b.arrived_at for b in self.bodies(Answered) if b.answers[0].verdict is not Verdict.LATE]
        assert counted == [at(arrival) for arrival in self.clock.counted]
        assert not any(pause_.covers(arrival) for pause_ in self.log.state.schedule.pauses for arrival in counted)

    def bodies(self, kind: type[Answered]) -> list[Answered]:
        found = [optional_body(event) for event in self.log.events]
        return [body for body in found if isinstance(body, kind)]

    @invariant()
    def end_and_minutes_are_the_plain_sums(self) -> None:
        ended = self.log.state.ended
        assert (ended is None) == (self.clock.end is None)
        if ended is not None and self.clock.end is not None:
            assert ended.end_time == at(self.clock.end)
            taken = minutes_taken(START, ended.end_time, self.log.state.schedule.pauses)
            assert taken == self.clock.tenths_taken() / 10

    @invariant()
    def status_changes_legally_and_voided_is_the_last_word(self) -> None:
        steps = zip(self.statuses, self.statuses[1:], strict=False)
        assert [step for step in steps if step[1] not in LEGAL[step[0]]] == []
        assert (self.log.state.status is Status.VOIDED) == self.clock.is_voided
        if not self.clock.is_over:
            is_paused = self.clock.lasting is not None
            going = Status.IN_PROGRESS if self.clock.counted else Status.STARTED
            assert self.log.state.status is (Status.PAUSED if is_paused else going)

    def teardown(self) -> None:
        """The record of any life can be made, and is the same when it is made again."""
        if hasattr(self, "live"):
            record = compliance_record(self.live.blueprint, self.log.state)
            assert record == compliance_record(self.live.blueprint, fold(42, self.log.events))
            stood = sum(stop.until - stop.begin for stop in self.clock.stops)
            if self.clock.end is None and not self.clock.lasting and not self.clock.is_voided:
                assert record.paused_seconds == stood // 1000 / 1000


class LifeMachine(ClockMachine):
    """The same, voided at any time: from whatever status, and behind the end."""

    SPARED = 0


def plain_clock(limit: int | None, closes: int | None, grace: int, granted: Accommodation, longest: int) -> PlainClock:
    ends = [] if closes is None else [closes * SECOND]
    if limit is not None:
        ends.append(limit * 60 * SECOND * granted.extra_time_factor // 1000 + granted.extra_minutes * 60 * SECOND)
    return PlainClock(
        first=min(ends, default=None),
        grace=grace * SECOND,
        abandoned=24 * 3600 * SECOND,
        break_allowance=granted.break_minutes * 60 * SECOND,
        longest_pause=longest * 60 * SECOND,
    )


test_clock_goes_as_plain_arithmetic_says = ClockMachine.TestCase
test_life_has_legal_changes_of_status_alone_and_voided_is_its_last_word = LifeMachine.TestCase
for _machine in (ClockMachine, LifeMachine):
    _machine.TestCase.settings = settings(stateful_step_count=40)


def test_personal_limit_is_rounded_half_up_to_the_microsecond() -> None:
    assert personal_limit(timedelta(microseconds=1), Accommodation(1499)) == timedelta(microseconds=1)
    assert personal_limit(timedelta(microseconds=1), Accommodation(1500)) == timedelta(microseconds=2)
    assert personal_limit(timedelta(microseconds=3), Accommodation(1500)) == timedelta(microseconds=5)
