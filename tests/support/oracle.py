"""What should be stored, by a second and simpler way of thinking, for property tests to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sitting.domain.response import Answer
from tests.support.plain_clock import PlainClock

Pair = tuple[str, int]
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

    Instants are microseconds behind the start.

    Attributes:
        is_linear: only the question at `position` takes answers. locks: an answer is the last one.
        said: what became of each pair the first time.
    """

    clock: PlainClock
    current: dict[str, Version] = field(default_factory=dict)
    payloads: dict[Pair, tuple[str, str | None]] = field(default_factory=dict)
    said: dict[Pair, str] = field(default_factory=dict)
    numbers: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    too_late: int = 0
    is_linear: bool = False
    locks: bool = False
    position: int = 1

    def may_move(self, target: int, arrival: int) -> bool:
        """Whether a linear test goes on to that question."""
        deadline = self.clock.deadline(arrival)
        is_in_time = deadline is None or arrival <= deadline
        is_running = is_in_time and not self.clock.is_over and not self.clock.is_still(arrival)
        return self.is_linear and is_running and target == self.position + 1

    def expect(self, answers: Sequence[Answer], arrival: int, seq: int) -> list[str]:
        """The verdicts on a frame that becomes entry `seq`, which is stored here at once."""
        verdicts: list[str] = []
        saved: dict[str, int] = {}
        for position, answer in enumerate(answers):
            verdict = self._one(answer, arrival, seq)
            verdicts.append(verdict)
            if verdict == "saved":
                if answer.question_id in saved:
                    verdicts[saved[answer.question_id]] = "superseded"
                saved[answer.question_id] = position
        for answer, verdict in zip(answers, verdicts, strict=True):
            if answer.pair is not None and verdict not in ("duplicate", "refused"):
                self.said[answer.pair] = verdict
        return verdicts

    def _one(self, answer: Answer, arrival: int, seq: int) -> str:
        letter = answer.selected_option and answer.selected_option[-1]
        if letter == "x":
            return "refused"
        pair, payload = answer.pair, (answer.question_id, letter)
        if pair is not None and pair in self.payloads:
            return "duplicate" if self.payloads[pair] == payload else "refused"
        verdict = self.clock.verdict(arrival)
        if verdict == "refused" or (verdict == "saved" and self._is_closed(answer.question_id)):
            return "refused"
        if pair is not None:
            self.payloads[pair] = payload
        if self.clock.answer(arrival) == "late":
            self.too_late += self.clock.is_behind_grace(arrival)
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
