"""An assessment as whoever works on it holds it: row, rules, frozen paper and the fold of its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sitting.domain.assessment import Assessment, AssessmentState
from sitting.domain.blueprint import Blueprint
from sitting.domain.compliance import compliance
from sitting.domain.deadline import Phase
from sitting.domain.errors import AssessmentOver, DeadlinePassed
from sitting.domain.messages import (
    Acknowledgement,
    AssessmentCompleted,
    AssessmentRecovered,
    AssessmentSnapshot,
    AssessmentStarted,
    CurrentResponse,
    OutlineItem,
    ProgressUpdate,
)
from sitting.domain.paper import Paper, PaperQuestion
from sitting.domain.results import Receipt, Results, SkillResult
from sitting.domain.scoring import ItemScore, Score, grade, percentage_of

NAVIGATION = "free"


@dataclass(slots=True)
class LiveAssessment:
    """Everything known of one assessment at its `state.seq`.

    Attributes:
        state: moves on as entries are stored; the other parts never change while the assessment is open.
        is_stale: the log may hold an entry that `state` does not: reload before offering the next number.
    """

    assessment: Assessment
    blueprint: Blueprint
    paper: Paper
    state: AssessmentState
    is_stale: bool = False

    @property
    def assessment_id(self) -> int:
        return self.assessment.assessment_id

    def remaining_seconds(self, now: datetime) -> float | None:
        """Seconds until the deadline; 0 once it is over, None if nothing limits the time."""
        remaining = self.state.schedule.remaining_seconds(now)
        return 0.0 if self.state.is_over and remaining is not None else remaining

    def next_unanswered(self) -> PaperQuestion | None:
        """The first question by position that has no answer; None if all have."""
        for question in self.paper.questions:
            stored = self.state.responses.get(question.question_id)
            if stored is None or stored.record.selected_option is None:
                return question
        return None

    def question_to_show(self) -> PaperQuestion:
        """Where the candidate goes on: the first unanswered question, or the last one."""
        return self.next_unanswered() or self.paper.questions[-1]

    def deliver(self, question: PaperQuestion, now: datetime) -> PaperQuestion:
        """The question, if questions are still delivered at `now`.

        Raises:
            AssessmentOver: it ended. DeadlinePassed: its time is up.
        """
        if self.state.is_over:
            raise AssessmentOver()
        if self.state.schedule.phase(now) is not Phase.RUNNING:
            raise DeadlinePassed()
        return question


def started_message(live: LiveAssessment, now: datetime, *, recovered: bool) -> AssessmentStarted:
    """What `assessment_started` says: of an assessment that goes on, the whole snapshot."""
    if not recovered:
        return AssessmentStarted(**_facts(live, now), recovered=False)
    return AssessmentSnapshot(**_facts(live, now), **_snapshot(live, ()))


def recovered_message(
    live: LiveAssessment, now: datetime, acknowledged: Sequence[Acknowledgement] = ()
) -> AssessmentRecovered:
    """The whole snapshot, with the results once it is over."""
    return AssessmentRecovered(**_facts(live, now), **_snapshot(live, acknowledged))


def _snapshot(live: LiveAssessment, acknowledged: Sequence[Acknowledgement]) -> dict[str, Any]:
    return {
        "recovered": True,
        "responses": tuple(_current(live)),
        "flags": tuple(q.question_id for q in live.paper.questions if q.question_id in live.state.flags),
        "position": live.question_to_show().position,
        "acknowledged": tuple(acknowledged),
        "time_credits": (),
        "status": live.state.status,
        "results": results_of(live) if live.state.is_over else None,
        "reason": live.state.ended.reason.on_the_wire if live.state.ended else None,
        "receipt": receipt_of(live.assessment),
    }


def _facts(live: LiveAssessment, now: datetime) -> dict[str, Any]:
    row, state = live.assessment, live.state
    return {
        "assessment_id": row.assessment_id,
        "test_id": row.test_id,
        "application_id": row.application_id,
        "attempt": row.attempt,
        "test_name": live.blueprint.name,
        "total_questions": row.total_questions,
        "time_limit_minutes": live.blueprint.time_limit_minutes,
        "started_at": row.started_at,
        "deadline_at": state.schedule.deadline_at,
        "remaining_seconds": live.remaining_seconds(now),
        "navigation": NAVIGATION,
        "grace_seconds": live.blueprint.grace_seconds,
        "attachment": state.attachment,
        "outline": tuple(_outline_item(live, question) for question in live.paper.questions),
    }


def _outline_item(live: LiveAssessment, question: PaperQuestion) -> OutlineItem:
    stored = live.state.responses.get(question.question_id)
    answered = stored is not None and stored.record.selected_option is not None
    return OutlineItem(
        question_id=question.question_id,
        position=question.position,
        section=question.section,
        skill=question.content.skill,
        points=question.points / 1000,
        state="answered" if answered else "unanswered",
    )


def _current(live: LiveAssessment) -> list[CurrentResponse]:
    stored = [live.state.responses.get(question.question_id) for question in live.paper.questions]
    return [
        CurrentResponse(s.record.question_id, s.record.selected_option, None, None, s.seq, s.saved_at)
        for s in stored
        if s is not None
    ]


def progress(live: LiveAssessment, now: datetime) -> ProgressUpdate:
    """How far the candidate is."""
    total, answered = live.assessment.total_questions, live.state.answered_questions
    return ProgressUpdate(
        total_questions=total,
        answered_questions=answered,
        flagged_questions=len(live.state.flags),
        percentage_complete=round(100 * answered / total, 1) if total else 0.0,
        remaining_seconds=live.remaining_seconds(now),
    )


def score_of(live: LiveAssessment) -> Score:
    """The score of the current answers, from the frozen paper and the fold alone."""
    return grade(live.paper, {id_: stored.record.selected_option for id_, stored in live.state.responses.items()})


def receipt_of(assessment: Assessment) -> Receipt | None:
    """What was signed at the end; None while the assessment is open."""
    row = assessment
    if row.receipt_seq is None or row.receipt_head is None or not row.receipt_signature or not row.receipt_key_id:
        return None
    return Receipt(
        row.assessment_id, row.receipt_seq, row.receipt_head.hex(), row.receipt_signature, row.receipt_key_id
    )


def completed_message(live: LiveAssessment) -> AssessmentCompleted:
    """What the candidate is told at the end, receipt included."""
    receipt = receipt_of(live.assessment)
    assert live.state.ended is not None and receipt is not None
    return AssessmentCompleted(results_of(live), live.state.ended.reason.on_the_wire, receipt)


def results_of(live: LiveAssessment) -> Results:
    """The results; of an open assessment only the facts that give nothing away."""
    row, state, ended = live.assessment, live.state, live.state.ended
    over = ended is not None
    return Results(
        assessment_id=row.assessment_id,
        test_id=row.test_id,
        user_id=row.user_id,
        application_id=row.application_id,
        attempt=row.attempt,
        status=state.status,
        total_score=ended.total_score / 1000 if ended else None,
        max_score=live.paper.max_score / 1000,
        percentage_score=ended.percentage_score / 1000 if ended else None,
        passed=ended.passed if ended else None,
        total_questions=row.total_questions,
        answered_questions=state.answered_questions,
        correct_answers=ended.correct_answers if ended else None,
        started_at=row.started_at,
        end_time=ended.end_time if ended else None,
        time_taken_minutes=row.time_taken_minutes,
        skills=_skills(live) if over else (),
        scheduler_compliance=compliance(
            live.blueprint, row.started_at, state.schedule.deadline_at, ended.end_time, ended.reason, state.late_answers
        )
        if ended
        else None,
    )


def _skills(live: LiveAssessment) -> tuple[SkillResult, ...]:
    items = {item.question_id: item for item in score_of(live).items}
    skills = dict.fromkeys(question.content.skill for question in live.paper.questions)
    return tuple(_skill(skill, live.paper, items) for skill in skills)


def _skill(skill: str, paper: Paper, items: Mapping[str, ItemScore]) -> SkillResult:
    questions = [question for question in paper.questions if question.content.skill == skill]
    scored = [items[question.question_id] for question in questions if question.question_id in items]
    maximum = sum(question.points for question in questions)
    return SkillResult(
        skill=skill,
        priority=None,
        questions=len(questions),
        correct=sum(item.is_correct is True for item in scored),
        score_percentage=percentage_of(sum(item.points for item in scored), maximum) / 1000,
    )
