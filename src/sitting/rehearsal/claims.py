"""What the candidates may claim: the history folded into what each of them was told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sitting.rehearsal.history import INVOKED, Outcome, Record

DECIDED = frozenset({
    "answer_superseded", "deadline_passed", "assessment_over", "answer_locked", "invalid_answer", "question_not_found",
    "navigation_not_allowed", "client_seq_conflict",
})  # fmt: skip
"""Refusals that settle what became of an answer, earlier attempts to send it included."""


@dataclass(slots=True)
class Answer:
    """One answer under its number, over all attempts to send it.

    Attributes:
        given: the option's id, or what was typed. seq: the log's entry that the server named.
        other_seq: another one that it named for the same answer, which must not be.
    """

    question_id: str
    given: str
    outcome: Outcome | None = None
    seq: int | None = None
    other_seq: int | None = None


@dataclass(slots=True)
class Taken:
    """One candidate in one Test, as far as the candidate knows.

    Attributes:
        started, completed: what is known of them; None if it was never tried.
        answers: by client_seq. results: those that the server told the candidate.
    """

    candidate: int
    test: str
    started: Outcome | None = None
    assessment_ids: set[int] = field(default_factory=set)
    completed: Outcome | None = None
    answers: dict[int, Answer] = field(default_factory=dict)
    results: dict[str, Any] | None = None


class Claims:
    """The fold. It holds a little for each answer, and nothing for all else."""

    def __init__(self) -> None:
        self.taken: dict[tuple[int, str], Taken] = {}
        self._sent: dict[int, int] = {}  # operations that are under way → client_seq

    def add(self, record: Record, took: float = 0.0) -> None:
        """One more record, in the order of the history."""
        fold = {"answer": self._answer, "start": self._start, "complete": self._complete, "end": self._end}
        if record.kind in fold:
            key = (record.candidate, record.test)
            fold[record.kind](self.taken.setdefault(key, Taken(*key)), record)

    def _start(self, taken: Taken, record: Record) -> None:
        if record.event == INVOKED:
            return
        taken.started = _stronger(taken.started, Outcome(record.event))
        if record.event == Outcome.OK:
            taken.assessment_ids.add(record.data["assessment_id"])

    def _complete(self, taken: Taken, record: Record) -> None:
        if record.event != INVOKED:
            taken.completed = _stronger(taken.completed, Outcome(record.event))

    def _end(self, taken: Taken, record: Record) -> None:
        if record.event == Outcome.OK:
            taken.results = record.data["results"]

    def _answer(self, taken: Taken, record: Record) -> None:
        if record.event == INVOKED:
            number = record.data["client_seq"]
            self._sent[record.op] = number
            taken.answers.setdefault(number, Answer(record.data["question_id"], record.data["given"]))
            return
        answer = taken.answers[self._sent.pop(record.op)]
        if record.event == Outcome.OK:
            seq = record.data["seq"]
            if answer.seq not in (None, seq):
                answer.other_seq = seq
            answer.outcome, answer.seq = Outcome.OK, answer.seq or seq
        elif record.event == Outcome.UNKNOWN:
            answer.outcome = _stronger(answer.outcome, Outcome.UNKNOWN)
        elif answer.outcome is None or (answer.outcome is Outcome.UNKNOWN and record.data["code"] in DECIDED):
            answer.outcome = Outcome.FAILED

    def finish(self) -> None:
        """What is still under way is unknown."""
        for taken in self.taken.values():
            for answer in taken.answers.values():
                answer.outcome = answer.outcome or Outcome.UNKNOWN


def _stronger(known: Outcome | None, new: Outcome) -> Outcome:
    """What is certain stays: ok over unknown over failed."""
    order = [None, Outcome.FAILED, Outcome.UNKNOWN, Outcome.OK]
    return new if known is None or order.index(new) > order.index(known) else known
