"""A candidate's browser as clients/js behaves: a durable outbox per installation, windows that share its counter."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sitting.domain.response import Answer
from tests.support.pure_delivery import PureConnection

WINDOW = 16
ASK_AGAIN = {"paused", "unavailable", "rate_limited"}
FINAL = {"completed", "timeout", "voided"}


@dataclass
class Installation:
    """What the disk keeps: identity, counter, the newest undecided answer and the known version of each question."""

    client_id: str
    counter: int = 0
    pending: dict[str, Answer] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def put(self, question_id: str, option: str | None) -> Answer:
        self.counter += 1
        item = Answer(question_id, option, self.client_id, self.counter, self.versions.get(question_id, 0))
        self.pending[question_id] = item
        return item

    def settle(self, item: Answer, seq: int | None = None) -> None:
        if self.pending.get(item.question_id) == item:
            del self.pending[item.question_id]
        if seq is not None:
            self.learn(item.question_id, seq)

    def learn(self, question_id: str, seq: int) -> None:
        self.versions[question_id] = max(seq, self.versions.get(question_id, 0))


@dataclass
class Link:
    """One socket, seen from both ends.

    Attributes:
        up, down: frames on their way. is_plain: nothing of what came down was lost, and nothing went up beside the
            outbox, so the window knows all that was said to it.
    """

    connection: PureConnection
    up: list[str] = field(default_factory=list)
    down: list[str] = field(default_factory=list)
    is_plain: bool = True


@dataclass
class Entry:
    """What a window knows of one question: option and seq of the stored version, what is typed behind it."""

    stored: tuple[str | None, int] | None = None
    typed: Answer | None = None
    is_refused: bool = False

    @property
    def status(self) -> str:
        if self.typed is not None:
            return "pending"
        return "refused" if self.is_refused else "saved" if self.stored is not None else "none"


@dataclass
class Window:
    """One page.

    Attributes:
        known: the newest attachment that it knows; 0: it asked and never heard; None: the candidate wants
            to go on here.
        is_replaced: it was told that another window has the test, and does not come back by itself.
        is_live: the link's snapshot is here, so answers may be sent.
    """

    window_id: str
    disk: Installation
    known: int | None = None
    link: Link | None = None
    is_live: bool = False
    is_replaced: bool = False
    is_over: bool = False
    book: dict[str, Entry] = field(default_factory=dict)
    waiting: dict[str, Answer] = field(default_factory=dict)
    in_flight: dict[str, Answer] = field(default_factory=dict)
    head: tuple[Answer, ...] = ()
    requests: int = 0
    resume_id: str = ""

    def entry(self, question_id: str) -> Entry:
        return self.book.setdefault(question_id, Entry())

    # --- what the candidate does ---

    def type(self, question_id: str, option: str | None) -> Answer:
        item = self.disk.put(question_id, option)
        entry = self.entry(question_id)
        entry.typed, entry.is_refused = item, False
        self._offer(item)
        self.pump()
        return item

    def dial(self, link: Link, *, wish: bool) -> None:
        """Open another socket and ask for the assessment: as the candidate's wish, or by itself."""
        self.hang_up()
        if wish:
            self.known, self.is_replaced = None, False
        self.link = link
        items = sorted(self.disk.pending.values(), key=lambda item: item.client_seq or 0)
        self.head = tuple(items)
        claim = {} if self.known is None else {"attachment": self.known}
        data = {"assessment_id": 42, "pending": [wire_answer(item) for item in items], "window_id": self.window_id}
        self.resume_id = self.send("resume_assessment", {**data, **claim})

    def hang_up(self) -> None:
        """The socket is gone, as this side sees it."""
        if self.link is not None and not self.is_live and self.known is None:
            self.known = 0  # the wish may have been heard
        lost = list(self.in_flight.values())
        self.link, self.is_live, self.in_flight = None, False, {}
        for item in lost:
            self._take_back(item)

    def reload(self) -> None:
        """The page is loaded anew: the disk stays, and, in the tab's own storage, what it knew of its attachment."""
        self.hang_up()
        self.book, self.waiting, self.head, self.is_over = {}, {}, (), False

    def send(self, type_: str, data: dict[str, Any]) -> str:
        """Send a frame over the link; returns its id."""
        assert self.link is not None
        self.requests += 1
        id_ = f"{self.window_id}-{self.requests}"
        self.link.up.append(json.dumps({"type": type_, "id": id_, "data": data}))
        return id_

    # --- the outbox ---

    def pump(self) -> None:
        while self.is_live and self.waiting and len(self.in_flight) < WINDOW:
            item = self.waiting.pop(next(iter(self.waiting)))
            self.in_flight[self.send("submit_answer", wire_answer(item))] = item

    def _offer(self, item: Answer) -> None:
        if item in self.in_flight.values() or self._is_overtaken(item):
            return
        self.waiting.pop(item.question_id, None)
        self.waiting[item.question_id] = item

    def _take_back(self, item: Answer) -> None:
        if not self._is_overtaken(item):
            self.waiting[item.question_id] = item

    def _is_overtaken(self, item: Answer) -> bool:
        rivals = [self.waiting.get(item.question_id), *self.in_flight.values()]
        return any(
            r and r.question_id == item.question_id and (r.client_seq or 0) > (item.client_seq or 0) for r in rivals
        )

    # --- what the server says ---

    def take(self, text: str) -> None:
        message = json.loads(text)
        id_, data = message.get("reply_to"), message["data"]
        if message["type"] == "assessment_recovered" and id_ == self.resume_id and not self.is_live:
            self._recovered(data)
        elif message["type"] == "error":
            self._refused(id_, data)
        elif message["type"] == "answer_saved" and id_ in self.in_flight:
            self._saved(self.in_flight.pop(id_), data["seq"])
        elif message["type"] == "assessment_completed":
            self.is_over = True
        self.pump()

    def _recovered(self, data: dict[str, Any]) -> None:
        self.known, self.is_over = data["attachment"], data["status"] in FINAL
        for response in data["responses"]:
            self.disk.learn(response["question_id"], response["seq"])
            self.entry(response["question_id"]).stored = (response["selected_option"], response["seq"])
        for item in self.disk.pending.values():
            self._restore(item)
        for verdict in data["acknowledged"]:
            item = next(item for item in self.head if item.pair == (verdict["client_id"], verdict["client_seq"]))
            if verdict["outcome"] in ("saved", "duplicate"):
                self._saved(item, verdict["seq"])
            elif verdict["code"] not in ASK_AGAIN:
                self._not_taken(item)
            else:
                continue
            if self.waiting.get(item.question_id) == item:
                del self.waiting[item.question_id]
        self.is_live = True
        for item in sorted(self.disk.pending.values(), key=lambda item: item.client_seq or 0):
            self._restore(item)
            self._offer(item)

    def _restore(self, item: Answer) -> None:
        entry = self.entry(item.question_id)
        entry.typed = entry.typed or item

    def _refused(self, id_: str | None, data: dict[str, Any]) -> None:
        if data["code"] == "attachment_stale":
            self.is_replaced = True
            self.hang_up()
        elif id_ in self.in_flight:
            item = self.in_flight.pop(id_)
            if data["code"] in ASK_AGAIN or data["retryable"]:
                self._take_back(item)
            else:
                self._not_taken(item)

    def _saved(self, item: Answer, seq: int) -> None:
        self.disk.settle(item, seq)
        entry = self.entry(item.question_id)
        if entry.stored is None or entry.stored[1] <= seq:
            entry.stored = (item.selected_option, seq)
        if entry.typed == item:
            entry.typed = None

    def _not_taken(self, item: Answer) -> None:
        self.disk.settle(item)
        entry = self.entry(item.question_id)
        if entry.typed == item:
            entry.typed, entry.is_refused = None, True


def wire_answer(item: Answer) -> dict[str, Any]:
    """The data of `submit_answer`."""
    said = {"question_id": item.question_id, "selected_option": item.selected_option}
    numbers = {"client_id": item.client_id, "client_seq": item.client_seq, "base_seq": item.base_seq}
    return said | {name: value for name, value in numbers.items() if value is not None}


def as_answer(data: dict[str, Any]) -> Answer:
    """What `wire_answer` was made of."""
    return Answer(**data)
