"""What the log still says of an assessment whose candidate is erased."""

from __future__ import annotations

from dataclasses import replace

from sitting.domain.assessment import AssessmentState
from sitting.domain.deadline import minutes_taken
from sitting.domain.errors import Conflict
from sitting.domain.events import Erased, Started
from sitting.domain.paper import Paper
from sitting.domain.question import Option, QuestionContent

WORDLESS = "(erased)"


def without_words(content: QuestionContent) -> QuestionContent:
    """What is left of a question that was written for somebody who is erased: skill, kind, and the ids of its options.

    The ids stand in papers and, hashed, in logs.
    """
    return QuestionContent(
        type=content.type,
        text=WORDLESS,
        options=tuple(Option(option.id, WORDLESS) for option in content.options),
        key=content.key,
        explanation="",
        skill=content.skill,
        difficulty=content.difficulty,
        keys=content.keys,
    )


def erasure(state: AssessmentState, paper: Paper, *, reason: str, by: int | None) -> Erased | None:
    """The entry that goes with the erasure of this log; None if there is nothing left to erase.

    All of it follows from the log and not from the rows, which the entry is to vouch for.

    Args:
        paper: as it is stored.

    Raises:
        Conflict: the assessment is still open.
    """
    if not state.is_over:
        raise Conflict(
            "An assessment of this person is still open: end or void it first.", assessment_id=state.assessment_id
        )
    before = state.erased
    if before is not None and before.last == state.seq - 1:
        return None
    return Erased(
        reason=reason,
        by=by,
        last=state.seq,
        status=state.status,
        paper_digest=before.paper_digest if before else _paper_digest(state, paper),
        ended=replace(state.ended, note=None) if state.ended else None,
        time_taken_minutes=before.time_taken_minutes if before else _minutes(state),
        written=tuple(sorted(state.written_positions)),
    )


def _paper_digest(state: AssessmentState, paper: Paper) -> str:
    """Of the paper as it stands by the log, if that is what the log has made of the one of the start.

    If it is not, the digest of the start: the stored paper has another, so the audit finds later what it finds now.
    """
    started = state.moments[0].body
    assert isinstance(started, Started)
    if paper.digest(state.reserves) == started.paper_digest:
        return paper.digest(state.written)
    return started.paper_digest


def _minutes(state: AssessmentState) -> float | None:
    if state.ended is None or state.started_at is None:
        return None
    return minutes_taken(state.started_at, state.ended.end_time, state.schedule.pauses)
