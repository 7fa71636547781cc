"""A small rehearsal as its history and its server tell it, to be falsified by tests."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sitting.rehearsal.checker import Checked, check
from sitting.rehearsal.claims import Claims
from sitting.rehearsal.history import INVOKED, Outcome, Record
from sitting.rehearsal.stored import Logged, Question, Response, Staged, Stored

STARTED = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTES = 60
TEST = Staged("main", 1, MINUTES, None)
QUESTIONS = {
    "q_1": Question("q_1", "single_choice", ("o_right", "o_wrong", "o_other"), 1),
    "q_2": Question("q_2", "numeric", ("42", "43", "52"), 3),
}
CANDIDATE = 1
ASSESSMENT = 7


@dataclass
class Scene:
    """What the candidate did and was told, and what is stored; right as long as nobody changes one of them."""

    claims: Claims = field(default_factory=Claims)
    logged: list[Logged] = field(default_factory=list)
    given: dict[str, tuple[str, int]] = field(default_factory=dict)
    row: dict[str, Any] = field(default_factory=dict)
    others: list[Stored] = field(default_factory=list)
    staged: Staged = TEST
    _ops: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.tell("start", Outcome.OK, assessment_id=ASSESSMENT)

    def tell(self, kind: str, event: str, *, op: int | None = None, **data: Any) -> int:
        """One record of the history; returns the operation's number."""
        number = next(self._ops) if op is None else op
        self.claims.add(Record(0.0, number, event, kind, CANDIDATE, self.staged.name, data))
        return number

    def send(self, number: int, question_id: str, given: str) -> int:
        """An answer is sent."""
        return self.tell("answer", INVOKED, client_seq=number, question_id=question_id, given=given)

    def store(self, number: int, question_id: str, given: str, *, seq: int | None = None) -> int:
        """The server keeps it; returns the entry's number."""
        seq = len(self.logged) + 3 if seq is None else seq
        self.logged.append(Logged(seq, question_id, given, "here", number, "saved"))
        self.given[question_id] = (given, seq)
        return seq

    def answer(self, number: int, question_id: str, given: str) -> int:
        """An answer that is stored and acknowledged; returns the entry's number."""
        op = self.send(number, question_id, given)
        seq = self.store(number, question_id, given)
        self.tell("answer", Outcome.OK, op=op, seq=seq)
        return seq

    def hand_in(self) -> None:
        self.tell("complete", Outcome.OK)

    def stored(self) -> Stored:
        """What staff read, with a score that is right."""
        responses = {
            question_id: Response(given, seq, *_worth(QUESTIONS[question_id], given))
            for question_id, (given, seq) in self.given.items()
        }
        total = sum(response.points or 0 for response in responses.values())
        right = sum(bool(response.is_correct) for response in responses.values())
        scores = {"total_score": total, "max_score": 4, "percentage_score": 25 * total, "passed": total >= 2}
        row = {
            "assessment_id": ASSESSMENT,
            "status": "completed",
            "started_at": STARTED.isoformat(),
            "deadline_at": (STARTED + timedelta(minutes=MINUTES)).isoformat(),
            "end_time": (STARTED + timedelta(minutes=5)).isoformat(),
            **scores,
            **self.row,
        }
        counts = {"correct_answers": right, "answered_questions": len(responses)}
        return Stored(row, responses, self.logged, {**row, **counts})

    def checked(self, stored: Stored | None = None) -> Checked:
        """The verdict."""
        self.claims.finish()
        all_stored = {(CANDIDATE, self.staged.name): [stored or self.stored(), *self.others]}
        return check(list(self.claims.taken.values()), all_stored, QUESTIONS, {self.staged.name: self.staged})


def _worth(question: Question, given: str) -> tuple[bool, float, float]:
    is_right = given == question.right
    return is_right, question.points if is_right else 0, question.points


def with_response(stored: Stored, question_id: str, **changes: Any) -> Stored:
    """The same with one response changed."""
    changed = replace(stored.responses[question_id], **changes)
    return replace(stored, responses={**stored.responses, question_id: changed})
