"""What should be stored, by a second and simpler way of thinking, for property tests to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sitting.domain.response import Answer
from tests.support.samples import START

Pair = tuple[str, int]
LAST_MILLISECOND = 30 * 60 * 1000 + 5000
"""Behind the start of a sample log: its limit of 30 minutes and its grace of 5 seconds."""
POINTS = {"q_1": 1000, "q_2": 2500, "q_3": 1}


@dataclass(frozen=True)
class Version:
    """The stored version of one question: the option's letter, whose it is, and where it stands in the log."""

    letter: str | None
    client: str | None
    number: int | None
    seq: int


@dataclass
class Naive:
    """What should be stored, kept in plain dictionaries; each answer is judged alone, one behind the other.

    Attributes:
        is_linear: only the question at `position` takes answers. locks: an answer is the last one.
    """

    current: dict[str, Version] = field(default_factory=dict)
    payloads: dict[Pair, tuple[str, str | None]] = field(default_factory=dict)
    numbers: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    too_late: int = 0
    over: bool = False
    is_linear: bool = False
    locks: bool = False
    position: int = 1

    def move(self, target: int, arrived_at: datetime) -> int | None:
        """The position that is shown to whoever asks for `target`, which is stored here at once; None: refused."""
        in_time = arrived_at <= START + timedelta(minutes=30)
        if self.over or not in_time or target > len(POINTS):
            return None
        if self.is_linear and target not in (self.position, self.position + 1):
            return None
        self.position = max(self.position, target) if self.is_linear else 1
        return target

    def expect(self, answers: Sequence[Answer], arrived_at: datetime, seq: int) -> list[str]:
        """The verdicts on a frame that becomes entry `seq`, which is stored here at once."""
        verdicts: list[str] = []
        saved: dict[str, int] = {}
        for position, answer in enumerate(answers):
            verdict = self._one(answer, arrived_at, seq)
            verdicts.append(verdict)
            if verdict == "saved":
                if answer.question_id in saved:
                    verdicts[saved[answer.question_id]] = "superseded"
                saved[answer.question_id] = position
        return verdicts

    def _one(self, answer: Answer, arrived_at: datetime, seq: int) -> str:
        letter = answer.selected_option and answer.selected_option[-1]
        payload = (answer.question_id, letter)
        if letter == "x":
            return "refused"
        if answer.client_id is not None and answer.client_seq is not None:
            pair = (answer.client_id, answer.client_seq)
            if pair in self.payloads:
                return "duplicate" if self.payloads[pair] == payload else "refused"
        in_time = (arrived_at - START).total_seconds() * 1000 <= LAST_MILLISECOND
        if in_time and not self.over and self._is_closed(answer.question_id):
            return "refused"
        if answer.client_id is not None and answer.client_seq is not None:
            self.payloads[answer.client_id, answer.client_seq] = payload
        if self.over or not in_time:
            self.too_late += not in_time
            return "late"
        overtaken = self._is_overtaken(answer)
        if overtaken or self._is_older(answer):
            return "superseded"
        self.current[answer.question_id] = Version(letter, answer.client_id, answer.client_seq, seq)
        return "saved"

    def _is_closed(self, question_id: str) -> bool:
        stored = self.current.get(question_id)
        is_locked = self.locks and stored is not None and stored.letter is not None
        return is_locked or (self.is_linear and question_id != f"q_{self.position}")

    def _is_older(self, answer: Answer) -> bool:
        stored = self.current.get(answer.question_id)
        if stored is None or answer.client_id is None:
            return False
        if stored.client == answer.client_id:
            return stored.number is not None and answer.client_seq is not None and stored.number > answer.client_seq
        return answer.base_seq is not None and stored.seq > answer.base_seq

    def _is_overtaken(self, answer: Answer) -> bool:
        """Whether the same client has answered that question under a higher number, and in time."""
        if answer.client_id is None or answer.client_seq is None:
            return False
        numbers = self.numbers.setdefault((answer.client_id, answer.question_id), set())
        overtaken = any(number > answer.client_seq for number in numbers)
        numbers.add(answer.client_seq)
        return overtaken

    def score(self) -> int:
        """The points of the right answers (option a of each question), in thousandths."""
        return sum(POINTS[question_id] for question_id, stored in self.current.items() if stored.letter == "a")
