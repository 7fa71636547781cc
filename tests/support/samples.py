"""Small papers, rules and logs for tests of the pure rooms; nothing here touches a database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sitting.domain.assessment import Assessment, AssessmentState, Status
from sitting.domain.blueprint import Blueprint
from sitting.domain.chain import SealedEvent
from sitting.domain.events import Attached, EndReason, EventBody, Finalized, Started
from sitting.domain.live import LiveAssessment
from sitting.domain.paper import Paper, PaperQuestion
from sitting.domain.question import Difficulty, Option, QuestionContent, QuestionType
from sitting.domain.response import FREE_RULES, Answer, AnswerRules, Judgement, event_body, judge_all
from tests.support.replacing import replace

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DEADLINE = START + timedelta(minutes=30)
GRACE_SECONDS = 5
MILLISECOND = timedelta(milliseconds=1)
MICROSECOND = timedelta(microseconds=1)


def content(number: int = 1, **changes: Any) -> QuestionContent:
    """A single-choice question with the options o_1a, o_1b, o_1c (for number 1), of which a is right."""
    sample = QuestionContent(
        type=QuestionType.SINGLE_CHOICE,
        text=f"Question {number}?",
        options=tuple(Option(f"o_{number}{letter}", f"choice {letter} of {number}") for letter in "abc"),
        key=f"o_{number}a",
        explanation=f"Because of {number}.",
        skill="python",
        difficulty=Difficulty.EASY,
    )
    return replace(sample, **changes)


def slot(position: int = 1, *, points: int = 1000, **changes: Any) -> PaperQuestion:
    """The slot of question q_1 (for position 1); `changes` go to its content."""
    what = content(position, **changes)
    return PaperQuestion(
        position=position,
        question_id=f"q_{position}",
        section="main",
        points=points,
        option_order=tuple(option.id for option in what.options),
        content_digest=what.digest(),
        content=what,
    )


def paper(*points: int) -> Paper:
    """One question for each number of points (thousandths): q_1, q_2 …; three of one point if none is given."""
    return Paper(tuple(slot(n, points=each) for n, each in enumerate(points or (1000, 1000, 1000), start=1)))


def blueprint(**changes: Any) -> Blueprint:
    return replace(Blueprint(name="Sample", time_limit_minutes=30, grace_seconds=GRACE_SECONDS), **changes)


def started(deadline_at: datetime | None = DEADLINE, grace_seconds: int = GRACE_SECONDS) -> Started:
    return Started(3, 5, 7, 11, 1, deadline_at, grace_seconds, "ab" * 32)


def finalized(**changes: Any) -> Finalized:
    body = Finalized(Status.COMPLETED, EndReason.SUBMITTED, START, 1000, 3000, 33_333, False, 1, 1)
    return replace(body, **changes)


class Log:
    """A log as the server writes it, kept in a list: what is stored is applied, and nothing else."""

    def __init__(self, assessment_id: int = 42) -> None:
        self.state = AssessmentState(assessment_id)
        self.events: list[SealedEvent] = []

    def write(self, body: EventBody, at: datetime = START) -> SealedEvent:
        """Append an entry, whatever the rules say."""
        event = self.state.next_event(body, at)
        self.events.append(event)
        self.state.apply(event)
        return event

    def submit(
        self,
        paper_: Paper,
        answers: Sequence[Answer],
        arrived_at: datetime,
        now: datetime | None = None,
        rules: AnswerRules = FREE_RULES,
    ) -> list[Judgement]:
        """Judge the answers of one frame and keep what is to be kept."""
        judgements = judge_all(self.state, paper_, answers, arrived_at, rules)
        body = event_body(judgements, arrived_at)
        if body is not None:
            self.write(body, now or arrived_at)
        return judgements


def running_log(deadline_at: datetime | None = DEADLINE, grace_seconds: int = GRACE_SECONDS) -> Log:
    """A log whose assessment was started and is attached (seq 2)."""
    log = Log()
    log.write(started(deadline_at, grace_seconds))
    log.write(Attached("c_1", "start"))
    return log


def assessment(**changes: Any) -> Assessment:
    """The row of the assessment that `running_log` is about."""
    row = Assessment(
        assessment_id=42,
        application_id=3,
        user_id=5,
        test_id=7,
        test_version_id=11,
        attempt=1,
        status=Status.STARTED,
        started_at=START,
        deadline_at=DEADLINE,
        end_time=None,
        end_reason=None,
        total_score=None,
        max_score=3000,
        percentage_score=None,
        passed=None,
        total_questions=3,
        time_taken_minutes=None,
        created_at=START,
        updated_at=START,
        head_seq=0,
        head_hash=b"",
        receipt_seq=None,
        receipt_head=None,
        receipt_signature=None,
        receipt_key_id=None,
        seed=None,
        is_trial=False,
        compliance=None,
        compliance_signature=None,
    )
    return replace(row, **changes)


def live(
    log: Log | None = None, paper_: Paper | None = None, blueprint_: Blueprint | None = None, **changes: Any
) -> LiveAssessment:
    """An assessment in somebody's hands; `changes` go to its row."""
    state = (log or running_log()).state
    return LiveAssessment(assessment(**changes), blueprint_ or blueprint(), paper_ or paper(), state)
