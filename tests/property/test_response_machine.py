"""Two devices, a network that loses, doubles, delays and reorders, two nodes, and a naive oracle beside them.

Each device keeps what it typed in an outbox until it is decided. Frames reach a node, are stamped on arrival, and are
dealt with later; a node may lag behind the log, as nodes do. After every step the fold is held against the oracle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sitting.domain.assessment import AssessmentState, Status, fold
from sitting.domain.blueprint import FeedbackPolicy, Navigation
from sitting.domain.chain import SealedEvent
from sitting.domain.deadline import Phase
from sitting.domain.errors import ClientSeqConflict, SittingError
from sitting.domain.events import Attached, Detached, EndReason, EventBody, Finalized, Flagged, Verdict
from sitting.domain.live import LiveAssessment
from sitting.domain.navigation import step_to
from sitting.domain.response import Answer, Judgement, answer_rules, event_body, judge_all, rests_on_the_log
from sitting.domain.scoring import grade
from tests.support.oracle import POINTS, Naive, Pair, Version
from tests.support.samples import DEADLINE, MILLISECOND, START, assessment, blueprint, paper, started

PAPER = paper(*POINTS.values())
END_OF_GRACE = DEADLINE + timedelta(seconds=5)
BOUNDARIES = (DEADLINE, END_OF_GRACE, END_OF_GRACE + timedelta(seconds=5))
OPTIONS = ("a", "b", "c", None)


@dataclass
class Node:
    """One process: its own copy of the fold, which may lag behind the shared log."""

    log: list[SealedEvent]
    state: AssessmentState = field(default_factory=lambda: AssessmentState(42))

    def refresh(self) -> None:
        for event in self.log[self.state.seq :]:
            self.state.apply(event)

    def write(self, decide: Callable[[AssessmentState], EventBody | None], now: datetime) -> None:
        """Store what is decided on the node's own knowledge; if the number is taken, catch up and decide anew."""
        while (body := decide(self.state)) is not None:
            event = self.state.next_event(body, now)
            if event.seq == len(self.log) + 1:
                self.log.append(event)
                self.state.apply(event)
                return
            self.refresh()


@dataclass
class Device:
    """One installation: what it typed and has no decision on, and what it knows to be stored, by question."""

    name: str
    counter: int = 0
    outbox: dict[Pair, Answer] = field(default_factory=dict)
    attachment: int = 0
    known: dict[str, tuple[int, Pair | None]] = field(default_factory=dict)
    typed: dict[str, list[Pair]] = field(default_factory=dict)

    def learn(self, question_id: str, seq: int, pair: Pair | None) -> None:
        if seq > self.known.get(question_id, (0, None))[0]:
            self.known[question_id] = (seq, pair)


@dataclass(frozen=True)
class Frame:
    """What a device said. `resume` attaches it first, `complete` wants the end, `position` a question."""

    device: str
    attachment: int
    answers: tuple[Answer, ...] = ()
    resume: bool = False
    complete: bool = False
    position: int | None = None


@dataclass(frozen=True)
class Stamped:
    frame: Frame
    arrived_at: datetime


@dataclass(frozen=True)
class Ack:
    """What the server says of one answer; seq, time and digest name what was stored."""

    pair: Pair
    question_id: str
    verdict: Verdict
    seq: int
    saved_at: datetime
    digest: str


@dataclass(frozen=True)
class Reply:
    device: str
    acks: tuple[Ack, ...] = ()
    refused: tuple[Pair, ...] = ()
    attachment: int = 0
    snapshot: tuple[tuple[str, int, Pair | None], ...] = ()


class Fate(IntEnum):
    """How far a frame gets at once; whatever stops on the way may go on at any later time, twice, or never."""

    SENT = 1
    ARRIVED = 2
    DEALT_WITH = 3
    TOLD = 4


numbers = st.integers(0, 10**6)
devices = st.sampled_from("AB")
nodes = st.sampled_from([0, 1])
fates = st.sampled_from([*Fate, Fate.TOLD, Fate.TOLD])
questions = st.sampled_from([question.question_id for question in PAPER.questions])


class Assessments(RuleBasedStateMachine):
    """The promises P4 to P7, P13, P14 and P27, under everything that a network and two windows can do."""

    BLUEPRINT = blueprint()

    def __init__(self) -> None:
        super().__init__()
        self.answer_rules = answer_rules(self.BLUEPRINT)
        self.now = START
        self.log: list[SealedEvent] = []
        self.nodes = (Node(self.log), Node(self.log))
        self.devices = {name: Device(name) for name in "AB"}
        self.network: list[Frame] = []
        self.inbox: list[Stamped] = []
        self.replies: list[Reply] = []
        self.oracle = Naive(is_linear=self.answer_rules.is_linear, locks=self.answer_rules.locks)
        self.shown = 1
        self.acks: dict[Pair, Ack] = {}
        self.past: dict[Pair, frozenset[Pair]] = {}

    @initialize()
    def start(self) -> None:
        self.nodes[0].write(once(started()), self.now)
        self.say(Frame("A", 0, resume=True), Fate.TOLD, 0)

    def say(self, frame: Frame, fate: Fate, node: int) -> None:
        """Let a frame go its way, as far as `fate` says."""
        if fate is Fate.SENT:
            self.network.append(frame)
            return
        stamped = Stamped(frame, self.now)
        if fate is Fate.ARRIVED:
            self.inbox.append(stamped)
            return
        self.deal_with(stamped, self.nodes[node])
        if fate is Fate.TOLD and self.replies:
            self.tell(self.replies.pop())

    @rule(name=devices, question=questions, letter=st.sampled_from(OPTIONS), fate=st.none() | fates, node=nodes)
    def types(self, name: str, question: str, letter: str | None, fate: Fate | None, node: int) -> None:
        device = self.devices[name]
        device.counter += 1
        pair = (name, device.counter)
        base, seen = device.known.get(question, (0, None))
        answer = Answer(question, option(question, letter), *pair, base)
        before = set(device.typed.get(question, ())) | ({seen} if seen else set())
        self.past[pair] = frozenset(before).union(*(self.past[older] for older in before))
        device.typed.setdefault(question, []).append(pair)
        device.outbox[pair] = answer
        if fate is not None:
            if fate is Fate.TOLD:
                self.take_over(device, node)
            self.say(Frame(name, device.attachment, (answer,)), fate, node)

    def take_over(self, device: Device, node: int) -> None:
        """Whoever wants to get through becomes the one that holds the assessment."""
        self.nodes[node].refresh()
        if self.nodes[node].state.attachment != device.attachment:
            self.say(Frame(device.name, 0, resume=True), Fate.TOLD, node)

    @rule(name=devices, order=st.randoms(use_true_random=False), fate=fates, node=nodes)
    def resumes(self, name: str, order: Any, fate: Fate, node: int) -> None:
        pending = list(self.devices[name].outbox.values())
        order.shuffle(pending)
        self.say(Frame(name, 0, tuple(pending), resume=True), fate, node)

    @precondition(lambda self: any(device.outbox for device in self.devices.values()))
    @rule(name=devices, picks=st.lists(numbers, min_size=1, max_size=4), fate=fates, node=nodes)
    def sends_again(self, name: str, picks: list[int], fate: Fate, node: int) -> None:
        device = self.devices[name]
        outbox = list(device.outbox.values())
        if outbox:
            answers = tuple(outbox[pick % len(outbox)] for pick in picks)
            self.say(Frame(name, device.attachment, answers), fate, node)

    @rule(name=devices, question=questions, letter=st.sampled_from([*OPTIONS, "x"]), fate=fates, node=nodes)
    def old_client_answers(self, name: str, question: str, letter: str | None, fate: Fate, node: int) -> None:
        answer = Answer(question, option(question, letter))
        self.say(Frame(name, self.devices[name].attachment, (answer,)), fate, node)

    @precondition(lambda self: self.oracle.payloads)
    @rule(pick=numbers, question=questions, letter=st.sampled_from([*OPTIONS, "x"]), fate=fates, node=nodes)
    def broken_client_uses_a_pair_again(
        self, pick: int, question: str, letter: str | None, fate: Fate, node: int
    ) -> None:
        pairs = sorted(self.oracle.payloads)
        pair = pairs[pick % len(pairs)]
        stored_question, stored_letter = self.oracle.payloads[pair]
        answers = (
            Answer(question, option(question, letter), *pair, 0),
            Answer(stored_question, option(stored_question, stored_letter), *pair, 0),
        )
        self.say(Frame(pair[0], self.devices[pair[0]].attachment, answers), fate, node)

    @precondition(lambda self: self.answer_rules.is_linear)
    @rule(name=devices, position=st.integers(1, len(PAPER.questions) + 1), fate=fates, node=nodes)
    def asks_for_a_question(self, name: str, position: int, fate: Fate, node: int) -> None:
        self.say(Frame(name, self.devices[name].attachment, position=position), fate, node)

    @precondition(lambda self: len(self.log) > 12)
    @rule(name=devices, fate=fates, node=nodes)
    def hands_in(self, name: str, fate: Fate, node: int) -> None:
        self.say(Frame(name, self.devices[name].attachment, complete=True), fate, node)

    @precondition(lambda self: self.network)
    @rule(pick=numbers, again=st.booleans())
    def arrives(self, pick: int, again: bool) -> None:
        at = pick % len(self.network)
        frame = self.network[at] if again else self.network.pop(at)
        self.inbox.append(Stamped(frame, self.now))

    @precondition(lambda self: self.network)
    @rule(pick=numbers)
    def is_lost(self, pick: int) -> None:
        self.network.pop(pick % len(self.network))

    @precondition(lambda self: self.replies)
    @rule(pick=numbers, again=st.booleans())
    def is_told(self, pick: int, again: bool) -> None:
        at = pick % len(self.replies)
        self.tell(self.replies[at] if again else self.replies.pop(at))

    def tell(self, reply: Reply) -> None:
        device = self.devices[reply.device]
        device.attachment = max(device.attachment, reply.attachment)
        for question_id, seq, pair in reply.snapshot:
            device.learn(question_id, seq, pair)
        for ack in reply.acks:
            device.outbox.pop(ack.pair, None)
            if ack.verdict is Verdict.SAVED:
                device.learn(ack.question_id, ack.seq, ack.pair)
        for pair in reply.refused:
            device.outbox.pop(pair, None)

    @rule(step=st.sampled_from([MILLISECOND, timedelta(seconds=1), timedelta(minutes=1)]))
    def time_passes(self, step: timedelta) -> None:
        self.now += step

    @precondition(lambda self: len(self.log) > 12)
    @rule(boundary=st.sampled_from(BOUNDARIES), side=st.sampled_from([-1, 0, 1]))
    def time_comes_to_a_boundary(self, boundary: datetime, side: int) -> None:
        self.now = max(self.now, boundary + side * MILLISECOND)

    @precondition(lambda self: self.inbox)
    @rule(pick=numbers, node=nodes)
    def frame_is_dealt_with(self, pick: int, node: int) -> None:
        self.deal_with(self.inbox.pop(pick % len(self.inbox)), self.nodes[node])

    def deal_with(self, stamped: Stamped, server: Node) -> None:
        frame = stamped.frame
        if frame.resume:
            server.refresh()
            if not server.state.is_over:
                server.write(once(Attached(f"c_{frame.device}", "takeover")), self.now)
            self.submit(server, frame.answers, stamped, server.state.attachment)
        elif frame.complete:
            self.hand_in(server, stamped)
        else:
            if frame.attachment > server.state.seq or frame.position is not None:
                server.refresh()
            if frame.position is None:
                self.submit(server, frame.answers, stamped, frame.attachment)
            else:
                self.show(server, frame.position, stamped)

    def show(self, server: Node, position: int, stamped: Stamped) -> None:
        """The use case, without its database: what was shown is in the log, and nothing before it is shown again."""
        shown: int | None = None

        def decide(state: AssessmentState) -> EventBody | None:
            nonlocal shown
            shown = None
            if state.attachment != stamped.frame.attachment and not state.is_over:
                return None
            live = LiveAssessment(assessment(), self.BLUEPRINT, PAPER, state)
            try:
                question = live.deliver(PAPER.at_position(position), stamped.arrived_at)
                step = step_to(live, question)
            except SittingError:
                return None
            shown = position
            return step

        server.write(decide, self.now)
        if server.state.attachment != stamped.frame.attachment:
            return
        assert shown == self.oracle.move(position, stamped.arrived_at)
        if shown is not None and self.answer_rules.is_linear:
            assert shown >= self.shown, "a question was shown again that had been left"
            assert fold(42, self.log).position == shown, "P10: a question was shown that the log does not hold"
            self.shown = shown

    def submit(self, server: Node, answers: Sequence[Answer], stamped: Stamped, attachment: int) -> None:
        """The use case, without its database: refuse whoever was replaced, judge, store, answer."""
        judged: list[Judgement] | None = None

        def decide(state: AssessmentState) -> EventBody | None:
            nonlocal judged
            judged = None
            if state.attachment != attachment and not state.is_over:
                return None
            judged = judge_all(state, PAPER, answers, stamped.arrived_at, self.answer_rules)
            return event_body(judged, stamped.arrived_at)

        before = dict(self.oracle.current)
        length = len(self.log)
        server.write(decide, self.now)
        if judged is not None and rests_on_the_log(judged):
            server.refresh()
            server.write(decide, self.now)
        if judged is None:
            return
        if len(self.log) == length:
            server.refresh()
        expected = self.oracle.expect(answers, stamped.arrived_at, len(self.log))
        assert [judgement.verdict for judgement in judged] == expected
        self.check_order(before)
        self.answer(server, stamped.frame, judged)

    def answer(self, server: Node, frame: Frame, judged: Sequence[Judgement]) -> None:
        acks, refused = [], []
        for judgement in judged:
            pair = judgement.answer.pair
            if pair is None:
                continue
            if judgement.verdict is Verdict.REFUSED:
                assert pair not in self.acks or isinstance(judgement.error, ClientSeqConflict) or is_wrong(judgement)
                refused.append(pair)
                continue
            stored = judgement.stored or server.state.answers[pair]
            ack = Ack(
                pair, judgement.answer.question_id, stored.record.verdict, stored.seq, stored.saved_at, stored.digest
            )
            assert self.acks.setdefault(pair, ack) == ack, "P6: k equal acks"
            acks.append(ack)
        known = tuple(
            (question_id, stored.seq, pair_of(stored.record.client_id, stored.record.client_seq))
            for question_id, stored in server.state.responses.items()
        )
        attachment = server.state.attachment if frame.resume else 0
        self.replies.append(Reply(frame.device, tuple(acks), tuple(refused), attachment, known if frame.resume else ()))

    def hand_in(self, server: Node, stamped: Stamped) -> None:
        server.refresh()
        state = server.state
        if state.is_over or state.attachment != stamped.frame.attachment:
            return
        if state.schedule.accepts_answers(stamped.arrived_at):
            self.finish(server, Status.COMPLETED, EndReason.SUBMITTED, min(stamped.arrived_at, DEADLINE))

    @precondition(lambda self: self.now > DEADLINE)
    @rule(node=nodes)
    def sweep_passes(self, node: int) -> None:
        server = self.nodes[node]
        server.refresh()
        if not server.state.is_over and server.state.schedule.phase(self.now) is Phase.CLOSABLE:
            self.finish(server, Status.TIMEOUT, EndReason.TIMEOUT, DEADLINE)

    def finish(self, server: Node, status: Status, reason: EndReason, end_time: datetime) -> None:
        given = {id_: stored.record.given for id_, stored in server.state.responses.items()}
        score = grade(PAPER, given, self.BLUEPRINT)
        assert score.total == self.oracle.score()
        body = Finalized(
            status,
            reason,
            end_time,
            score.total,
            score.maximum,
            score.percentage,
            False,
            score.correct_answers,
            score.answered_questions,
        )
        server.write(once(body), self.now)
        self.oracle.over = True

    @rule(node=nodes, question=questions, flagged=st.booleans())
    def something_else_is_logged(self, node: int, question: str, flagged: bool) -> None:
        server = self.nodes[node]
        server.refresh()
        if not server.state.is_over:
            other: EventBody = Flagged(question, flagged) if flagged else Detached(server.state.attachment)
            server.write(once(other), self.now)

    @rule(node=nodes)
    def node_dies_and_comes_back(self, node: int) -> None:
        self.nodes[node].state = fold(42, self.log)

    def check_order(self, before: dict[str, Version]) -> None:
        """P5, seen from the devices: what replaces a stored version was typed by somebody who knew that version."""
        for question_id, new in self.oracle.current.items():
            old = before.get(question_id)
            new_pair, old_pair = pair_of(new.client, new.number), old and pair_of(old.client, old.number)
            if new_pair and old_pair and new_pair != old_pair:
                assert old_pair in self.past[new_pair], "an answer was replaced by one that did not know of it"
                assert new_pair not in self.past[old_pair], "an answer was replaced by an older one"

    @invariant()
    def p04_nodes_hold_the_fold_of_their_part_of_the_log(self) -> None:
        fresh = fold(42, self.log)
        for node in self.nodes:
            assert node.state == fold(42, self.log[: node.state.seq])
            snapshot = fold(42, self.log[: node.state.seq])
            for event in self.log[node.state.seq :]:
                snapshot.apply(event)
            assert snapshot == fresh

    @invariant()
    def p05_p14_stored_answers_are_those_of_the_oracle(self) -> None:
        state = fold(42, self.log)
        stored = {
            id_: Version(
                answer.record.selected_option and answer.record.selected_option[-1],
                answer.record.client_id,
                answer.record.client_seq,
                answer.seq,
            )
            for id_, answer in state.responses.items()
        }
        assert stored == self.oracle.current
        assert (state.late_answers, state.is_over) == (self.oracle.too_late, self.oracle.over)
        if not self.oracle.over:
            assert state.status is (Status.IN_PROGRESS if self.oracle.current else Status.STARTED)
        assert state.answers.keys() == self.oracle.payloads.keys()
        assert state.position == self.oracle.position

    @invariant()
    def p07_every_ack_names_an_entry_that_holds_the_answer(self) -> None:
        for pair, ack in self.acks.items():
            event = self.log[ack.seq - 1]
            assert (event.hash.hex(), event.occurred_at, event.seq) == (ack.digest, ack.saved_at, ack.seq)
            held = [a for a in json.loads(event.payload or b"")["answers"] if (a["client_id"], a["client_seq"]) == pair]
            question_id, letter = self.oracle.payloads[pair]
            assert [(a["question_id"], a["selected_option"], a["verdict"]) for a in held] == [
                (question_id, option(question_id, letter), ack.verdict)
            ]

    def teardown(self) -> None:
        assert [event.seq for event in self.log] == list(range(1, len(self.log) + 1))
        for event in self.log:
            assert event.inner == hashlib.sha256((event.salt or b"") + (event.payload or b"")).digest()


def once(body: EventBody) -> Callable[[AssessmentState], EventBody]:
    return lambda _: body


def option(question_id: str, letter: str | None) -> str | None:
    """The id of an option; `x` is none that exists."""
    return letter and f"o_{question_id.removeprefix('q_')}{letter}"


def pair_of(client: str | None, number: int | None) -> Pair | None:
    return None if client is None or number is None else (client, number)


def is_wrong(judgement: Judgement) -> bool:
    return (judgement.answer.selected_option or "").endswith("x")


class LockedAssessments(Assessments):
    """The same where each answer locks its question."""

    BLUEPRINT = blueprint(feedback=FeedbackPolicy.AFTER_ANSWER)


class LinearAssessments(Assessments):
    """The same where the questions come one after the other."""

    BLUEPRINT = blueprint(navigation=Navigation.LINEAR)


test_promises_hold_for_two_devices_on_a_bad_network = Assessments.TestCase
test_promises_hold_where_answers_lock = LockedAssessments.TestCase
test_promises_hold_where_questions_come_one_after_the_other = LinearAssessments.TestCase
for _machine in (Assessments, LockedAssessments, LinearAssessments):
    _machine.TestCase.settings = settings(stateful_step_count=80)
