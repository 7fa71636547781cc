"""What the nodes may do in the world, as functions that somebody hands in: they see neither storage nor settings.

A node may be repeated when a process dies, so `hand_in` and `prepare` have to make once of twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sitting.domain.question import Difficulty, QuestionContent
from sitting.questions.gates.settings import DEFAULTS, GateSettings
from sitting.questions.gates.verdict import Verdict
from sitting.questions.graph.state import Lineage
from sitting.questions.provider import Answer, Question
from sitting.questions.solving import SOLVE_DEFAULTS, SolveSettings


@dataclass(frozen=True, slots=True)
class Told:
    """A node has come to its end.

    Attributes:
        node: its name. skill, difficulty, position: of the order that it worked at; empty and 0 if at none.
        items: how many items it leaves for the next node.
        note: a sentence for staff.
    """

    node: str
    skill: str = ""
    difficulty: str = ""
    position: int = 0
    items: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """An item that has passed every gate, with the evidence.

    Attributes:
        key: unique within the run: the same key twice is the same item, handed in again.
        accept: whether the author wants it taken into the bank without a review.
    """

    key: str
    content: QuestionContent
    verdicts: Sequence[Verdict]
    lineage: Lineage
    accept: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a candidate was right and wrong about a skill."""

    right: int = 0
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """How far a candidate is.

    Attributes:
        position: of the question that was presented last.
        is_over: whether the assessment has ended.
        tallies: by skill; those that there is no answer about may be missing.
    """

    position: int
    is_over: bool = False
    tallies: Mapping[str, Tally] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What both graphs use.

    Attributes:
        ask: the model; raises ModelFailed. Reserves and settles what it costs.
        stems: of the questions about that skill, of that difficulty, that a new one must differ from, the nearest
            first.
        judge: what all deterministic gates say of an item; near-duplicates are looked for in all that exists: the bank,
            what this run has handed in, the candidate's paper and what they had before.
        check_code: the gate `code_output`; raises SandboxFailed.
        tell: hears of each node's end; what it raises ends the run there, to be resumed.
        same_meaning: what that gate says of items, in their order; raises ModelFailed. None: nobody asks it.
    """

    ask: Callable[[Question[Any]], Awaitable[Answer[Any]]]
    stems: Callable[[str, Difficulty], Awaitable[Sequence[str]]]
    judge: Callable[[QuestionContent], Awaitable[Sequence[Verdict]]]
    check_code: Callable[[QuestionContent], Awaitable[Verdict]]
    tell: Callable[[Told], Awaitable[None]]
    solve: SolveSettings = SOLVE_DEFAULTS
    gates: GateSettings = DEFAULTS
    same_meaning: Callable[[Sequence[QuestionContent]], Awaitable[Sequence[Verdict]]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoringTools(Tools):
    """What an authoring run uses.

    Attributes:
        stock: how many questions the bank has, by skill and difficulty.
        hand_in: puts an item before the reviewers, or into the bank.
    """

    stock: Callable[[], Awaitable[Mapping[tuple[str, Difficulty], int]]]
    hand_in: Callable[[Proposal], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTools(Tools):
    """What a live run uses.

    Attributes:
        candidate: how far they are now.
        resume: what they say of themselves, if the Test allows to use it, else an empty text. Never kept by the run.
        prepare: puts an item into a slot that has not been presented; False: it is too late for that.
    """

    candidate: Callable[[], Awaitable[Candidate]]
    resume: Callable[[], Awaitable[str]]
    prepare: Callable[[int, Proposal], Awaitable[bool]]
