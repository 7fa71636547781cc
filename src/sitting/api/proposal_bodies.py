"""Proposed questions as REST spells them, with where they come from and what the gates said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec
from pydantic import TypeAdapter

from sitting.api.fields import Body, Why, from_thousandths
from sitting.api.questions import AcceptedBody, NumberBody, OptionBody, QuestionBody, UnitBody
from sitting.domain.proposal import Proposal, ProposalState
from sitting.domain.question import QuestionContent
from sitting.domain.run import RunKind
from sitting.questions.gates.verdict import Outcome
from sitting.usecases.judging import read_evidence


class Decision(Body):
    """What a reviewer wants to have noted."""

    note: Why | None = None


class EditedProposal(Body):
    """The question as the reviewer wants it."""

    question: QuestionBody
    note: Why | None = None


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What a gate said.

    Attributes:
        place: `stem`, `options`, `key`, `item`, or the id of an option.
        evidence: what the outcome rests on.
        wording: whether it is about the run's wording, or about that of the reviewer who edited it.
    """

    gate: str
    outcome: Outcome
    sentence: str
    place: str
    evidence: dict[str, Any]
    wording: Literal["written", "edited"] = "written"


@dataclass(frozen=True, slots=True)
class QuestionLineage:
    """Where a question comes from: who wrote it last, told by which prompt, and how often it was repaired."""

    model: str = ""
    prompt: str = ""
    prompt_digest: str = ""
    repairs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownProposal:
    """A question that a run wrote.

    Attributes:
        question_id: of the question in the bank, once it is accepted.
        kind: of the run. What a `live` one wrote, it wrote for one candidate, maybe with their words in mind: whoever
            accepts it sees to it that it names nobody.
        question: as the run wrote it; edited, it can be sent to `/edit`.
        decided_by: null where nobody was asked.
    """

    question_id: str
    run_id: str
    kind: RunKind
    state: ProposalState
    question: QuestionBody
    lineage: QuestionLineage
    evidence: list[GateVerdict]
    created_at: datetime
    decided_by: int | None
    decided_at: datetime | None
    note: str | None


_VERDICTS = TypeAdapter(list[GateVerdict])


def shown_proposal(proposal: Proposal) -> ShownProposal:
    """A proposal as REST shows it."""
    return ShownProposal(
        question_id=proposal.question_id,
        run_id=proposal.run_id,
        kind=proposal.kind,
        state=proposal.state,
        question=_question(proposal.content),
        lineage=msgspec.json.decode(proposal.lineage, type=QuestionLineage),
        evidence=_VERDICTS.validate_python(read_evidence(proposal.evidence)),
        created_at=proposal.created_at,
        decided_by=proposal.decided_by,
        decided_at=proposal.decided_at,
        note=proposal.note,
    )


def _question(content: QuestionContent) -> QuestionBody:
    """Stored questions were checked when they were stored: they are shown as they are."""
    right = content.right_options
    same = {
        name: getattr(content, name)
        for name in ("type", "skill", "difficulty", "text", "unit", "unit_required", "case_sensitive", "tags")
    }
    return QuestionBody.model_construct(
        explanation=content.explanation,
        options=tuple(
            OptionBody.model_construct(text=o.text, correct=o.id in right, feedback=o.feedback) for o in content.options
        ),
        numbers=tuple(
            NumberBody.model_construct(value=n.value, tolerance=n.tolerance, credit=from_thousandths(n.credit))
            for n in content.numbers
        ),
        other_units=tuple(UnitBody.model_construct(name=u.name, factor=u.factor) for u in content.other_units),
        accepted=tuple(
            AcceptedBody.model_construct(text=a.text, match=a.match, credit=from_thousandths(a.credit))
            for a in content.accepted
        ),
        **same,
    )
