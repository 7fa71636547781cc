"""Synthetic candidates: each takes a Test on one device or several, over any node, as a proper client does."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.faults.nemesis.checker import LOST, WRONG_ACK, given_of
from tests.faults.nemesis.history import History
from tests.faults.nemesis.places import Places
from tests.faults.nemesis.setup import Asked, Exam, Person

MAX_IN_FLIGHT = 8
MAX_PENDING = 40
REPLY_SECONDS = 10.0  # then the link counts as lost
ATTACH_SECONDS = 20.0
BACKOFF, LONGEST_BACKOFF = 0.2, 4.0  # seconds; doubled each time
REPLACED, OVER = 4009, 4010
LOST_LINK = (OSError, TimeoutError, WebSocketException, EOFError, asyncio.IncompleteReadError)
LEAVES_IT_OPEN = ("unavailable", "internal_error")
COMES_AGAIN = (*LEAVES_IT_OPEN, "paused", "rate_limited", "assessment_not_found", "conflict")
NOT_HERE = ("test_not_open", "attempts_exhausted", "assessment_over", "application_not_found", "not_allowed")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_devices = itertools.count(1)


@dataclass(frozen=True)
class Habits:
    """How candidates behave; each share is of one step.

    Attributes:
        think: seconds between two answers, on average.
    """

    think: float = 0.5
    clears: float = 0.05
    leaves: float = 0.01
    takes_over: float = 0.006
    repeats: float = 0.02
    repeats_stored: float = 0.02
    changes_stored: float = 0.004
    hands_in: float = 0.012
    asks: float = 0.03


@dataclass
class Hall:
    """What all candidates share.

    Attributes:
        running: by assessment_id, whose end nobody has seen yet.
        gaps: how long a device was cut off. waits: from an answer's first sending to its acknowledgement. In seconds.
    """

    places: Places
    history: History
    exam: Exam
    habits: Habits
    chance: random.Random
    running: dict[int, Sitting] = field(default_factory=dict)
    gaps: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)


@dataclass
class Sent:
    """An answer that is not acknowledged yet. `number` is of the operation under way, 0 while none is."""

    data: dict[str, Any]
    first_at: float
    number: int = 0
    sent_at: float = 0
    again_at: float = 0


class Sitting:
    """One assessment of one person, on however many devices.

    Attributes:
        known: by question_id the newest entry that was acknowledged.
        stored: answers that were acknowledged, to be sent again.
    """

    def __init__(self, hall: Hall, person: Person) -> None:
        self.hall, self.person = hall, person
        self.assessment_id = 0
        self.is_over = False
        self.is_refused = False
        self.known: dict[str, int] = {}
        self.stored: list[dict[str, Any]] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.devices: list[Device] = []

    async def run(self) -> None:
        """Until it is over, or refused."""
        self.join()
        try:
            while self.tasks:
                done, _ = await asyncio.wait(set(self.tasks), return_when=asyncio.FIRST_COMPLETED)
                self.tasks -= done  # others may have joined
                for task in done:
                    task.result()
        finally:
            for task in self.tasks:
                task.cancel()
            self.hall.running.pop(self.assessment_id, None)

    def join(self, node: int | None = None) -> None:
        """One more device, which takes over if another one is at work; `node` is the first that it tries."""
        if len(self.devices) < 4 and not self.is_over:
            device = Device(self, node)
            self.devices.append(device)
            self.tasks.add(asyncio.create_task(device.run()))

    def begun(self, assessment_id: int) -> bool:
        """The server named the assessment; another one than before is the next attempt, so that this one was over."""
        self.is_over |= self.assessment_id not in (0, assessment_id)
        if not self.is_over:
            self.assessment_id = assessment_id
            self.hall.running[assessment_id] = self
        return not self.is_over


class Device:
    """One installation of a client: a counter, what is not acknowledged, and one socket at a time."""

    def __init__(self, sitting: Sitting, node: int | None) -> None:
        self.sitting, self.hall = sitting, sitting.hall
        self.client_id = f"d{next(_devices)}"
        self.node = node
        self.attachment: int | None = None
        self.is_replaced = False
        self.is_paused = False
        self.pending: dict[int, Sent] = {}
        self._counter = 0
        self._finish = 0
        self._socket: ClientConnection
        self._cut_off_at: float | None = None
        self._ends_at: float | None = None
        self._backoff = BACKOFF

    async def run(self) -> None:
        """Connect, work, and come back for as long as there is something to come back to."""
        chance = self.hall.chance
        while not (self.sitting.is_over or self.is_replaced):
            if self.node is None:
                self.node = chance.randrange(len(self.hall.places.nodes))
            try:
                await self._once()
            except LOST_LINK as fault:
                code = fault.rcvd.code if isinstance(fault, ConnectionClosed) and fault.rcvd is not None else 0
                self.is_replaced |= code == REPLACED
                self.sitting.is_over |= code == OVER
            finally:
                self._forget_what_is_under_way()
            self.node = None
            self._cut_off_at = self._cut_off_at or time.monotonic()
            await asyncio.sleep(chance.uniform(0.2, 1) * self._backoff)
            self._backoff = min(2 * self._backoff, LONGEST_BACKOFF)

    def _forget_what_is_under_way(self) -> None:
        for sent in self.pending.values():
            self.hall.history.ended(sent.number, "unknown")
            sent.number = 0
        self.hall.history.ended(self._finish, "unknown")

    async def _once(self) -> None:
        person, node = self.sitting.person, self.hall.places.nodes[self.node or 0]
        address = f"{node.client_url}?token={person.token}&test_id={person.test_id}"
        options: dict[str, Any] = {"subprotocols": ["sitting.v1"], "compression": None, "proxy": None}
        async with connect(address, open_timeout=10, close_timeout=0.5, ping_interval=None, **options) as socket:
            self._socket = socket
            if await self._attach():
                self._backoff = BACKOFF
                if self._cut_off_at is not None:
                    self.hall.gaps.append(time.monotonic() - self._cut_off_at)
                    self._cut_off_at = None
                await self._work()

    # --- attaching ---

    async def _attach(self) -> bool:
        """Start, or go on; whether there is something to go on with."""
        sitting, history = self.sitting, self.hall.history
        claim = {"window_id": self.client_id} | ({} if self.attachment is None else {"attachment": self.attachment})
        known = dict(sitting.known)
        if sitting.assessment_id == 0 or (self.attachment is None and self.hall.chance.random() < 0.5):
            number = history.invoked("start", user=sitting.person.user_id, test=sitting.person.test_id)
            message = {"type": "start_assessment", "data": {"test_id": sitting.person.test_id, **claim}}
            offered: list[Sent] = []
        else:
            number = history.invoked("resume", assessment=sitting.assessment_id)
            offered = list(self.pending.values())[:MAX_PENDING]
            for sent in offered:
                self._begin(sent)
            pending = [sent.data for sent in offered]
            data = {"assessment_id": sitting.assessment_id, "pending": pending, **claim}
            message = {"type": "resume_assessment", "data": data}
        try:
            await self._send(message | {"id": "attach"})
            said = await self._reply()
        except LOST_LINK:
            history.ended(number, "unknown")
            raise
        return self._attached(said, number, offered, known)

    async def _reply(self) -> dict[str, Any]:
        async with asyncio.timeout(ATTACH_SECONDS):
            while True:
                said = _decode(await self._socket.recv())
                if said["type"] in ("assessment_started", "assessment_recovered"):
                    return said
                if said["type"] == "error" and said.get("reply_to") in ("attach", None):
                    return said

    def _attached(self, said: dict[str, Any], number: int, offered: list[Sent], known: Mapping[str, int]) -> bool:
        data = said["data"]
        if said["type"] == "error":
            code = data["code"]
            self.hall.history.ended(number, "unknown" if code in LEAVES_IT_OPEN else "failed", code=code)
            self.is_replaced |= code == "attachment_stale"
            if code in NOT_HERE:
                self.sitting.is_over = self.sitting.is_refused = True
            return False
        if not self.sitting.begun(data["assessment_id"]):
            self.hall.history.ended(number, "ok", assessment=data["assessment_id"])
            return False
        self.attachment = data["attachment"]
        if "responses" in data:
            self._look_at_snapshot(data, known)
        for sent, acknowledged in zip(offered, data.get("acknowledged", ()), strict=True):
            self._heard_of(sent, acknowledged)
        self.hall.history.ended(number, "ok", assessment=data["assessment_id"])
        self.is_paused = data.get("status") == "paused"
        self._hear_time(data)
        self.sitting.is_over |= data.get("status") in ("completed", "timeout", "voided")
        return not self.sitting.is_over

    def _look_at_snapshot(self, data: Mapping[str, Any], known: Mapping[str, int]) -> None:
        """Whoever comes back finds all that was acknowledged before they asked."""
        there = {each["question_id"]: each["seq"] for each in data["responses"]}
        for question, entry in known.items():
            if there.get(question, 0) < entry:
                what = f"assessment {data['assessment_id']}: {question} is at {there.get(question)}, {entry} was acked"
                self.hall.history.finding(LOST, what)
        self.sitting.known |= {question: max(seq, known.get(question, 0)) for question, seq in there.items()}

    def _heard_of(self, sent: Sent, acknowledged: Mapping[str, Any]) -> None:
        if acknowledged["outcome"] in ("saved", "duplicate") and acknowledged["seq"] is not None:
            self._acked(sent, acknowledged)
        elif acknowledged["outcome"] == "duplicate":
            sent.number = 0  # of one in the same list
        else:
            self._refused(sent, acknowledged.get("code") or acknowledged["outcome"])

    # --- at work ---

    async def _work(self) -> None:
        """Read and answer until one of both is over."""
        reading, writing = asyncio.ensure_future(self._read()), asyncio.ensure_future(self._write())
        try:
            done, _ = await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            reading.cancel()
            writing.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)

    async def _read(self) -> None:
        while not self.sitting.is_over:
            said = _decode(await self._socket.recv())
            type_, data = said["type"], said["data"]
            if type_ == "answer_saved":
                sent = self.pending.get(data["client_seq"]) if data["client_id"] == self.client_id else None
                if sent is not None and sent.number:
                    self._acked(sent, data)
                else:
                    self._acked_again(data)
            elif type_ == "error":
                self._heard_error(said.get("reply_to") or "", data["code"])
            elif type_ == "assessment_completed":
                self.hall.history.ended(self._finish, "ok")
                self.sitting.is_over = True
            elif type_ in ("paused", "unpaused"):
                self.is_paused = type_ == "paused"
            elif type_ == "deadline_changed":
                self._hear_time(data)

    def _hear_time(self, data: Mapping[str, Any]) -> None:
        left = data["remaining_seconds"]
        self._ends_at = None if left is None else time.monotonic() + left

    async def _write(self) -> None:
        habits, chance = self.hall.habits, self.hall.chance
        while True:
            self._check_patience()
            for sent in [each for each in self.pending.values() if not each.number]:
                if time.monotonic() >= sent.again_at and self._in_flight() < MAX_IN_FLIGHT:
                    await self._submit(sent)
            roll = chance.random()
            has_room = self._in_flight() < MAX_IN_FLIGHT and len(self.pending) < MAX_PENDING
            is_quiet = self.is_paused or (self._ends_at is not None and time.monotonic() > self._ends_at)
            if has_room and (not is_quiet or roll < 0.05):
                await self._answer()
            await self._something_else(chance.random())
            await asyncio.sleep(chance.expovariate(1 / habits.think) if habits.think else 0)

    async def _something_else(self, roll: float) -> None:
        """What candidates do beside answering: each by its share."""
        habits = self.hall.habits
        doings = (
            (habits.leaves, self._leave),
            (habits.takes_over, self._go_elsewhere),
            (habits.repeats_stored, self._send_stored_again),
            (habits.changes_stored, self._send_other_under_a_stored_number),
            (habits.asks, self._ask),
            (habits.hands_in if len(self.sitting.known) > 3 else 0, self._hand_in),
        )
        for share, doing in doings:
            if roll < share:
                await doing()
                return
            roll -= share

    async def _answer(self) -> None:
        chance, sitting = self.hall.chance, self.sitting
        asked: Asked = chance.choice(self.hall.exam.asked)
        given = asked.answers[-1] if chance.random() < self.hall.habits.clears else chance.choice(asked.answers)
        self._counter += 1
        data = {"question_id": asked.question_id, **given, "client_id": self.client_id, "client_seq": self._counter}
        if chance.random() < 0.9:
            data["base_seq"] = sitting.known.get(asked.question_id, 0)
        sent = self.pending[self._counter] = Sent(data, time.monotonic())
        await self._submit(sent)
        if chance.random() < self.hall.habits.repeats:
            await self._send({"type": "submit_answer", "data": data, "id": str(self._counter)})

    async def _submit(self, sent: Sent) -> None:
        self._begin(sent)
        await self._send({"type": "submit_answer", "data": sent.data, "id": str(sent.data["client_seq"])})

    def _begin(self, sent: Sent) -> None:
        data = sent.data
        facts = {"assessment": self.sitting.assessment_id, "client": self.client_id, "number": data["client_seq"]}
        facts |= {"question": data["question_id"], "given": given_of(data)}
        sent.number = self.hall.history.invoked("answer", **facts)
        sent.sent_at = time.monotonic()

    def _in_flight(self) -> int:
        return sum(1 for sent in self.pending.values() if sent.number)

    def _check_patience(self) -> None:
        if any(sent.number and time.monotonic() - sent.sent_at > REPLY_SECONDS for sent in self.pending.values()):
            raise TimeoutError

    def _acked(self, sent: Sent, said: Mapping[str, Any]) -> None:
        self.pending.pop(sent.data["client_seq"], None)
        self.hall.history.ended(sent.number, "ok", entry=said["seq"], digest=said["digest"])
        question = sent.data["question_id"]
        self.sitting.known[question] = max(said["seq"], self.sitting.known.get(question, 0))
        self.sitting.stored.append(sent.data)
        self.hall.waits.append(time.monotonic() - sent.first_at)

    def _acked_again(self, said: Mapping[str, Any]) -> None:
        seen = {"assessment": self.sitting.assessment_id, "client": said["client_id"], "number": said["client_seq"]}
        self.hall.history.again(**seen, entry=said["seq"], digest=said["digest"])

    def _heard_error(self, id_: str, code: str) -> None:
        if code == "attachment_stale":
            self.is_replaced = True
        sent = self.pending.get(int(id_)) if id_.isdecimal() else None
        if sent is not None and sent.number:
            self._refused(sent, code)
        elif id_ == "finish":
            self.hall.history.ended(self._finish, "unknown" if code in LEAVES_IT_OPEN else "failed", code=code)

    def _refused(self, sent: Sent, code: str) -> None:
        self.hall.history.ended(sent.number, "unknown" if code in LEAVES_IT_OPEN else "failed", code=code)
        sent.number = 0
        if code in COMES_AGAIN:
            sent.again_at = time.monotonic() + 0.3 + self.hall.chance.random()
        else:
            self.pending.pop(sent.data["client_seq"], None)
        if code == "client_seq_conflict":
            self.hall.history.finding(WRONG_ACK, f"{sent.data} is said to have been used before")

    # --- doings ---

    async def _leave(self) -> None:
        self._socket.transport.abort()
        raise EOFError

    async def _go_elsewhere(self) -> None:
        self.sitting.join()

    async def _ask(self) -> None:
        await self._send({"type": self.hall.chance.choice(["heartbeat", "get_progress"]), "data": {}})

    async def _send_stored_again(self) -> None:
        if self.sitting.stored:
            data = self.hall.chance.choice(self.sitting.stored)
            await self._send({"type": "submit_answer", "data": data, "id": "stored"})

    async def _send_other_under_a_stored_number(self) -> None:
        """It is refused; were it stored, the checker would find an entry that nobody sent."""
        if self.sitting.stored:
            data = self.hall.chance.choice(self.sitting.stored)
            asked = next(each for each in self.hall.exam.asked if each.question_id == data["question_id"])
            other = {name: data[name] for name in ("question_id", "client_id", "client_seq")}
            given = next(each for each in asked.answers if given_of(each) != given_of(data))
            await self._send({"type": "submit_answer", "data": {**other, **given}, "id": "other"})

    async def _hand_in(self) -> None:
        self.hall.history.ended(self._finish, "unknown")
        self._finish = self.hall.history.invoked("finish", assessment=self.sitting.assessment_id)
        await self._send({"type": "complete_assessment", "data": {}, "id": "finish"})
        await asyncio.sleep(0.5)

    async def _send(self, message: Mapping[str, Any]) -> None:
        async with asyncio.timeout(REPLY_SECONDS):
            await self._socket.send(_encode(message), text=True)
