"""One rehearsal from the first question made to the last answer read back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from sitting.rehearsal.candidate import Candidate, Venue
from sitting.rehearsal.checker import Checked, check, unchecked
from sitting.rehearsal.claims import Claims
from sitting.rehearsal.history import History, Listener
from sitting.rehearsal.measures import STOPPED, Measures
from sitting.rehearsal.phases import Act, everybody, phase, start_all, watch
from sitting.rehearsal.plan import GRACE, MAIN_MINUTES, Growth, Phase, Plan
from sitting.rehearsal.readback import REQUESTS_EACH, read_back
from sitting.rehearsal.rest import Refused, Rest, Unreachable
from sitting.rehearsal.staging import archive, few_at_once, invite_known, invite_new, make_questions, make_test
from sitting.rehearsal.stored import Question, Staged
from sitting.rehearsal.tasks import end_all

LONGEST_LEAVING = 5.0  # seconds, to close all sockets
LONGEST_DRAIN = 30.0  # seconds beyond deadline and grace until the server has closed everything


class Say(Protocol):
    """Is told what happens now; if it can be measured, how much there is `of` it, and a function for what is done."""

    def __call__(self, what: str, of: float = 0.0, done: Callable[[], float] | None = None, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One number of candidates, and how their answers fared; times in seconds.

    Attributes:
        own_fault: whether this process was too slow to measure well, so that the server may be better than it looks.
    """

    candidates: int
    acks: int
    p50: float | None
    p99: float | None
    errors: int
    holds: bool
    own_fault: bool = False


@dataclass(slots=True)
class Rehearsal:
    """A rehearsal under way, and afterwards all that is known of it.

    Attributes:
        took: seconds. cut_short: why it did not come to its end. put_away: whether Tests and questions are archived.
        erased: how many of the candidates are erased, None if nobody asked for that.
    """

    plan: Plan
    run: str
    measures: Measures
    began: datetime
    steps: list[Step] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    tests: list[Staged] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    checked: Checked | None = None
    took: float = 0.0
    cut_short: str | None = None
    put_away: bool = False
    erased: int | None = None


async def rehearse(
    rehearsal: Rehearsal, rest: Rest, url: str, *, write: Listener, say: Say, stop: asyncio.Event
) -> None:
    """Rehearse, read back, check, and put away; all that comes of it goes into `rehearsal`.

    Args:
        write: is told of each record of the history. say: is told what happens now.
        stop: set from outside, it ends the rehearsal early; what there is by then is checked all the same.

    Raises:
        Refused, Unreachable: it could not be set up.
    """
    loop = asyncio.get_running_loop()
    origin = loop.time()
    claims = Claims()
    history = History(lambda: loop.time() - origin, [write, rehearsal.measures.add, claims.add])
    url = _socket_url(url)
    venue = Venue(rest, url, rehearsal.plan, rehearsal.run, history, rehearsal.measures, rehearsal.questions)
    watching = asyncio.create_task(watch(rehearsal.measures, history.elapsed))
    try:
        await _play(_Stage(rehearsal, venue, say), stop)
        history.finish(STOPPED)
        rehearsal.took = history.elapsed()
        watching.cancel()
        before, assessments = rest.answered, len(rehearsal.candidates) * len(rehearsal.tests)
        say("reading everything back", REQUESTS_EACH * assessments, lambda: rest.answered - before)
        rehearsal.checked = await _check(rehearsal, claims, rest)
    finally:
        watching.cancel()
        say("putting Tests and questions away")
        with suppress(Refused, Unreachable):
            await archive(rest, rehearsal.tests, rehearsal.run)
            rehearsal.put_away = True


async def _play(stage: _Stage, stop: asyncio.Event) -> None:
    """Until its end, until it is stopped, or until the server is gone.

    Raises:
        Refused, Unreachable: there are no candidates yet.
    """
    playing = asyncio.create_task(stage.play())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not playing.done():
            stage.cut_short("it was stopped")
            await end_all([playing], again_after=LONGEST_LEAVING)
        if not playing.cancelled():
            playing.result()
    except (Refused, Unreachable) as fault:
        if not stage.rehearsal.candidates:
            raise
        stage.cut_short(str(fault))
    finally:
        stopping.cancel()
        playing.cancel()


def _socket_url(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}/ws/assessment"


class _Stage:
    def __init__(self, rehearsal: Rehearsal, venue: Venue, say: Say) -> None:
        self.rehearsal = rehearsal
        self.venue = venue
        self.say = say
        self.rest = venue.rest

    def cut_short(self, why: str) -> None:
        """It ends early; nobody waits long for the server any more."""
        self.say(f"ending early: {why}")
        self.rehearsal.cut_short = why
        self.rest.be_brief()

    async def play(self) -> None:
        plan, rehearsal = self.rehearsal.plan, self.rehearsal
        self.say(f"making {plan.questions} questions and {plan.candidates} candidates")
        rehearsal.questions += await make_questions(self.rest, plan, rehearsal.run)
        main = await self._make_test("main", minutes=MAIN_MINUTES)
        await self._add_candidates(main, plan.candidates)
        try:
            if plan.growth is not None:
                await self._grow(main, plan.growth)
            elif plan.takes_main_test:
                await self._main(main)
            if Phase.DEADLINE in plan.phases and plan.growth is None:
                await self._deadline()
        finally:
            await asyncio.gather(*(candidate.leave() for candidate in rehearsal.candidates))

    async def _main(self, main: Staged) -> None:
        plan = self.rehearsal.plan
        await self._start(self.rehearsal.candidates, main, plan.ramp)
        self._need_somebody()
        if Phase.STEADY in plan.phases:
            await self._steady()
        if Phase.RECONNECT in plan.phases:
            self.say("reconnect storm: all connections break at once")
            with self._phase("reconnect"):
                await self._all(Candidate.lose_connection)
        self._need_somebody()
        await self._hand_in()

    async def _start(self, candidates: list[Candidate], staged: Staged, ramp: float) -> None:
        measures = self.venue.measures
        seated = measures.seats_over
        doing = f"start storm: {len(candidates)} candidates within {ramp:g} s"
        self.say(doing, len(candidates), lambda: measures.seats_over - seated)
        with self._phase("start"):
            await start_all(candidates, staged, ramp, self.venue.measures)

    async def _steady(self) -> None:
        seconds = self.rehearsal.plan.steady
        number = len(self.rehearsal.candidates)
        until = asyncio.get_running_loop().time() + seconds
        self._say_timed(f"steady answering: {number} candidates for {seconds:g} s", seconds)
        with self._phase("steady"):
            await self._all(lambda candidate: candidate.work(until))

    async def _hand_in(self) -> None:
        self.say("handing in")
        with self._phase("hand in"):
            await self._all(Candidate.hand_in)

    async def _deadline(self) -> None:
        """A Test that closes for all in one instant: a lead after all are likely to have started."""
        plan, rehearsal = self.rehearsal.plan, self.rehearsal
        starts = [span.end - span.begin for span in rehearsal.measures.phases if span.name == "start"]
        lead = plan.lead + max(plan.ramp, 1.5 * max(starts, default=0.0))
        await self.rest.get("/me")
        invited_within = 0.05 * len(rehearsal.candidates)
        closes_at = (self.rest.server_time + timedelta(seconds=lead + invited_within + 2)).replace(microsecond=0)
        staged = await self._make_test("deadline", closes_at=closes_at)
        going = [candidate for candidate in rehearsal.candidates if candidate.gone is None]
        await invite_known(self.rest, staged, [candidate.user_id for candidate in going])
        await self._start(going, staged, plan.ramp)
        left = (closes_at - self.rest.server_time).total_seconds() + GRACE
        self._say_timed(f"deadline storm: it is over for all at {closes_at.astimezone(UTC):%H:%M:%S} UTC", left)
        with self._phase("deadline"):
            await self._all(Candidate.race_the_deadline)

    async def _grow(self, main: Staged, growth: Growth) -> None:
        """More and more candidates, until their answers are slow or something fails."""
        rehearsal, measures = self.rehearsal, self.venue.measures
        newcomers = list(rehearsal.candidates)
        while True:
            measures.open_window()
            await self._start(newcomers, main, rehearsal.plan.ramp)
            await self._steady()
            step = _step(rehearsal, growth)
            rehearsal.steps.append(step)
            self.say(describe(step))
            number = min(growth.most, max(step.candidates + 1, round(step.candidates * growth.factor)))
            if not step.holds or number == step.candidates:
                break
            await self._add_candidates(main, number)
            newcomers = rehearsal.candidates[step.candidates :]
        await self._hand_in()

    def _say_timed(self, what: str, seconds: float) -> None:
        begin = self.venue.history.elapsed()
        self.say(what, seconds, lambda: self.venue.history.elapsed() - begin)

    async def _make_test(self, name: str, *, minutes: int | None = None, closes_at: datetime | None = None) -> Staged:
        rehearsal = self.rehearsal
        staged = await make_test(
            self.rest, rehearsal.questions, rehearsal.run, name, minutes=minutes, closes_at=closes_at
        )
        rehearsal.tests.append(staged)
        questions = [{"question_id": q.question_id, "choices": q.choices} for q in rehearsal.questions]
        self.venue.history.invoke("stage", 0, name, test_id=staged.test_id, questions=questions).ok()
        return staged

    async def _add_candidates(self, main: Staged, number: int) -> None:
        """New ones, until there are so many."""
        rehearsal = self.rehearsal
        numbers = range(len(rehearsal.candidates) + 1, number + 1)
        invited = await invite_new(self.rest, main, rehearsal.run, numbers)
        sessions = await few_at_once([partial(self.rest.enter, link) for _, link in invited])
        rehearsal.candidates += [
            Candidate(n, user_id, session, self.venue)
            for n, (user_id, _), session in zip(numbers, invited, sessions, strict=True)
        ]

    def _need_somebody(self) -> None:
        """Raises Unreachable if nobody is left."""
        reasons = {candidate.gone for candidate in self.rehearsal.candidates}
        if None not in reasons:
            raise Unreachable(f"all candidates gave up: {', '.join(sorted(filter(None, reasons)))}")

    async def _all(self, act: Act) -> None:
        await everybody(self.rehearsal.candidates, act, self.venue.measures)

    def _phase(self, name: str) -> AbstractContextManager[None]:
        return phase(self.venue.measures, name, self.venue.history.elapsed)


def _step(rehearsal: Rehearsal, growth: Growth) -> Step:
    measures = rehearsal.measures
    acks, errors = measures.window, measures.window_errors + measures.gave_up
    p99 = acks.percentile(99)
    holds = errors <= growth.errors and p99 is not None and p99 <= growth.slow
    own_fault = measures.window_load.is_too_much
    return Step(len(rehearsal.candidates), acks.number, acks.percentile(50), p99, errors, holds, own_fault)


def describe(step: Step) -> str:
    """A step in one line."""
    p99 = "no answer was acknowledged" if step.p99 is None else f"p99 of {step.acks} acks {step.p99 * 1000:.0f} ms"
    return f"{step.candidates} candidates: {p99}, {step.errors} errors: {'holds' if step.holds else 'does not hold'}"


async def _check(rehearsal: Rehearsal, claims: Claims, rest: Rest) -> Checked:
    numbers = {candidate.user_id: candidate.number for candidate in rehearsal.candidates}
    claims.finish()
    taken = list(claims.taken.values())
    closed = rehearsal.cut_short is None
    try:
        stored = await read_back(rest, rehearsal.tests, numbers, wait=GRACE + LONGEST_DRAIN if closed else 0.0)
    except (Refused, Unreachable) as fault:
        return unchecked(taken, str(fault))
    questions = {question.question_id: question for question in rehearsal.questions}
    tests = {staged.name: staged for staged in rehearsal.tests}
    return check(taken, stored, questions, tests, closed=closed)
