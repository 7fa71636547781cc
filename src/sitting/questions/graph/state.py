"""What a run knows between two nodes: plain JSON in the checkpoints, typed values in the nodes.

It holds one order at a time, so that it does not grow with the run; nothing in it says who a candidate is.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypedDict, TypeVar

import msgspec

from sitting.domain.question import Difficulty, QuestionContent
from sitting.questions.gates.verdict import Verdict

T = TypeVar("T")


class Saved(TypedDict, total=False):
    """The channels of both graphs.

    Attributes:
        wish: what was asked for; never changed.
        plan: how far the run is (`Authoring` or `Live`). work: what it is at (`Work`).
        woken: written by whoever wakes a parked run; its value says nothing.
    """

    wish: dict[str, Any]
    plan: dict[str, Any]
    work: dict[str, Any]
    woken: str


def load(value: object, kind: type[T]) -> T:
    """The typed value of a channel; an empty channel is a value of defaults."""
    return msgspec.convert(value or {}, kind)


def saved(value: Any) -> dict[str, Any]:
    """The value as a channel holds it."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return found


class Status(StrEnum):
    """How a run stands when its graph has stopped.

    `parked`: there is nothing to do until the candidate has moved on. `bank_serves`: it gave up before its end, and
    the bank's questions take the place of those that are missing.
    """

    DONE = "done"
    PARKED = "parked"
    BANK_SERVES = "bank_serves"


class End(msgspec.Struct, frozen=True):
    """Why the graph stops.

    Attributes:
        reason: a sentence for staff.
        may_pass: whether the model may be well again later.
    """

    status: Status
    reason: str = ""
    may_pass: bool = False


class Order(msgspec.Struct, frozen=True):
    """What is to be written next.

    Attributes:
        key: unique within the run, and always the same for the same place in it.
        parents, sub_skills: the names of the skills around this one and of its parts.
        about: what else is known of the skill, by the author or from a job description: material, of others.
        position: of the slot in the paper; 0: none, it is for the bank.
        right, wrong: how the candidate has answered about this skill so far.
        for_candidate: whether it is written for one candidate.
    """

    key: str
    skill: str
    difficulty: Difficulty
    count: int = 1
    depth: int = 2
    parents: tuple[str, ...] = ()
    sub_skills: tuple[str, ...] = ()
    about: str = ""
    position: int = 0
    right: int = 0
    wrong: int = 0
    for_candidate: bool = False


class Lineage(msgspec.Struct, frozen=True):
    """Where an item comes from.

    Attributes:
        model, prompt: who wrote it last, told by which prompt; prompt_digest is SHA-256 of its wording.
        repairs: how often it was repaired.
    """

    model: str
    prompt: str
    prompt_digest: str
    repairs: int = 0


class Draft(msgspec.Struct, frozen=True):
    """An item on its way.

    Attributes:
        verdicts: of the gates that it has been through; those of a repaired item begin anew.
        trouble: why it cannot be checked, or was given up; empty if neither.
    """

    content: QuestionContent
    lineage: Lineage
    verdicts: tuple[Verdict, ...] = ()
    trouble: str = ""

    @property
    def failures(self) -> list[Verdict]:
        """What the gates have against it."""
        return [verdict for verdict in self.verdicts if verdict.failed]

    @property
    def is_open(self) -> bool:
        """Whether nothing speaks against it so far."""
        return not self.trouble and not self.failures


class Work(msgspec.Struct, frozen=True):
    """What the run is at.

    Attributes:
        avoid: stems of questions that exist.
        drafts: the items of this order.
        trouble: why the model brought none, or one could not be checked; the latest.
        in_vain: how many orders in a row the model failed.
        end: set once the run is to stop.
    """

    order: Order | None = None
    avoid: tuple[str, ...] = ()
    drafts: tuple[Draft, ...] = ()
    trouble: str = ""
    in_vain: int = 0
    end: End | None = None
