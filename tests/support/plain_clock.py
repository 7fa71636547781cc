"""How time should go, by sums over plain integers of microseconds behind the start, for tests to compare with."""

from __future__ import annotations

from dataclasses import dataclass, field

SECOND = 1_000_000
DRAIN = 5 * SECOND


@dataclass
class Stop:
    """The clock stood still from `begin` until just before `end`, or, while that is None, before `longest`."""

    begin: int
    longest: int
    is_break: bool
    end: int | None = None

    @property
    def until(self) -> int:
        return self.longest if self.end is None else self.end


@dataclass
class PlainClock:
    """The deadline is a sum: what the start gave, all that was given since, and the length of every stop.

    Attributes:
        first: the deadline at the start; None: nothing limits the time.
        abandoned: when an assessment without a deadline is closed.
    """

    first: int | None
    grace: int
    abandoned: int
    break_allowance: int
    longest_pause: int
    given: int = 0
    stops: list[Stop] = field(default_factory=list)
    newest_answer: int = -1
    counted: list[int] = field(default_factory=list)
    late: int = 0
    end: int | None = None
    is_voided: bool = False
    stopped_for_good: bool = False

    @property
    def is_over(self) -> bool:
        return self.end is not None or self.is_voided

    @property
    def lasting(self) -> Stop | None:
        return self.stops[-1] if self.stops and self.stops[-1].end is None else None

    def is_still(self, at: int) -> bool:
        return any(stop.begin <= at < stop.until for stop in self.stops)

    def deadline(self, at: int) -> int | None:
        """D as it stands at `at`; None in a stop that lasts."""
        if self.first is None or (self.lasting is not None and at < self.lasting.longest):
            return None
        return self.first + self.given + sum(stop.until - stop.begin for stop in self.stops)

    def remaining(self, at: int) -> int | None:
        if self.first is None:
            return None
        lasting = self.lasting
        moment = lasting.begin if lasting is not None and at < lasting.longest else at
        ended = [stop for stop in self.stops if stop is not lasting or at >= stop.longest]
        return max(0, self.first + self.given + sum(stop.until - stop.begin for stop in ended) - moment)

    def verdict(self, arrival: int) -> str:
        """What becomes of an answer that arrived then."""
        if self.is_still(arrival):
            return "refused"
        deadline = self.deadline(arrival)
        if self.is_over or (deadline is not None and arrival > deadline + self.grace):
            return "late"
        return "saved"

    def is_behind_grace(self, arrival: int) -> bool:
        """Whether it is late by the deadline; what ended in a stop has none any more."""
        deadline = self.deadline(arrival)
        return not self.stopped_for_good and deadline is not None and arrival > deadline + self.grace

    def answer(self, arrival: int) -> str:
        verdict = self.verdict(arrival)
        if verdict == "saved":
            self.counted.append(arrival)
            self.newest_answer = max(self.newest_answer, arrival)
        return verdict

    def stop(self, at: int, *, is_break: bool) -> bool:
        """Stop the clock; false if that is not possible."""
        self.run_out(at)
        deadline = self.deadline(at)
        left = self.break_allowance - sum(min(at, stop.until) - stop.begin for stop in self.stops if stop.is_break)
        begin = max([at, self.newest_answer + 1, *(stop.until for stop in self.stops)])
        if self.is_over or self.lasting or (deadline is not None and begin > deadline) or (is_break and left <= 0):
            return False
        self.stops.append(Stop(begin, begin + (left if is_break else self.longest_pause), is_break))
        return True

    def go_on(self, at: int, *, by_candidate: bool) -> bool:
        """End the stop; false if that is not possible."""
        if self.is_over or self.lasting is None:
            return False
        if not self.run_out(at):
            if by_candidate and not self.lasting.is_break:
                return False
            self.lasting.end = min(max(at, self.lasting.begin), self.lasting.longest)
        return True

    def run_out(self, at: int) -> bool:
        """End a stop that has lasted as long as it may."""
        lasting = self.lasting
        if self.is_over or lasting is None or at < lasting.longest:
            return False
        lasting.end = lasting.longest
        return True

    def give(self, seconds: int) -> bool:
        if self.is_over or self.first is None:
            return False
        self.given += seconds * SECOND
        return True

    def finish(self, arrival: int) -> bool:
        """The candidate hands in; false if that does not count."""
        if self.is_over or self.verdict(arrival) != "saved":
            return False
        self.run_out(arrival)
        deadline = self.deadline(arrival)
        self._end(arrival if deadline is None else min(arrival, deadline))
        return True

    def end_now(self, at: int) -> bool:
        if self.is_over:
            return False
        self.run_out(at)
        deadline = self.deadline(at)
        self._end(at if deadline is None else min(at, deadline))
        return True

    def sweep(self, at: int) -> str | None:
        """What a sweep finds to do."""
        if self.is_over:
            return None
        if self.first is None and at >= self.abandoned and not (self.lasting and at >= self.lasting.longest):
            self._end(at)
            return "abandoned"
        if self.run_out(at):
            return "resumed"
        deadline = self.deadline(at)
        if deadline is None or at < deadline + self.grace + DRAIN:
            return None
        self._end(deadline)
        return "timeout"

    def void(self, at: int) -> None:
        self._stand_still(at)
        self.is_voided = True

    def _end(self, at: int) -> None:
        self.end = at
        self._stand_still(at)

    def _stand_still(self, at: int) -> None:
        if self.lasting is not None:
            self.lasting.end = max(self.lasting.begin, min(at, self.lasting.longest))
            self.stopped_for_good = True

    def tenths_taken(self) -> int:
        """Tenths of a minute from start to end without the stops, halves upwards."""
        assert self.end is not None
        still = sum(max(0, min(self.end, stop.until) - stop.begin) for stop in self.stops)
        return (max(0, self.end - still) * 2 + 6 * SECOND) // (12 * SECOND)
