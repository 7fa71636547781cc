"""Three windows of two devices, a flaky network, two nodes and the clock, against the rules of answers and of time.

The frames that fly are the real texts; the real connection, handlers and use cases deal with them, over a log in
memory. A frame may be lost, doubled, delayed or overtaken; a commit may be lost or stay untold; a node may lag, or die.
What is committed and what is said is held against a naive oracle (tests/support/pure_world.py); the rest is held here.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sitting.domain.assessment import Status, fold
from sitting.domain.blueprint import FeedbackPolicy, Navigation
from sitting.domain.compliance import deadline_faults
from sitting.domain.deadline import Phase
from sitting.domain.errors import SittingError
from sitting.domain.events import EndReason, Verdict
from sitting.domain.live import recovered_message, score_of
from sitting.domain.response import Answer
from sitting.protocol.encoding import encode
from sitting.usecases.end_pause_that_ran_out import end_pause_that_ran_out
from sitting.usecases.extend_assessment import extend_assessment
from sitting.usecases.finalize_assessment import finalize_assessment
from sitting.usecases.pause_assessment import pause_assessment
from sitting.usecases.unpause_assessment import unpause_assessment
from sitting.usecases.void_assessment import void_assessment
from tests.support.oracle import Version
from tests.support.plain_clock import DRAIN, SECOND
from tests.support.pure_client import Link, Window, wire_answer
from tests.support.pure_delivery import SIGNER, PureConnection, run
from tests.support.pure_storage import Fate, clone
from tests.support.pure_world import PAPER, Doing, World, at, held
from tests.support.samples import blueprint

STEPS = 60
RIPE = 10
"""Nobody ends it before so many entries, since little happens behind an end."""
OPTIONS = ("a", "b", "c", None)
MILLISECOND = 1000
STAFF = 9

numbers = st.integers(0, 10**6)
which = st.integers(0, 2)
nodes = st.integers(0, 1)
questions = st.sampled_from([question.question_id for question in PAPER.questions])
letters = st.sampled_from(OPTIONS)
odd_letters = st.sampled_from([*OPTIONS, "x"])
journeys = st.sampled_from(["stays", "arrives", "is dealt with", "is told", "is told"])
fates = st.sampled_from([*[Fate.STORED] * 2, *Fate, Fate.LOST])
staff_acts = st.sampled_from(["pause", "unpause", "extend", "end", "void", "sweep"])
interlopers = st.none() | numbers | st.sampled_from(["pause", "end", "extend", "sweep", "takeover"])


class Made:
    """How many steps all machines of this process have made, and how many examples they were."""

    steps = 0
    examples = 0


class Assessments(RuleBasedStateMachine):
    """Where any question may be answered at any time."""

    BLUEPRINT = blueprint(max_pause_minutes=2)

    @initialize(wish=st.booleans())
    def start(self, wish: bool) -> None:
        Made.examples += 1
        self.world = World(self.BLUEPRINT)
        self.checked = 0
        self.seen: dict[str, tuple[int, int]] = {}
        self.shown_as_saved: set[tuple[str, str | None, int]] = set()
        for window in self.world.windows[:: -1 if wish else 3]:
            self.dial(window, 0, wish=True)

    def dial(self, window: Window, node: int, *, wish: bool, journey: str = "is told") -> None:
        link = self.world.connect(self.world.nodes[node])
        window.dial(link, wish=wish)
        self.go(link, journey)

    def go(self, link: Link | None, journey: str) -> None:
        """Let all that was sent over a link come so far."""
        if link is None or journey == "stays":
            return
        if journey == "arrives":
            while link.up:
                self.world.arrive(link, link.up.pop(0))
            return
        self.world.settle(link, told=journey == "is told")

    # --- what candidates do ---

    def types_on(self, window: Window, question: str, letter: str | None) -> None:
        world, disk = self.world, window.disk
        seq = disk.versions.get(question)
        stored = [pair for said, pair in self.answers_in(seq) if said == question and pair] if seq else []
        earlier = [answer.pair for answer in world.typed if answer.question_id == question]
        own = [pair for pair in earlier if pair and pair[0] == disk.client_id]
        item = window.type(question, option(question, letter))
        assert item.pair is not None
        before = {*stored, *own}
        world.past[item.pair] = frozenset(before).union(*(world.past[pair] for pair in before))
        world.typed.append(item)

    def answers_in(self, seq: int) -> list[tuple[str, tuple[str, int] | None]]:
        """The saved answers of an entry: question and pair."""
        answers = held(self.world.ledger.events[seq - 1])
        return [
            (question, (client, number) if client is not None and number is not None else None)
            for question, _, client, number, verdict in answers
            if verdict == Verdict.SAVED
        ]

    @rule(index=which, answers=st.lists(st.tuples(questions, letters), min_size=1, max_size=3), journey=journeys)
    def types(self, index: int, answers: list[tuple[str, str | None]], journey: str) -> None:
        window = self.world.windows[index]
        if journey == "is told":
            self.make_holder(window)
        for question, letter in answers:
            self.types_on(window, question, letter)
        self.go(window.link, journey)

    def make_holder(self, window: Window) -> None:
        """Whoever wants to get through becomes the one that holds the assessment."""
        link = window.link
        if link is None or not link.connection.is_open or link.connection.state.connection_id != self.world.holder:
            self.dial(window, 1, wish=True)
        self.go(window.link, "is told")

    @rule(index=which, pair=st.permutations(["q_1", "q_2", "q_3"]), other=which, split=st.booleans())
    def types_twice_against_a_takeover(self, index: int, pair: list[str], other: int, split: bool) -> None:
        """P14: never the second without the first; each commit may lose against another window's attach."""
        world = self.world
        window, rival = world.windows[index], world.windows[other]
        self.make_holder(window)
        if window is rival or window.link is None or not window.is_live:
            return
        for question in pair[:2]:
            self.types_on(window, question, "a")
        link = window.link
        self.go(link, "arrives")
        for turn in range(2):
            if link.connection.has_work:
                world.deal(link.connection, meanwhile=self.takeover_by(rival) if turn == split else None)

    def takeover_by(self, window: Window) -> Callable[[], None]:
        return lambda: self.dial(window, 1, wish=True)

    @rule(index=which, node=nodes, wish=st.booleans(), journey=journeys)
    def dials(self, index: int, node: int, wish: bool, journey: str) -> None:
        """By itself, unless it was told that another window goes on, or as the candidate's wish."""
        window = self.world.windows[index]
        if wish or not window.is_replaced:
            self.dial(window, node, wish=wish, journey=journey)

    @rule(index=which, node=nodes, wish=st.booleans(), journey=journeys)
    def reloads(self, index: int, node: int, wish: bool, journey: str) -> None:
        window = self.world.windows[index]
        window.reload()
        if wish or not window.is_replaced:
            self.dial(window, node, wish=wish, journey=journey)

    @rule(index=which, is_seen=st.booleans())
    def hangs_up(self, index: int, is_seen: bool) -> None:
        window = self.world.windows[index]
        link = window.link
        window.hang_up()
        if link is not None and is_seen and link.connection.is_open:
            link.connection.hang_up()

    @rule(
        index=which,
        ask=st.sampled_from(["complete_assessment", "start_break", "end_break", "heartbeat", "get_progress"]),
        journey=journeys,
    )
    def asks(self, index: int, ask: str, journey: str) -> None:
        is_early = ask == "complete_assessment" and len(self.world.ledger.events) < RIPE
        self.say(self.world.windows[index], "heartbeat" if is_early else ask, {}, journey)

    @rule(index=which, question=questions, flagged=st.booleans(), journey=journeys)
    def flags(self, index: int, question: str, flagged: bool, journey: str) -> None:
        self.say(self.world.windows[index], "flag_question", {"question_id": question, "flagged": flagged}, journey)

    @rule(index=which, position=st.integers(1, len(PAPER.questions) + 1), journey=journeys)
    def asks_for_a_question(self, index: int, position: int, journey: str) -> None:
        self.say(self.world.windows[index], "get_question", {"position": position}, journey)

    @rule(index=which, question=questions, letter=odd_letters, journey=journeys)
    def old_client_answers(self, index: int, question: str, letter: str | None, journey: str) -> None:
        """One that knows neither `client_seq` nor `base_seq`."""
        self.answer_beside(index, Answer(question, option(question, letter)), journey)

    @rule(index=which, pick=numbers, question=questions, letter=odd_letters, journey=journeys)
    def broken_client_uses_a_pair_again(
        self, index: int, pick: int, question: str, letter: str | None, journey: str
    ) -> None:
        pairs = sorted(self.world.oracle.payloads)
        if pairs:
            pair = pairs[pick % len(pairs)]
            stored_question, stored_letter = self.world.oracle.payloads[pair]
            self.answer_beside(
                index, Answer(stored_question, option(stored_question, stored_letter), *pair, 0), "stays"
            )
            self.answer_beside(index, Answer(question, option(question, letter), *pair, 0), journey)

    @rule(index=which, pick=numbers, journey=journeys)
    def something_old_is_sent_again(self, index: int, pick: int, journey: str) -> None:
        """As a frame that was stuck somewhere for long."""
        typed = self.world.typed
        if typed:
            self.answer_beside(index, typed[pick % len(typed)], journey)

    @rule(index=which, order=numbers, count=st.integers(1, 6), wish=st.booleans(), anew=st.booleans(), journey=journeys)
    def resumes_with_much(self, index: int, order: int, count: int, wish: bool, anew: bool, journey: str) -> None:
        """A client that hands in all it ever typed, in any order and some of it twice; `anew`: on a new socket."""
        world = self.world
        window = world.windows[index]
        typed = [answer for answer in world.typed if answer.client_id == window.disk.client_id]
        if typed:
            pending = [wire_answer(answer) for answer in random.Random(order).choices(typed, k=count)]
            claim = {} if wish or window.known is None else {"attachment": window.known}
            data = {"assessment_id": 42, "pending": pending, "window_id": window.window_id, **claim}
            if anew:
                window.hang_up()
                window.link = world.connect(world.nodes[0])
            self.say(window, "resume_assessment", data, journey)

    def answer_beside(self, index: int, answer: Answer, journey: str) -> None:
        self.say(self.world.windows[index], "submit_answer", wire_answer(answer), journey)

    def say(self, window: Window, type_: str, data: dict[str, Any], journey: str) -> None:
        """Send a frame that the window's outbox knows nothing of."""
        if window.link is not None:
            window.link.is_plain = window.link.is_plain and type_ not in ("submit_answer", "resume_assessment")
            window.send(type_, data)
            self.go(window.link, journey)

    @rule(index=which, chance=st.integers(0, 9))
    def floods(self, index: int, chance: int) -> None:
        """The 33rd unanswered frame closes the socket. Seldom, since it takes long."""
        link = self.world.windows[index].link
        if chance != 7 or link is None or not link.connection.is_open:
            return
        connection = link.connection
        for number in range(33 - connection.state.unanswered):
            assert connection.is_open
            connection.receive(f'{{"type": "heartbeat", "id": "flood-{number}"}}', at(self.world.now))
        assert not connection.is_open
        assert connection.state.unanswered == 32

    # --- what the network does ---

    def a_link(self, pick: int, direction: str) -> tuple[Link, list[str]] | None:
        found = [(link, getattr(link, direction)) for link in self.world.links if getattr(link, direction)]
        return found[pick % len(found)] if found else None

    @rule(pick=numbers, which_frame=numbers, again=st.booleans())
    def frame_arrives(self, pick: int, which_frame: int, again: bool) -> None:
        """Any frame, before those that were sent earlier; it may come again."""
        if found := self.a_link(pick, "up"):
            link, frames = found
            place = which_frame % len(frames)
            self.world.arrive(link, frames[place] if again else frames.pop(place))

    @rule(pick=numbers, which_frame=numbers)
    def frame_is_lost(self, pick: int, which_frame: int) -> None:
        if found := self.a_link(pick, "up"):
            found[1].pop(which_frame % len(found[1]))

    @rule(pick=numbers, which_frame=numbers, again=st.booleans())
    def reply_is_told(self, pick: int, which_frame: int, again: bool) -> None:
        if found := self.a_link(pick, "down"):
            link, frames = found
            place = which_frame % len(frames)
            link.is_plain = link.is_plain and place == 0 and not again
            self.world.tell(link, frames[place] if again else frames.pop(place))

    @rule(pick=numbers)
    def replies_are_lost(self, pick: int) -> None:
        if found := self.a_link(pick, "down"):
            found[1].clear()
            found[0].is_plain = False

    # --- what the server does ---

    @precondition(lambda self: self.world.busy())
    @rule(pick=numbers, fate=fates, meanwhile=interlopers)
    def happening_is_dealt_with(self, pick: int, fate: Fate, meanwhile: int | str | None) -> None:
        busy = self.world.busy()
        connection = busy.pop(pick % len(busy))
        self.world.deal(connection, fate, self.interloper(meanwhile, connection))

    @rule(index=which, question=questions, letter=letters, fate=fates, meanwhile=interlopers)
    def types_into_a_race(
        self, index: int, question: str, letter: str | None, fate: Fate, meanwhile: int | str | None
    ) -> None:
        """The answer is alone in the inbox, and something happens just before or at its commit."""
        window = self.world.windows[index]
        self.make_holder(window)
        self.types_on(window, question, letter)
        link = window.link
        self.go(link, "arrives")
        if link is not None and link.connection.has_work:
            self.world.deal(link.connection, fate, self.interloper(meanwhile, link.connection))

    def interloper(self, meanwhile: int | str | None, connection: object) -> Callable[[], None] | None:
        """Who is faster: staff, the sweep, another window, or another connection with what it has to do."""
        world = self.world
        if meanwhile is None:
            return None
        if meanwhile == "takeover":
            windows = [each for each in world.windows if each.link is None or each.link.connection is not connection]
            return self.takeover_by(windows[0])
        if isinstance(meanwhile, str):
            act = meanwhile
            return lambda: self.act(act)
        others = [each for each in world.busy() if each is not connection]
        if not others:
            return None
        other = others[meanwhile % len(others)]
        return lambda: self.let_work(other)

    def let_work(self, connection: PureConnection) -> None:
        if connection.has_work:
            self.world.deal(connection)

    @rule(node=nodes)
    def node_hears_of_changes(self, node: int) -> None:
        self.world.nodes[node].hear()

    @rule(pick=numbers)
    def server_sees_who_is_gone(self, pick: int) -> None:
        linked = {id(window.link.connection) for window in self.world.windows if window.link is not None}
        connections = [each for node in self.world.nodes for each in node.connections.values()]
        gone = [each for each in connections if each.is_open and id(each) not in linked]
        if gone:
            gone[pick % len(gone)].hang_up()

    @rule(node=nodes)
    def node_dies(self, node: int) -> None:
        self.world.nodes[node].die()

    # --- what staff and time do ---

    @rule(act=staff_acts)
    def staff_acts(self, act: str) -> None:
        self.act(act)

    def act(self, act: str) -> None:
        world = self.world
        if act in ("end", "void") and len(world.ledger.events) < RIPE:
            return
        world.doing.append(Doing(world.now))
        length = len(world.ledger.events)
        try:
            self.do(act)
        except SittingError:
            assert len(world.ledger.events) == length
        finally:
            world.doing.pop()

    def do(self, act: str) -> None:
        storage, now = self.world.nodes[0].storage, self.world.clock.instant
        match act:
            case "pause":
                run(pause_assessment(storage, 42, reason="why", by=STAFF, now=now))
            case "unpause":
                run(unpause_assessment(storage, 42, by=STAFF, now=now))
            case "extend":
                run(extend_assessment(storage, 42, seconds=61, reason="why", by=STAFF, now=now))
            case "void":
                run(void_assessment(storage, 42, reason="why", by=STAFF, now=now))
            case "end":
                self.end(EndReason.ENDED_BY_INVIGILATOR, STAFF)
            case _:
                if not run(end_pause_that_ran_out(storage, 42, now=now)):
                    self.end(EndReason.TIMEOUT, None)

    def end(self, reason: EndReason, by: int | None) -> None:
        storage, now = self.world.nodes[1].storage, self.world.clock.instant
        run(finalize_assessment(storage, SIGNER, assessment_id=42, reason=reason, now=now, by=by))

    @rule(step=st.sampled_from([1, MILLISECOND, SECOND, 30 * SECOND, 60 * SECOND]))
    def time_passes(self, step: int) -> None:
        self.world.set_clock(self.world.now + step)

    @precondition(lambda self: len(self.world.ledger.events) >= RIPE)
    @rule(index=st.integers(0, 3), off=st.sampled_from([-MILLISECOND, -1, 0, 1, MILLISECOND]))
    def time_comes_to_a_boundary(self, index: int, off: int) -> None:
        """D, D + G, D + G + drain, or the end of a pause, and a millisecond or microsecond beside it."""
        world, plain = self.world, self.world.plain
        deadline, lasting = plain.deadline(world.now), plain.lasting
        found = [] if deadline is None else [deadline, deadline + plain.grace, deadline + plain.grace + DRAIN]
        found += [] if lasting is None else [lasting.longest]
        if found:
            world.set_clock(max(world.now, found[index % len(found)] + off))

    # --- what always holds ---

    @invariant()
    def laws_hold(self) -> None:
        Made.steps += 1
        self.world.is_broken = True
        self.p04_snapshot_and_the_events_since_are_a_fresh_snapshot()
        self.p04_connections_hold_the_fold_of_their_part_of_the_log()
        self.p04_newest_window_that_heard_all_knows_what_is_stored()
        self.p07_saved_is_shown_for_what_is_stored_alone()
        self.p17_time_is_what_was_given_and_nothing_else_changes_it()
        self.world.is_broken = False

    def p04_snapshot_and_the_events_since_are_a_fresh_snapshot(self) -> None:
        """The standing law: of the log, of every connection's state, and of the message that a client gets."""
        world = self.world
        if len(world.ledger.events) == self.checked:
            return
        fresh = fold(42, world.ledger.events)
        later = clone(world.states[self.checked])
        for event in world.ledger.events[self.checked :]:
            later.apply(event)
        assert later == fresh == world.state
        kept = [stored.record.is_cleared for stored in fresh.responses.values()]
        assert fresh.answered_questions == kept.count(False)
        now = world.clock.instant
        messages = [encode(recovered_message(world.live(state), now)) for state in (later, fresh)]
        assert messages[0] == messages[1]
        self.checked = len(world.ledger.events)
        self.p05_p14_stored_answers_are_those_of_the_oracle()

    def p04_connections_hold_the_fold_of_their_part_of_the_log(self) -> None:
        world = self.world
        for node in world.nodes:
            for name, connection in node.connections.items():
                if connection.live is None:
                    continue
                state = connection.live.state
                if self.seen.get(name) != (id(state), state.seq):
                    assert state == world.states[state.seq]
                    self.seen[name] = (id(state), state.seq)

    def p05_p14_stored_answers_are_those_of_the_oracle(self) -> None:
        world, state, oracle = self.world, self.world.state, self.world.oracle
        stored = {
            id_: Version(letter(answer.record.selected_option), *answer_pair(answer.record), answer.seq)
            for id_, answer in state.responses.items()
        }
        assert stored == oracle.current
        assert world.ledger.table == {id_: answer.record.given for id_, answer in state.responses.items()}
        assert world.ledger.row.status == state.status
        assert state.answers.keys() == oracle.payloads.keys()
        assert (state.late_answers, state.position) == (oracle.too_late, oracle.position)
        assert (state.is_over, state.status is Status.VOIDED) == (world.plain.is_over, world.plain.is_voided)
        assert not (state.is_over and state.schedule.lasting_pause), "P17: a pause outlives the end"
        assert score_of(world.live(state)).total == oracle.score(), "P13"
        assert (state.attachment, state.attached) == (world.newest, world.is_held)

    def p07_saved_is_shown_for_what_is_stored_alone(self) -> None:
        for window in self.world.windows:
            for question, entry in window.book.items():
                if entry.stored is None or (question, *entry.stored) in self.shown_as_saved:
                    continue
                selected, seq = entry.stored
                answers = held(self.world.ledger.events[seq - 1])
                assert (question, selected, Verdict.SAVED) in [(a[0], a[1], a[4]) for a in answers]
                self.shown_as_saved.add((question, selected, seq))

    def p04_newest_window_that_heard_all_knows_what_is_stored(self) -> None:
        """Of a client: its snapshot and what it was told since are a fresh snapshot."""
        world = self.world
        for window in world.windows:
            link = window.link
            if link is None or not window.is_live or not link.is_plain or link.down or world.plain.is_over:
                continue
            if window.waiting or window.in_flight:  # may be stored, though that was not said
                continue
            if link.connection.state.connection_id == world.holder and link.connection.is_open:
                known = {id_: entry.stored for id_, entry in window.book.items() if entry.stored}
                stored = {id_: (a.record.selected_option, a.seq) for id_, a in world.state.responses.items()}
                assert known == stored

    def p17_time_is_what_was_given_and_nothing_else_changes_it(self) -> None:
        world, plain, now = self.world, self.world.plain, self.world.clock.instant
        schedule = world.state.schedule
        if plain.is_over:
            return
        deadline, left = plain.deadline(world.now), plain.remaining(world.now)
        assert schedule.deadline_as_of(now) == (None if deadline is None else at(deadline))
        assert schedule.remaining_seconds(now) == (None if left is None else round(left / SECOND, 3))
        assert (schedule.phase(now) is Phase.PAUSED) == plain.is_still(world.now)

    # --- and in the end ---

    def teardown(self) -> None:
        """The network recovers, and each window is looked at once more: nothing that was typed was forgotten."""
        if not hasattr(self, "world") or self.world.is_broken:
            return
        world = self.world
        events = world.ledger.events
        assert all(
            event.inner == hashlib.sha256((event.salt or b"") + (event.payload or b"")).digest() for event in events
        )
        assert list(deadline_faults(self.BLUEPRINT, world.state)) == []
        self.act("unpause")
        world.set_clock(world.now + SECOND)
        for window in world.windows:
            self.dial(window, 0, wish=True)
            undecided = [entry.typed for entry in window.book.values() if entry.typed is not None]
            forgotten = [item for item in undecided if not self.is_overtaken(item)]
            assert forgotten == [] or world.plain.is_over, "P7: an answer was neither stored nor refused"
            assert window.disk.pending == {}, "P7: the newest answer of this device was forgotten"
            stored = {id_: (a.record.selected_option, a.seq) for id_, a in world.state.responses.items()}
            assert {id_: entry.stored for id_, entry in window.book.items() if entry.stored} == stored
        self.p04_snapshot_and_the_events_since_are_a_fresh_snapshot()

    def is_overtaken(self, item: Answer) -> bool:
        """Whether another window of the same device has typed something newer, which went instead."""
        rivals = (each for each in self.world.typed if each.question_id == item.question_id)
        return any(
            each.client_id == item.client_id and (each.client_seq or 0) > (item.client_seq or 0) for each in rivals
        )


def option(question_id: str, letter: str | None) -> str | None:
    """The id of an option; `x` is none that exists."""
    return letter and f"o_{question_id.removeprefix('q_')}{letter}"


def letter(option_id: str | None) -> str | None:
    return option_id and option_id[-1]


def answer_pair(record: Any) -> tuple[str | None, int | None]:
    return record.client_id, record.client_seq


class LockedAssessments(Assessments):
    """Where each answer locks its question."""

    BLUEPRINT = blueprint(max_pause_minutes=2, feedback=FeedbackPolicy.AFTER_ANSWER)


class LinearAssessments(Assessments):
    """Where the questions come one after the other."""

    BLUEPRINT = blueprint(max_pause_minutes=2, navigation=Navigation.LINEAR)


MACHINES = (Assessments, LockedAssessments, LinearAssessments)


def test_p05_promises_hold_for_three_windows_on_a_bad_network() -> None:
    run_state_machine_as_test(Assessments, settings=settings(stateful_step_count=STEPS))


def test_p06_promises_hold_where_answers_lock() -> None:
    run_state_machine_as_test(LockedAssessments, settings=settings(stateful_step_count=STEPS))


def test_p14_promises_hold_where_questions_come_one_after_the_other() -> None:
    run_state_machine_as_test(LinearAssessments, settings=settings(stateful_step_count=STEPS))
