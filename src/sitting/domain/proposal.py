"""Questions that a run made, on their way into the bank or onto a paper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sitting.domain.question import QuestionContent
from sitting.domain.run import RunKind


class ProposalState(StrEnum):
    """`waiting`: for a reviewer. `edited`: accepted in another wording than the run's."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    EDITED = "edited"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class NewProposal:
    """What a run hands in.

    Attributes:
        question_id: under which the bank will have it, if it is accepted.
        lineage: where it comes from, JSON: model, prompt version, source. evidence: what each gate said, JSON.
    """

    question_id: str
    run_id: str
    content: QuestionContent
    lineage: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A question that a run handed in, and what became of it.

    Attributes:
        content: as the run wrote it; what a reviewer made of it stands in the bank.
        lineage, evidence: as in NewProposal.
        decided_by: user_id of the reviewer; None while it waits, and where a policy decided.
        note: of the reviewer.
        kind: of the run; what a live one wrote, it wrote for one candidate.
    """

    question_id: str
    run_id: str
    content: QuestionContent
    content_digest: str
    state: ProposalState
    lineage: str
    evidence: str
    created_at: datetime
    decided_by: int | None = None
    decided_at: datetime | None = None
    note: str | None = None
    kind: RunKind = RunKind.AUTHORING


@dataclass(frozen=True, slots=True)
class PreparedQuestion:
    """A checked question that waits for its slot; once its position is presented, it is frozen into the paper."""

    position: int
    question_id: str
    content_digest: str
    prepared_at: datetime
