"""One synthetic candidate: speaks as an honest client does, and keeps what was not acknowledged."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2

from sitting.rehearsal.history import History, Operation
from sitting.rehearsal.line import Denied, Line, Lost
from sitting.rehearsal.measures import SHED, Measures
from sitting.rehearsal.plan import GRACE, Plan
from sitting.rehearsal.rest import Refused, Rest
from sitting.rehearsal.stored import Question, Staged
from sitting.rehearsal.tasks import end_all

FINAL = frozenset({"1003", "1009", "4001", "4003", "4004", "4009"})
COUNT_FROM = {"1012": 2, "1013": 4}  # where the backoff begins after these
UNCERTAIN = frozenset({"unavailable", "internal_error"})
TIME_IS_UP = frozenset({"deadline_passed", "assessment_over"})
SHARE_RIGHT = 0.6
STORM_BEGINS = 5.0  # seconds before the deadline
STORM_THINK = 1.0  # seconds between answers there, at most


class GaveUp(Exception):
    """The candidate cannot go on."""


@dataclass(frozen=True, slots=True)
class Venue:
    """What all candidates share."""

    rest: Rest
    socket_url: str
    plan: Plan
    run: str
    history: History
    measures: Measures
    questions: Sequence[Question]


@dataclass(slots=True)
class Sheet:
    """One assessment, as its candidate knows it; `deadline` is on the event loop's clock."""

    staged: Staged
    assessment_id: int | None = None
    attachment: int = 0
    tried: bool = False
    deadline: float | None = None
    seqs: dict[str, int] = field(default_factory=dict)
    pending: dict[int, dict[str, Any]] = field(default_factory=dict)
    time_is_up: bool = False
    is_over: bool = False


class Candidate:
    """Takes one Test after the other, over one socket at a time."""

    def __init__(self, number: int, user_id: int, session: str, venue: Venue) -> None:
        self.number = number
        self.user_id = user_id
        self.gone: str | None = None  # why the candidate gave up
        self._session = session
        self._venue = venue
        self._random = random.Random(f"{venue.plan.seed}/{number}")  # noqa: S311  to be repeated
        self._choices = self._random  # apart from all that depends on the clock, and anew for each Test
        self._name = f"{venue.run}-{number}"
        self._client_seq = 0
        self._failures = 0
        self._troubled_since: float | None = None
        self._line: Line | None = None
        self._sheet: Sheet | None = None

    # Ways in

    async def start(self, staged: Staged) -> None:
        """Start, however often the server asks to come back later.

        Raises:
            GaveUp: it refuses, or nobody answers for too long.
        """
        self._sheet = sheet = Sheet(staged)
        self._choices = random.Random(f"{self._venue.plan.seed}/{self.number}/{staged.name}")  # noqa: S311  to be repeated
        seat = self._invoke("seat")
        try:
            while sheet.assessment_id is None:
                await self._try_to_start(sheet)
        except GaveUp as reason:
            seat.failed(str(reason))
            raise
        seat.ok()

    async def _try_to_start(self, sheet: Sheet) -> None:
        line = await self._connected()
        claim = {"window_id": self._name} | ({"attachment": 0} if sheet.tried else {})
        start = self._invoke("start")
        try:
            data = await self._ask(line, "start_assessment", {"test_id": sheet.staged.test_id, **claim}, start)
        except Denied as denied:
            await self._wait_after(denied, start, shed=True)
        except Lost:
            sheet.tried = True
        else:
            start.ok(assessment_id=data["assessment_id"], attachment=data["attachment"], recovered=data["recovered"])
            self._take(data)

    async def _back(self) -> None:
        """Go on with what is open, with whatever was not acknowledged.

        Raises:
            GaveUp: another window has it, or nobody answers for too long.
        """
        sheet = self._open_sheet()
        while not sheet.is_over:
            line = await self._connected()
            resume = self._invoke("resume", attachment=sheet.attachment)
            sent = {n: self._invoke_answer(body) for n, body in sheet.pending.items()}
            data = {
                "assessment_id": sheet.assessment_id,
                "window_id": self._name,
                "attachment": sheet.attachment,
                "pending": list(sheet.pending.values()),
            }
            try:
                snapshot = await self._ask(line, "resume_assessment", data, resume, *sent.values())
            except Denied as denied:
                await self._wait_after(denied, resume, *sent.values())
            except Lost:
                continue
            else:
                resume.ok(attachment=snapshot["attachment"], status=snapshot["status"])
                self._take(snapshot, sent)
                return

    async def _connected(self) -> Line:
        """The open socket, or a new one.

        Raises:
            GaveUp: nothing has come of anything for as long as the plan is patient.
        """
        while self._line is None or self._line.code is not None:
            self._lose_patience("the server could not be reached")
            if self._failures:
                await asyncio.sleep(self._random.uniform(0, 0.5 * 2 ** min(self._failures - 1, 6)))
            self._failures += 1
            await self._connect()
        return self._line

    async def _connect(self) -> None:
        connect = self._invoke("connect")
        venue = self._venue
        try:
            ticket = await venue.rest.ticket(self._session)
            address = f"{venue.socket_url}?ticket={ticket}"
            self._line = await Line.open(address, self._pushed, self._closed, within=venue.plan.timeout)
        except Refused as refused:
            connect.failed(f"no ticket: {refused.status}")
        except httpx2.HTTPError:
            connect.failed("no answer to the request for a ticket")
        except Lost as lost:
            connect.failed(lost.code)
        else:
            venue.measures.socket_opened()
            connect.ok()

    # What a candidate does

    async def work(self, until: float) -> None:
        """Think, read, answer, until that time of the event loop."""
        think = self._venue.plan.think
        await self._pause(min(self._random.uniform(0, think), until - self._now()))
        while self._now() < until and not self._open_sheet().is_over:
            question = self._pick()
            await self._read(question)
            await self._answer(question)
            await self._pause(min(self._random.uniform(0.5, 1.5) * think, max(0.0, until - self._now())))

    async def lose_connection(self) -> None:
        """Send an answer, break the connection before the acknowledgement is sure to be there, and come back."""
        if self._open_sheet().is_over:
            return
        answering = asyncio.create_task(self._answer(self._pick()))
        try:
            await asyncio.sleep(self._random.uniform(0, 0.02))
            if self._line is not None:
                self._line.cut()
                await self._line.closed()
            await answering
        finally:
            await end_all([answering])
        await self._attached()

    async def race_the_deadline(self) -> None:
        """Answer faster and faster until the deadline; half hand in then, the others let it pass."""
        sheet, plan = self._open_sheet(), self._venue.plan
        assert sheet.deadline is not None
        hands_in = self.number % 2 == 0
        storm, last = sheet.deadline - STORM_BEGINS, sheet.deadline + (0 if hands_in else GRACE + 1)
        while (now := self._now()) < last and not (sheet.is_over or sheet.time_is_up):
            if now < storm:
                await self._pause(min(self._random.uniform(0.5, 1.5) * plan.think, storm - now))
            else:
                await self._pause(self._random.uniform(0.5, 1.5) * min(plan.think, STORM_THINK))
            await self._answer(self._pick())
        if hands_in:
            await self.hand_in()
        while not sheet.is_over and self._now() < sheet.deadline + GRACE + 2 * plan.timeout:
            await self._pause(1.0)

    async def hand_in(self) -> None:
        """Hand in, unless it is over."""
        sheet = self._open_sheet()
        while not sheet.is_over:
            line = await self._attached()
            if line is None:
                return
            complete = self._invoke("complete")
            try:
                data = await self._ask(line, "complete_assessment", {}, complete)
            except Denied as denied:
                if denied.code in TIME_IS_UP:
                    complete.failed(denied.code)
                    return
                await self._wait_after(denied, complete)
            except Lost:
                continue
            else:
                complete.ok()
                self._end(data)

    async def leave(self) -> None:
        """Close the socket, if there is one."""
        line, self._line = self._line, None
        if line is not None and line.code is None:
            with suppress(Lost):
                await line.close()

    async def _read(self, question: Question) -> None:
        line = await self._attached()
        if line is None:
            return
        asked = self._invoke("question")
        try:
            await self._ask(line, "get_question", {"question_id": question.question_id}, asked)
        except Denied as denied:
            asked.failed(denied.code)
        except Lost:
            return
        else:
            asked.ok()

    async def _answer(self, question: Question) -> None:
        """Answer, and send the same answer again until the server has decided about it."""
        sheet = self._open_sheet()
        self._client_seq += 1
        number = self._client_seq
        sheet.pending[number] = body = {
            "question_id": question.question_id,
            question.field: self._choose(question),
            "client_id": self._name,
            "client_seq": number,
            "base_seq": sheet.seqs.get(question.question_id, 0),
        }
        while number in sheet.pending and not sheet.is_over:
            line = await self._attached()
            if line is not None and number in sheet.pending:
                await self._submit(line, body)

    async def _submit(self, line: Line, body: dict[str, Any]) -> None:
        answer = self._invoke_answer(body)
        try:
            data = await self._ask(line, "submit_answer", body, answer)
        except Denied as denied:
            if denied.retryable:
                await self._wait_after(denied, answer)
            else:
                self._decide(body, answer, denied.code, None)
        except Lost:
            return
        else:
            self._fare_well()
            self._decide(body, answer, None, data["seq"])

    def _pick(self) -> Question:
        return self._choices.choice(self._venue.questions)

    def _choose(self, question: Question) -> str:
        if self._choices.random() < SHARE_RIGHT:
            return question.right
        return self._choices.choice(question.choices[1:])

    async def _pause(self, seconds: float) -> None:
        """Let so much time pass; if the connection is lost meanwhile, come back at once."""
        until = self._now() + seconds
        while (left := until - self._now()) > 0 and not self._open_sheet().is_over:
            line = await self._attached()
            if line is None:
                return
            try:
                await asyncio.wait_for(line.closed(), left)
            except TimeoutError:
                return

    async def _attached(self) -> Line | None:
        """The socket on which the assessment is open; None once it is over."""
        if self._line is not None and self._line.code is not None:
            self._lost(self._line.code)
        if self._line is None:
            await self._back()
        return None if self._open_sheet().is_over else self._line

    # What the server says

    async def _ask(self, line: Line, type_: str, data: dict[str, Any], *operations: Operation) -> dict[str, Any]:
        """Ask; if there is no reply, the operations are unknown and the connection is given up.

        Raises:
            Denied, Lost, GaveUp
        """
        try:
            return await line.ask(type_, data, within=self._venue.plan.timeout)
        except Lost as lost:
            for operation in operations:
                operation.unknown(lost.code)
            if line.code is None:
                line.cut()
                await line.closed()
            self._lost(lost.code)
            raise

    def _lost(self, code: str) -> None:
        """Note how soon to come back.

        Raises:
            GaveUp: not at all.
        """
        self._line = None
        if code in FINAL:
            raise GaveUp(f"closed with {code}")
        self._failures = max(self._failures, COUNT_FROM.get(code, 0) + 1)

    async def _wait_after(self, denied: Denied, *operations: Operation, shed: bool = False) -> None:
        """Wait as long as the server asks for, or a second or so.

        Raises:
            GaveUp: it is no use to ask again.
        """
        is_shed = shed and denied.code == "unavailable" and denied.retry_after is not None
        for operation in operations:
            if denied.code in UNCERTAIN and not is_shed:
                operation.unknown(denied.code)
            else:
                operation.failed(SHED if is_shed else denied.code)
        if not denied.retryable:
            raise GaveUp(denied.code)
        self._lose_patience(f"nothing but {denied.code}")
        await asyncio.sleep(self._random.uniform(1, 2) if denied.retry_after is None else denied.retry_after)

    def _take(self, data: dict[str, Any], sent: dict[int, Operation] | None = None) -> None:
        """Learn a snapshot, and what became of the answers that were sent along."""
        sheet = self._open_sheet()
        self._fare_well()
        sheet.assessment_id, sheet.attachment = data["assessment_id"], data["attachment"]
        if data["remaining_seconds"] is not None:
            sheet.deadline = self._now() + data["remaining_seconds"]
        sheet.seqs = {stored["question_id"]: stored["seq"] for stored in data.get("responses") or ()}
        for told in data.get("acknowledged") or ():
            number = told["client_seq"]
            if sent is not None and number in sent:
                self._decide(sheet.pending[number], sent[number], told["code"], told["seq"], resumed=True)
        if data.get("results"):
            self._end(data)

    def _decide(
        self, body: dict[str, Any], answer: Operation, code: str | None, seq: int | None, *, resumed: bool = False
    ) -> None:
        sheet = self._open_sheet()
        if code in UNCERTAIN:
            answer.unknown(code or "")
            return
        del sheet.pending[body["client_seq"]]
        if code is None:
            assert seq is not None
            sheet.seqs[body["question_id"]] = max(seq, sheet.seqs.get(body["question_id"], 0))
            answer.ok(seq=seq, **({"resumed": True} if resumed else {}))
        else:
            sheet.time_is_up = sheet.time_is_up or code in TIME_IS_UP
            answer.failed(code)

    def _pushed(self, type_: str, data: Any) -> None:
        if type_ == "assessment_completed":
            self._end(data)

    def _end(self, data: dict[str, Any]) -> None:
        sheet = self._open_sheet()
        if not sheet.is_over:
            sheet.is_over = True
            self._invoke("end").ok(results=data["results"], reason=data["reason"])

    def _closed(self, code: str | None) -> None:
        self._venue.measures.socket_closed(code)

    # Small things

    def _fare_well(self) -> None:
        self._failures, self._troubled_since = 0, None

    def _lose_patience(self, why: str) -> None:
        """Note that something did not go well.

        Raises:
            GaveUp: nothing has, for as long as the plan is patient.
        """
        if self._troubled_since is None:
            self._troubled_since = self._now()
        if self._now() > self._troubled_since + self._venue.plan.patience:
            raise GaveUp(why)

    def _invoke(self, kind: str, **data: Any) -> Operation:
        return self._venue.history.invoke(kind, self.number, self._open_sheet().staged.name, **data)

    def _invoke_answer(self, body: dict[str, Any]) -> Operation:
        given = body.get("selected_option", body.get("value"))
        number, question_id = body["client_seq"], body["question_id"]
        return self._invoke("answer", question_id=question_id, given=given, client_seq=number)

    def _open_sheet(self) -> Sheet:
        assert self._sheet is not None, "nothing was started"
        return self._sheet

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
