"""What the server has in the end, as staff read it over REST."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the rehearsal's own, with its key.

    Attributes:
        choices: what a candidate may answer, the right one first: ids of options, or numbers as text.
    """

    question_id: str
    type: str
    choices: tuple[str, ...]
    points: int

    @property
    def right(self) -> str:
        return self.choices[0]

    @property
    def field(self) -> str:
        """The field of an answer in which a choice goes."""
        return "value" if self.type == "numeric" else "selected_option"


@dataclass(frozen=True, slots=True)
class Staged:
    """A Test of the rehearsal. Either `minutes` limits the time, or it ends for all at `closes_at`."""

    name: str
    test_id: int
    minutes: int | None
    closes_at: datetime | None


@dataclass(frozen=True, slots=True)
class Response:
    """The stored answer to one question; points and `is_correct` are None before the end."""

    given: str | None
    seq: int | None
    is_correct: bool | None
    points: float | None
    max_points: float


@dataclass(frozen=True, slots=True)
class Logged:
    """An answer in the log."""

    seq: int
    question_id: str
    given: str | None
    client_id: str | None
    client_seq: int | None
    verdict: str


@dataclass(frozen=True, slots=True)
class Stored:
    """One assessment: its row, responses by question, logged answers, and results as they were answered."""

    row: Mapping[str, Any]
    responses: Mapping[str, Response]
    logged: Sequence[Logged]
    results: Mapping[str, Any]


def stored_of(
    row: Mapping[str, Any],
    responses: Sequence[Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]],
    results: Mapping[str, Any],
) -> Stored:
    """What REST answered, in the form that is checked."""
    by_question = {
        each["question_id"]: Response(_given(each), each["seq"], each["is_correct"], each["points"], each["max_points"])
        for each in responses
    }
    logged = [
        Logged(event["seq"], a["question_id"], _given(a), a.get("client_id"), a.get("client_seq"), a["verdict"])
        for event in events
        if event["type"] in ("answered", "late_answer")
        for a in event["payload"]["answers"]
    ]
    return Stored(row, by_question, logged, results)


def _given(answer: Mapping[str, Any]) -> str | None:
    given = answer.get("selected_option")
    return given if given is not None else answer.get("value")
