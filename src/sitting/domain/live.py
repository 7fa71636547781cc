"""An assessment as whoever works on it holds it: row, rules, frozen paper and the fold of its log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sitting.domain.assessment import Assessment, AssessmentState, Status, TimeBody
from sitting.domain.blueprint import Blueprint, Navigation
from sitting.domain.compliance import compliance, time_credits
from sitting.domain.deadline import Phase, limit_minutes, personal_limit
from sitting.domain.errors import AssessmentOver, ClockPaused, DeadlinePassed
from sitting.domain.events import Credited, Extended, Paused, Unpaused
from sitting.domain.messages import (
    Acknowledgement,
    AssessmentCompleted,
    AssessmentRecovered,
    AssessmentSnapshot,
    AssessmentStarted,
    CurrentResponse,
    DeadlineChanged,
    OutlineItem,
    PausedMessage,
    ProgressUpdate,
    UnpausedMessage,
)
from sitting.domain.paper import Paper, PaperQuestion
from sitting.domain.results import BareResults, Receipt, Results, SkillResult, shown_results
from sitting.domain.scoring import Score, grade


@dataclass(slots=True)
class LiveAssessment:
    """Everything known of one assessment at its `state.seq`.

    Attributes:
        state: moves on as entries are stored. paper: with it, where an entry puts another question into a slot; the
            other parts never change while the assessment is open.
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

    def become(self, fresh: LiveAssessment) -> None:
        """Go on with what was loaded or stored of the same assessment elsewhere."""
        self.assessment, self.paper, self.state, self.is_stale = fresh.assessment, fresh.paper, fresh.state, False

    def remaining_seconds(self, now: datetime) -> float | None:
        """Seconds until the deadline; 0 once it is over, None if nothing limits the time."""
        remaining = self.state.schedule.remaining_seconds(now)
        return 0.0 if self.state.is_over and remaining is not None else remaining

    def has_time_news(self, told_seq: int) -> bool:
        """Whether `time_news` may have anything to say; asked behind every message, so it does not look far."""
        moments = self.state.moments
        return bool(moments) and moments[-1].seq > told_seq

    @property
    def is_linear(self) -> bool:
        """Whether the questions come one after the other, and never again."""
        return self.blueprint.navigation is Navigation.LINEAR

    def current_question(self) -> PaperQuestion:
        """Of a linear Test: the one question that is shown and takes answers."""
        return self.paper.at_position(self.state.position)

    def is_undecided(self, question: PaperQuestion) -> bool:
        """Whether that is only a reserve so far: a question written for the candidate may yet take its place."""
        if not self.is_linear or question.position <= self.state.position:
            return False
        return self.blueprint.generated_in(question.section) is not None

    def next_unanswered(self) -> PaperQuestion | None:
        """The question that comes next by itself; None if all are dealt with.

        It is the first by position that has no answer. In a linear Test it is the current one, and the one behind it
        once a response is stored; a cleared one counts there, since it says that the candidate passes.
        """
        if self.is_linear:
            first = self.state.position - 1
            following = self.paper.questions[first : first + 2]
            return next((q for q in following if q.question_id not in self.state.responses), None)
        return next((q for q in self.paper.questions if not self.is_answered(q)), None)

    def is_answered(self, question: PaperQuestion) -> bool:
        """Whether it has an answer that is not cleared."""
        stored = self.state.responses.get(question.question_id)
        return stored is not None and not stored.record.is_cleared

    def question_to_show(self) -> PaperQuestion:
        """Where the candidate stands: the current question; if any may be shown, the first unanswered or the last."""
        if self.is_linear:
            return self.current_question()
        return self.next_unanswered() or self.paper.questions[-1]

    def deliver(self, question: PaperQuestion, now: datetime) -> PaperQuestion:
        """The question, if questions are still delivered at `now`.

        Raises:
            AssessmentOver: it ended. ClockPaused: it is paused. DeadlinePassed: its time is up.
        """
        if self.state.is_over:
            raise AssessmentOver()
        phase = self.state.schedule.phase(now)
        if phase is Phase.PAUSED:
            raise ClockPaused()
        if phase is not Phase.RUNNING:
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
        "time_credits": time_credits(live.state),
        "status": live.state.status,
        "results": own_results_of(live) if live.state.is_over else None,
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
        "time_limit_minutes": limit_minutes(personal_limit(live.blueprint.time_limit, state.accommodation)),
        "started_at": row.started_at,
        "deadline_at": state.schedule.deadline_at,
        "remaining_seconds": live.remaining_seconds(now),
        "navigation": live.blueprint.navigation,
        "feedback": live.blueprint.feedback,
        "grace_seconds": live.blueprint.grace_seconds,
        "attachment": state.attachment,
        "outline": tuple(_outline_item(live, question) for question in live.paper.questions),
    }


def _outline_item(live: LiveAssessment, question: PaperQuestion) -> OutlineItem:
    is_hidden = live.is_linear and question.position > live.state.position
    return OutlineItem(
        question_id=None if is_hidden else question.question_id,
        position=question.position,
        section=question.section,
        skill=question.content.skill,
        points=question.points / 1000,
        state="answered" if live.is_answered(question) else "unanswered",
    )


def _current(live: LiveAssessment) -> list[CurrentResponse]:
    stored = [live.state.responses.get(question.question_id) for question in live.paper.questions]
    return [
        CurrentResponse(
            s.record.question_id,
            s.record.selected_option,
            s.record.selected_options,
            s.record.value,
            s.seq,
            s.saved_at,
        )
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


def pause_note(live: LiveAssessment) -> PausedMessage | None:
    """Why the clock stands still, for whoever comes back meanwhile; None while it runs."""
    if live.state.status is not Status.PAUSED:
        return None
    return next(PausedMessage(m.body.reason) for m in reversed(live.state.moments) if isinstance(m.body, Paused))


def time_news(
    live: LiveAssessment, told_seq: int, now: datetime
) -> list[DeadlineChanged | PausedMessage | UnpausedMessage]:
    """What a candidate who knows the log up to `told_seq` has to be told about the clock."""
    news: list[DeadlineChanged | PausedMessage | UnpausedMessage] = []
    schedule = live.state.schedule
    for moment in live.state.moments:
        reason = _CHANGES.get(type(moment.body))
        if moment.seq <= told_seq or reason is None:
            continue
        if isinstance(moment.body, Paused):
            news.append(PausedMessage(moment.body.reason))
        elif isinstance(moment.body, Unpaused):
            news.append(UnpausedMessage(_OVER if moment.body.by is None else _ENDED))
        if schedule.is_limited:
            news.append(DeadlineChanged(schedule.deadline_at, live.remaining_seconds(now), reason))
    return news


_CHANGES: dict[type[TimeBody], str] = {
    Paused: "pause",
    Unpaused: "pause",
    Extended: "extension",
    Credited: "time credit",
}
_OVER = "The pause has lasted as long as it may."
_ENDED = "The pause is over."


def score_of(live: LiveAssessment) -> Score:
    """The score of the current answers, from the frozen paper and the fold alone."""
    given = {question_id: stored.record.given for question_id, stored in live.state.responses.items()}
    return grade(live.paper, given, live.blueprint)


def receipt_of(assessment: Assessment) -> Receipt | None:
    """What was signed at the end; None while the assessment is open."""
    row = assessment
    if row.receipt_seq is None or row.receipt_head is None or not row.receipt_signature or not row.receipt_key_id:
        return None
    return Receipt(
        row.assessment_id, row.receipt_seq, row.receipt_head.hex(), row.receipt_signature, row.receipt_key_id
    )


def completed_message(live: LiveAssessment) -> AssessmentCompleted:
    """What the candidate is told at the end, receipt included.

    Raises:
        AssessmentOver: it was voided before its end, so there are no results.
    """
    if live.state.ended is None:
        raise AssessmentOver()
    receipt = receipt_of(live.assessment)
    assert receipt is not None
    return AssessmentCompleted(own_results_of(live), live.state.ended.reason.on_the_wire, receipt)


def own_results_of(live: LiveAssessment) -> BareResults:
    """The results as far as the Test shows them to the candidate."""
    return shown_results(results_of(live), live.blueprint.results)


def results_of(live: LiveAssessment) -> Results:
    """The results; of an open assessment only the facts that give nothing away.

    Where the candidate was erased, skills and compliance followed from what is gone.
    """
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
        answered_questions=ended.answered_questions if ended and state.erased else state.answered_questions,
        generated_questions=len(state.written_positions),
        correct_answers=ended.correct_answers if ended else None,
        started_at=row.started_at,
        end_time=ended.end_time if ended else None,
        time_taken_minutes=row.time_taken_minutes,
        skills=_skills(live) if over and not state.erased else (),
        scheduler_compliance=compliance(live.blueprint, state) if ended and not state.erased else None,
    )


def _skills(live: LiveAssessment) -> tuple[SkillResult, ...]:
    return tuple(
        SkillResult(each.skill, each.priority, each.questions, each.correct, each.percentage / 1000)
        for each in score_of(live).skills
    )
