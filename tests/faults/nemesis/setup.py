"""What staff make before and while candidates come: questions, Tests that close one after the other, invitations."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx2

from tests.faults.nemesis.history import History
from tests.faults.nemesis.places import Places, now
from tests.support.builders import make_user
from tests.support.candidates import token_for
from tests.support.storage import running_storage

QUESTIONS = 12
GRACE_SECONDS = 2
SCORING = {"pass_mark": 50_000, "negative_marking": 250}
REASON = {"reason": "A rehearsal of faults."}
UNKNOWN_STATUS = (500, 502, 503, 504)


@dataclass(frozen=True)
class Asked:
    """A question, and what may be answered to it, as fields of `submit_answer`."""

    question_id: str
    answers: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Person:
    """Somebody with an application; `closes_at` is when the Test's window ends, None if only a limit ends it."""

    user_id: int
    application_id: int
    test_id: int
    token: str
    attempts: int
    closes_at: datetime | None


@dataclass
class Exam:
    """The questions and the Tests.

    Attributes:
        waves: Tests by the end of their window. limited: a Test of one minute, with one attempt.
        key: what the author knows of each question, as second_opinion takes it.
    """

    asked: list[Asked] = field(default_factory=list)
    key: dict[str, dict[str, Any]] = field(default_factory=dict)
    waves: list[tuple[datetime, int]] = field(default_factory=list)
    limited: int = 0
    long: int = 0
    most_attempts: dict[int, int] = field(default_factory=dict)


class Staff:
    """An administrator with a client for each node, whose every request is part of the history."""

    def __init__(self, places: Places, history: History, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._clients = [
            httpx2.AsyncClient(base_url=f"{node.base_url}/api/v1", headers=headers, timeout=10, trust_env=False)
            for node in places.nodes
        ]
        self._history = history

    async def close(self) -> None:
        await asyncio.gather(*(client.aclose() for client in self._clients))

    async def ask(self, node: int, op: str, method: str, path: str, body: Any = None) -> Any:
        """What a request is answered if it succeeded, else None."""
        number = self._history.invoked(op, path=path)
        try:
            response = await self._clients[node].request(method, path, json=body)
        except httpx2.HTTPError as fault:
            self._history.ended(number, "unknown", fault=type(fault).__name__)
            return None
        if response.is_success:
            self._history.ended(number, "ok")
            return response.json() if response.content else {}
        outcome = "unknown" if response.status_code in UNKNOWN_STATUS else "failed"
        self._history.ended(number, outcome, status=response.status_code)
        return None

    async def must(self, path: str, body: Any = None) -> Any:
        """As `ask` for a POST to the first node before any fault: it has to succeed."""
        response = await self._clients[0].post(path, json=body)
        assert response.status_code == 201, response.text
        return response.json()


async def hire(places: Places, history: History) -> Staff:
    """The administrator, put into the database beside the servers."""
    async with running_storage(places.url) as storage:
        from sitting.domain.user import Role

        user = await make_user(storage, "Ada", roles=(Role.ADMIN,))
    return Staff(places, history, token_for(user.user_id))


async def make_exam(staff: Staff, seconds: float, every: float) -> Exam:
    """Questions of three kinds, and Tests whose windows end one after the other for as long as the run lasts."""
    exam = Exam()
    for number in range(QUESTIONS):
        asked, key = await _make_question(staff, number)
        exam.asked.append(asked)
        exam.key[asked.question_id] = key
    exam.limited = await _publish(staff, exam, time_limit_minutes=1, max_attempts=1)
    exam.long = await _publish(staff, exam, time_limit_minutes=120, max_attempts=1)
    first = now() + timedelta(seconds=2 * every)
    for number in range(int((seconds + 40) / every) + 1):
        closes_at = first + timedelta(seconds=number * every)
        rules = {"closes_at": closes_at.isoformat(), "max_attempts": 2, "time_limit_minutes": None}
        exam.waves.append((closes_at, await _publish(staff, exam, **rules)))
    return exam


async def _publish(staff: Staff, exam: Exam, **rules: Any) -> int:
    questions = [{"question_id": asked.question_id} for asked in exam.asked]
    draft = {
        "name": "Under faults",
        "sections": [{"questions": questions}],
        "grace_seconds": GRACE_SECONDS,
        "negative_marking": 0.25,
        **rules,
    }
    test_id: int = (await staff.must("/tests", draft))["test_id"]
    await staff.must(f"/tests/{test_id}/publish")
    return test_id


async def _make_question(staff: Staff, number: int) -> tuple[Asked, dict[str, Any]]:
    common: dict[str, Any] = {"skill": "Arithmetic", "difficulty": "easy", "text": f"Question {number}?"}
    texts = [f"choice {letter} of {number}" for letter in "pqrst"]
    cleared: dict[str, Any] = {"selected_option": None}
    answers: list[dict[str, Any]]
    if number % 3 == 0:
        body: dict[str, Any] = {"type": "numeric", "numbers": [{"value": str(number), "tolerance": "1"}]}
        made = await staff.must("/questions", {**common, **body})
        answers = [{"value": str(value)} for value in range(number, number + 5)]
        key = {"type": "numeric", "numbers": body["numbers"]}
    else:
        several = number % 3 == 1
        right = texts[:2] if several else texts[:1]
        options = [{"text": text, "correct": text in right} for text in texts]
        kind = "multiple_response" if several else "single_choice"
        made = await staff.must("/questions", common | {"type": kind, "options": options})
        ids = {option["text"]: option["id"] for option in made["options"]}
        if several:
            answers = [{"selected_options": sorted([ids[a], ids[b]])} for a in texts for b in texts if a < b]
        else:
            answers = [{"selected_option": id_} for id_ in ids.values()]
        key = {"type": kind, "right": [ids[text] for text in right], "options": list(ids.values())}
    return Asked(made["question_id"], [*answers, cleared]), {"skill": "Arithmetic", **key}


class Invitations:
    """People who may come, invited as they are needed, to Tests that close in so many seconds, from and to."""

    def __init__(
        self, staff: Staff, exam: Exam, nodes: int, chance: random.Random, closing_in: tuple[float, float] = (8, 45)
    ) -> None:
        self._staff, self.exam, self._nodes, self._chance = staff, exam, nodes, chance
        self._closing_in = closing_in
        self._waiting: list[Person] = []
        self._lock = asyncio.Lock()
        self._invited = 0

    async def next(self) -> Person:
        """Somebody who has not come yet, to a Test that is open for a while."""
        while True:
            soon = now() + timedelta(seconds=self._closing_in[0] - 2)
            self._waiting = [each for each in self._waiting if each.closes_at is None or each.closes_at > soon]
            if self._waiting:
                return self._waiting.pop()
            async with self._lock:
                if not self._waiting:
                    test_id, attempts, closes_at = self._choose()
                    self._waiting = await self.invite(test_id, 40, attempts, closes_at)
            if not self._waiting:
                await asyncio.sleep(0.5)

    async def invite(self, test_id: int, number: int, attempts: int, closes_at: datetime | None) -> list[Person]:
        """So many new people; none if that failed."""
        people = [{"name": "Zoë", "email": f"c{self._invited + n}@example.org"} for n in range(number)]
        self._invited += number
        node, path = self._chance.randrange(self._nodes), f"/tests/{test_id}/applications"
        made = await self._staff.ask(node, "invite", "POST", path, {"candidates": people})
        invited = [
            Person(a["user_id"], a["application_id"], test_id, token_for(a["user_id"]), attempts, closes_at)
            for a in (made or {"items": []})["items"]
        ]
        self.exam.most_attempts |= {person.application_id: attempts for person in invited}
        return invited

    def _choose(self) -> tuple[int, int, datetime | None]:
        """A Test that closes in a while, or the one that has a limit of its own."""
        begin, end = (now() + timedelta(seconds=seconds) for seconds in self._closing_in)
        waves = [(closes_at, test_id) for closes_at, test_id in self.exam.waves if begin < closes_at < end]
        if not waves or self._chance.random() < 0.2:
            return self.exam.limited, 1, None
        closes_at, test_id = self._chance.choice(waves)
        return test_id, 2, closes_at

    def nearest_wave(self) -> tuple[int, int, datetime] | None:
        """The Test that closes next, but not at once."""
        begin = now() + timedelta(seconds=7)
        return next(((test_id, 2, closes_at) for closes_at, test_id in self.exam.waves if closes_at > begin), None)
