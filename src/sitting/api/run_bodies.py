"""Runs as REST spells them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec
from pydantic import Field

from sitting.api.fields import Body, EntityId, Flag, Name, ShortProse
from sitting.api.skill_graph_bodies import SkillGraphBody
from sitting.api.spending_bodies import LimitsBody, SpendingLimits, Spent, shown_cost, shown_limits
from sitting.domain.run import Run, RunKind, RunStatus
from sitting.domain.skill_graph import MOST_SKILLS
from sitting.domain.spending import Cost, ModelCall
from sitting.questions.wishes import AuthoringWish


class NewRun(Body):
    """Questions to be written: all that the skill graph wants and the bank has not got.

    `about` says, by skill, what else there is to know of it, such as the words of a job description. With `accept`,
    questions that pass every gate go into the bank at once; otherwise they wait for a reviewer. `test_id`: the Test
    that it is for, whose own limit of spending then counts, too.
    """

    graph: SkillGraphBody
    about: Annotated[dict[Name, ShortProse], Field(default_factory=dict, max_length=MOST_SKILLS)]
    accept: Flag = False
    test_id: EntityId | None = None
    limits: LimitsBody = LimitsBody()

    def to_wish(self) -> AuthoringWish:
        """The same for the graph that writes."""
        return AuthoringWish(self.graph.to_graph(), dict(self.about), self.accept)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRun:
    """A run and how far it is.

    Attributes:
        graph, about, accept: what the author wished; null of a live run.
        progress: what the last step was (`node`), at which `skill` and `difficulty`, how many questions were handed in
            (`handed_in`); with what it says once it stops (`note`). What stands in it may be more, or less.
        failure: why it failed.
        spent: so far; held: reserved for calls that are under way.
    """

    run_id: str
    kind: RunKind
    status: RunStatus
    test_id: int | None
    assessment_id: int | None
    created_by: int | None
    graph: SkillGraphBody | None
    about: dict[str, str] | None
    accept: bool | None
    progress: dict[str, Any]
    failure: str | None
    limits: SpendingLimits
    spent: Spent
    held: Spent
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None


def shown_run(run: Run) -> ShownRun:
    """A run as REST shows it."""
    wish = _wish(run)
    return ShownRun(
        run_id=run.run_id,
        kind=run.kind,
        status=run.status,
        test_id=run.test_id,
        assessment_id=run.assessment_id,
        created_by=run.created_by,
        graph=None if wish is None else SkillGraphBody.shown(wish.graph),
        about=None if wish is None else wish.about,
        accept=None if wish is None else wish.accept,
        progress=msgspec.json.decode(run.progress, type=dict[str, Any]),
        failure=run.failure,
        limits=shown_limits(run.limits),
        spent=shown_cost(run.spent),
        held=shown_cost(run.held),
        created_at=run.created_at,
        updated_at=run.updated_at,
        ended_at=run.ended_at,
    )


def _wish(run: Run) -> AuthoringWish | None:
    return msgspec.json.decode(run.wish, type=AuthoringWish) if run.kind is RunKind.AUTHORING else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownModelCall:
    """One attempt to get an answer from a model.

    Attributes:
        prompt, prompt_digest: name with version, and SHA-256 of the wording.
        model: what was asked for; `answered_by` what the endpoint says that answered, empty if it did not.
        attempt: from 1, within one question to the model.
        outcome: `ok` alone gave an answer.
        is_reported: whether the endpoint said how many tokens it were; otherwise they are upper estimates.
    """

    number: int
    prompt: str
    prompt_digest: str
    model: str
    answered_by: str
    attempt: int
    outcome: str
    prompt_tokens: int
    answer_tokens: int
    is_reported: bool
    spent: Spent
    began_at: datetime


def shown_call(numbered: tuple[int, ModelCall]) -> ShownModelCall:
    """A call as REST shows it."""
    number, call = numbered
    same = {
        name: getattr(call, name)
        for name in ("prompt", "prompt_digest", "model", "answered_by", "attempt", "outcome", "is_reported", "began_at")
    }
    tokens = call.prompt_tokens + call.answer_tokens
    return ShownModelCall(
        number=number,
        prompt_tokens=call.prompt_tokens,
        answer_tokens=call.answer_tokens,
        spent=shown_cost(Cost(tokens, call.milliseconds, call.micros)),
        **same,
    )
