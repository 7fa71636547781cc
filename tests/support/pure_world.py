"""Everything around one assessment: its log, two nodes, three windows, the network; and the laws, held at each commit.

What commits is told to the oracle in the order of the log; what is said to a client is compared with both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from sitting.domain.application import Accommodation
from sitting.domain.assessment import AssessmentState
from sitting.domain.blueprint import Blueprint
from sitting.domain.chain import SealedEvent
from sitting.domain.events import (
    Answered,
    Attached,
    Detached,
    EndReason,
    Extended,
    Finalized,
    LateAnswered,
    Paused,
    PauseKind,
    Presented,
    Unpaused,
    Verdict,
    Voided,
    optional_body,
)
from sitting.domain.live import LiveAssessment, recovered_message
from sitting.domain.response import Answer, answer_rules
from sitting.protocol.encoding import encode
from tests.support.oracle import POINTS, Naive, Pair, Version
from tests.support.plain_clock import SECOND, PlainClock
from tests.support.pure_client import Installation, Link, Window, as_answer
from tests.support.pure_delivery import Node, PureConnection, SetClock
from tests.support.pure_storage import Fate, Ledger, NodeDied, clone
from tests.support.replacing import replace
from tests.support.samples import GRACE_SECONDS, MICROSECOND, START, assessment, paper, started

PAPER = paper(*POINTS.values())
CANDIDATE = 5
BREAK_MINUTES = 1
LIMIT = 30 * 60 * SECOND
KINDS = {
    "answer_saved": "saved",
    "answer_superseded": "superseded",
    "assessment_over": "late",
    "deadline_passed": "late",
}
NOT_DECIDED = ("unavailable", "attachment_stale", "rate_limited", "assessment_not_found")


def at(behind: int) -> datetime:
    """The instant so many microseconds behind the start."""
    return START + behind * MICROSECOND


@dataclass
class Doing:
    """What is being done: for whom, and since when it counts (microseconds behind the start).

    Attributes:
        expected: the oracle's verdicts on the answers, once they or some of them are stored.
    """

    at: int
    connection: PureConnection | None = None
    type: str = ""
    id: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    expected: list[str] | None = None

    @property
    def answers(self) -> list[Answer]:
        if self.type == "submit_answer":
            return [as_answer(self.data)]
        return [as_answer(item) for item in self.data.get("pending", ())]


class World:
    """One assessment and all who work on it.

    Attributes:
        now: microseconds behind the start. states: the fold behind each entry of the log, from none on.
        past: to each pair those that whoever typed it knew of. typed: all that windows ever sent, in that order.
        newest, holder, holder_window: the newest attachment, its connection and window. is_held: not detached yet.
        is_broken: a law has failed, so nothing else can be expected.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        rules = answer_rules(blueprint)
        longest = int(blueprint.max_pause.total_seconds()) * SECOND
        allowance = BREAK_MINUTES * 60 * SECOND
        self.plain = PlainClock(LIMIT, GRACE_SECONDS * SECOND, 10**15, allowance, longest)
        self.oracle = Naive(self.plain, is_linear=rules.is_linear, locks=rules.locks)
        self.clock = SetClock()
        self.now = 0
        self.ledger = Ledger(assessment(), blueprint, PAPER, on_commit=self.committed)
        self.nodes = (Node(self.ledger, self.clock), Node(self.ledger, self.clock))
        disks = {"A": Installation("A"), "B": Installation("B")}
        self.windows = [Window("A1", disks["A"]), Window("A2", disks["A"]), Window("B1", disks["B"])]
        self.links: list[Link] = []
        self.doing: list[Doing] = []
        self.states = [AssessmentState(42)]
        self.acks: dict[Pair, tuple[int, str, str]] = {}
        self.past: dict[Pair, frozenset[Pair]] = {}
        self.typed: list[Answer] = []
        self.newest, self.holder, self.holder_window, self.is_held = 0, "", "", False
        self.shown = 1
        self.is_broken = False
        self._dialled = 0
        body = replace(started(), accommodation=Accommodation(break_minutes=BREAK_MINUTES))
        self.ledger.commit([self.states[0].next_event(body, at(0))], {}, {})

    @property
    def state(self) -> AssessmentState:
        """The state of the whole log."""
        return self.states[-1]

    def live(self, state: AssessmentState) -> LiveAssessment:
        return LiveAssessment(self.ledger.row, self.ledger.blueprint, PAPER, state)

    def set_clock(self, now: int) -> None:
        self.now, self.clock.instant = now, at(now)

    # --- the network ---

    def connect(self, node: Node) -> Link:
        self._dialled += 1
        self.links = [link for link in self.links if link.connection.is_open or link.down]
        link = Link(node.accept(f"c_{self._dialled}", CANDIDATE))
        self.links.append(link)
        return link

    def arrive(self, link: Link, text: str) -> None:
        if link.connection.is_open:
            link.connection.receive(text, at(self.now))

    def tell(self, link: Link, text: str) -> None:
        window = next((window for window in self.windows if window.link is link), None)
        if window is not None:
            window.take(text)

    def settle(self, link: Link, *, told: bool = True) -> None:
        """Let all frames of a link go their way, in order; `told`: the replies too."""
        while link.up or link.connection.has_work or (told and link.down):
            while link.up:
                self.arrive(link, link.up.pop(0))
            if link.connection.has_work and not self.deal(link.connection):
                break
            while told and link.down:
                self.tell(link, link.down.pop(0))
        while told and link.down:
            self.tell(link, link.down.pop(0))

    # --- the server ---

    def busy(self) -> list[PureConnection]:
        """The connections that have something to do."""
        return [each for node in self.nodes for each in node.connections.values() if each.has_work]

    def deal(
        self, connection: PureConnection, fate: Fate = Fate.STORED, meanwhile: Callable[[], None] | None = None
    ) -> bool:
        """Let a connection deal with its next happening; false once it is at its end."""
        node = next(node for node in self.nodes if connection.state.connection_id in node.connections)
        doing = self._about(connection)
        heard = connection.is_open
        self.ledger.fate, self.ledger.meanwhile = fate, meanwhile
        self.doing.append(doing)
        self.is_broken = True
        try:
            goes_on = connection.step()
        except NodeDied:
            goes_on = heard = False
            node.die()
        finally:
            self.doing.pop()
            self.ledger.fate, self.ledger.meanwhile = Fate.STORED, None
        said, connection.wire.said = connection.wire.said, []
        link = next((link for link in self.links if link.connection is connection), None)
        if link is not None:
            link.down += said
        if heard:
            self.check_said(doing, [json.loads(text) for text in said])
        if not goes_on:
            node.connections.pop(connection.state.connection_id, None)
        self.is_broken = False
        return goes_on

    def _about(self, connection: PureConnection) -> Doing:
        frame = connection.next_frame()
        if frame is None:
            return Doing(self.now, connection)
        message = json.loads(frame.text)
        arrival = (frame.arrived_at - START) // MICROSECOND
        return Doing(arrival, connection, message["type"], message["id"], message.get("data", {}))

    # --- what the log may take, at each commit ---

    def committed(self, event: SealedEvent) -> None:
        before, body = self.states[-1], optional_body(event)
        state = clone(before)
        state.apply(event)
        self.states.append(state)
        if not self.doing:
            return
        doing = self.doing[-1]
        if isinstance(body, Attached):
            self._attached(doing, body, event)
            return
        if doing.connection is not None and not before.is_over:
            assert doing.connection.state.connection_id == self.holder, "P20: an older attachment has written"
        match body:
            case Detached(attachment):
                assert attachment == self.newest, "P20: somebody else was detached"
                self.is_held = False
            case Answered() | LateAnswered():
                self._answered(doing, body, event)
            case Presented(position):
                assert self.oracle.may_move(position, doing.at)
                self.oracle.position = position
            case Paused() | Unpaused() | Extended():
                self._time(doing, body)
            case Finalized():
                self._finalized(doing, body, before)
            case Voided():
                self.plain.void(doing.at)
            case _:
                pass

    def _attached(self, doing: Doing, body: Attached, event: SealedEvent) -> None:
        assert not self.plain.is_over, "P14: somebody attached behind the end"
        known = doing.data.get("attachment")
        may_return = known == self.newest or body.window_id == self.holder_window or body.connection_id == self.holder
        assert known is None or not self.newest or may_return, "P20: an older window came back by itself"
        assert body.how == ("start" if not self.newest else "takeover" if self.is_held else "resume")
        self.newest, self.holder, self.is_held = event.seq, body.connection_id, True
        self.holder_window = body.window_id or ""

    def _answered(self, doing: Doing, body: Answered | LateAnswered, event: SealedEvent) -> None:
        assert body.arrived_at == at(doing.at), "P15: something else than the arrival decided"
        before = dict(self.oracle.current)
        doing.expected = self.oracle.expect(doing.answers, doing.at, event.seq)
        kept = [verdict for verdict in doing.expected if verdict not in (Verdict.DUPLICATE, Verdict.REFUSED)]
        assert [record.verdict for record in body.answers] == kept
        self._check_order(before)

    def _check_order(self, before: dict[str, Version]) -> None:
        """P5, seen from the devices: what replaces a stored version was typed by somebody who knew that version."""
        for question_id, new in self.oracle.current.items():
            old = before.get(question_id)
            new_pair, old_pair = pair_of(new), old and pair_of(old)
            if new_pair and old_pair and new_pair != old_pair:
                assert old_pair in self.past[new_pair], "P5: an answer was replaced by one that did not know of it"
                assert new_pair not in self.past[old_pair], "P5: an answer was replaced by an older one"

    def _time(self, doing: Doing, body: Paused | Unpaused | Extended) -> None:
        plain = self.plain
        if isinstance(body, Paused):
            assert plain.stop(doing.at, is_break=body.kind is PauseKind.BREAK), "P17: the clock was stopped"
            assert plain.lasting is not None
            assert (body.paused_at, body.until) == (at(plain.lasting.begin), at(plain.lasting.longest))
        elif isinstance(body, Extended):
            assert plain.give(body.seconds), "P17: time was given"
        elif body.by is None:
            assert plain.lasting is not None
            assert body.resumed_at == at(plain.lasting.longest) <= at(doing.at)
            plain.run_out(plain.lasting.longest)
        else:
            assert plain.go_on(doing.at, by_candidate=doing.connection is not None)
            assert body.resumed_at == at(plain.stops[-1].until)

    def _finalized(self, doing: Doing, body: Finalized, before: AssessmentState) -> None:
        assert not before.is_over, "P12: it ended twice"
        plain = self.plain
        ends = {
            EndReason.SUBMITTED: lambda: plain.finish(doing.at),
            EndReason.ENDED_BY_INVIGILATOR: lambda: plain.end_now(doing.at),
            EndReason.TIMEOUT: lambda: plain.sweep(doing.at) == "timeout",
        }
        assert ends[body.reason](), "P14: it must not end now"
        assert plain.end is not None
        assert (body.end_time, body.total_score) == (at(plain.end), self.oracle.score())

    # --- what a client may be told ---

    def check_said(self, doing: Doing, messages: Sequence[dict[str, Any]]) -> None:
        direct = [message for message in messages if doing.id is not None and message.get("reply_to") == doing.id]
        assert doing.id is None or len(direct) == 1, "P14: silence, or two replies"
        for message in messages:
            self._check_facts(doing, message)
        if not direct:
            return
        data, code = direct[0]["data"], direct[0]["data"].get("code")
        if code == "attachment_stale":
            self._check_stale(doing)
        if code == "assessment_not_found":
            assert doing.connection is not None
            assert doing.connection.live is None
        if not doing.answers or code in NOT_DECIDED:
            return
        if doing.expected is None:  # nothing was stored: then all is known already, or refused
            doing.expected = self.oracle.expect(doing.answers, doing.at, -1)
            assert not {"saved", "superseded", "late"} & set(doing.expected), (
                "P14: an answer is neither kept nor refused"
            )
        if doing.type == "submit_answer":
            kind = KINDS.get(code or direct[0]["type"], "refused")
            self._check_outcome(doing.answers[0], doing.expected[0], kind, data)
        else:
            for answer, expected, told in zip(doing.answers, doing.expected, data["acknowledged"], strict=True):
                assert (told["outcome"] == "duplicate") <= (expected == "duplicate")
                kind = "saved" if told["outcome"] == "duplicate" else told["outcome"]
                self._check_outcome(answer, expected, kind, told)

    def _check_outcome(self, answer: Answer, expected: str, kind: str, told: dict[str, Any]) -> None:
        first = expected
        if expected == "duplicate":
            assert answer.pair is not None
            first = self.oracle.said[answer.pair]
        assert kind == first, f"the candidate was told {kind} of what is {expected}, {first}"
        if kind == "saved":
            self._check_ack(answer, (told["seq"], told["saved_at"], told["digest"]))

    def _check_ack(self, answer: Answer, ack: tuple[int, str, str]) -> None:
        seq, saved_at, digest = ack
        assert seq <= len(self.ledger.events), "P7: an ack of something that is not stored"
        event = self.ledger.events[seq - 1]
        assert (event.hash.hex(), event.occurred_at) == (digest, datetime.fromisoformat(saved_at))
        said = (answer.question_id, answer.selected_option, answer.client_id, answer.client_seq)
        assert (*said, Verdict.SAVED) in held(event), "P7: an ack names another entry than the answer's"
        if answer.pair is not None:
            assert self.acks.setdefault(answer.pair, ack) == ack, "P6: k equal acks"

    def _check_stale(self, doing: Doing) -> None:
        assert doing.connection is not None
        claim = doing.type == "resume_assessment"
        assert claim or self.plain.is_over or doing.connection.state.connection_id != self.holder, "P20: who holds it"

    def _check_facts(self, doing: Doing, message: dict[str, Any]) -> None:
        """What stands in a message of the time, the whole and the end is so."""
        type_, data, connection = message["type"], message["data"], doing.connection
        assert connection is not None
        live = connection.live
        is_fresh = live is not None and live.state.seq == len(self.ledger.events)
        if "remaining_seconds" in data and is_fresh and not self.plain.is_over:
            left = self.plain.remaining(self.now)
            assert data["remaining_seconds"] == (None if left is None else round(left / SECOND, 3)), "P17"
        if type_ == "assessment_recovered":
            fresh = encode(recovered_message(self.live(self.states[-1]), at(self.now)), message.get("reply_to"))
            told = message | {"data": data | {"acknowledged": []}}
            assert told == json.loads(fresh), "P4: the snapshot is not the fold of all that is stored"
        if type_ == "assessment_completed":
            assert self.plain.end is not None, "P12: an end was told that is not stored"
        if type_ == "question" and self.oracle.is_linear and is_fresh:
            assert data["position"] == self.oracle.position >= self.shown, (
                "P10: a question that was left is shown again"
            )
            self.shown = data["position"]


def pair_of(version: Version) -> Pair | None:
    return None if version.client is None or version.number is None else (version.client, version.number)


def held(event: SealedEvent) -> list[tuple[Any, ...]]:
    """The answers in the payload of an entry: question, option, pair and verdict."""
    answers = msgspec.json.decode(event.payload or b"{}").get("answers", ())
    names = ("question_id", "selected_option", "client_id", "client_seq", "verdict")
    return [tuple(answer[name] for name in names) for answer in answers]
