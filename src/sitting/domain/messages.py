"""Everything that the server says on the socket, as it goes out. Field names are the wire contract's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from sitting.domain.compliance import TimeCredit
from sitting.domain.results import BareResults, Receipt


@dataclass(frozen=True, slots=True)
class AuthSuccess:
    """The connection is authenticated."""

    type: ClassVar[str] = "auth_success"
    user_id: int
    connection_id: str
    server_time: datetime


@dataclass(frozen=True, slots=True)
class OutlineItem:
    """One slot as the candidate's overview shows it; `state` is unanswered or answered."""

    question_id: str | None
    position: int
    section: str
    skill: str
    points: float
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentStarted:
    """An assessment runs for this connection, new or (`recovered`) gone on with."""

    type: ClassVar[str] = "assessment_started"
    assessment_id: int
    test_id: int
    application_id: int
    attempt: int
    test_name: str
    total_questions: int
    time_limit_minutes: int | float | None
    started_at: datetime
    deadline_at: datetime | None
    remaining_seconds: float | None
    navigation: str
    feedback: str
    grace_seconds: int
    attachment: int
    outline: tuple[OutlineItem, ...]
    recovered: bool


@dataclass(frozen=True, slots=True)
class CurrentResponse:
    """The stored answer to one question."""

    question_id: str
    selected_option: str | None
    selected_options: tuple[str, ...] | None
    value: str | None
    seq: int
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What became of one pending answer. `code` is the error's, where it did not count."""

    question_id: str
    client_id: str | None
    client_seq: int | None
    outcome: str
    seq: int | None = None
    saved_at: datetime | None = None
    digest: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentSnapshot(AssessmentStarted):
    """The answer to a start that found an assessment open; whoever has it needs nothing from before.

    `results`, `reason` and `receipt` are those of `assessment_completed`, null while it is open.
    """

    responses: tuple[CurrentResponse, ...]
    flags: tuple[str, ...]
    position: int
    acknowledged: tuple[Acknowledgement, ...]
    time_credits: tuple[TimeCredit, ...]
    status: str
    results: BareResults | None = None
    reason: str | None = None
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentRecovered(AssessmentSnapshot):
    """The answer to a resume."""

    type: ClassVar[str] = "assessment_recovered"


@dataclass(frozen=True, slots=True)
class ShownOption:
    """An option; `text` is the author's Markdown, `html` the same as safe HTML without blocks."""

    id: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class ShownQuestion:
    """What a candidate may see of a question.

    Attributes:
        text, html: the author's Markdown, and the same as safe HTML.
        media: the addresses of all images that question and options show, without the server's.
        unit: what a typed number may be followed by; null if nothing, or if the unit is part of what is asked.
    """

    text: str
    html: str
    type: str
    options: tuple[ShownOption, ...]
    difficulty: str
    skill: str
    points: float
    media: tuple[str, ...]
    unit: str | None


@dataclass(frozen=True, slots=True)
class QuestionMessage:
    """A question, as frozen in the paper."""

    type: ClassVar[str] = "question"
    question_id: str
    position: int
    question: ShownQuestion


@dataclass(frozen=True, slots=True)
class AnswerSaved:
    """The acknowledgement: sent only after the commit. `digest` is the event's hash in hex."""

    type: ClassVar[str] = "answer_saved"
    question_id: str
    client_id: str | None
    client_seq: int | None
    seq: int
    saved_at: datetime
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFeedback:
    """What is right, behind the acknowledgement of an answer, where the Test's feedback policy allows.

    Attributes:
        correct: fully right; an answer that brings a part of the points is not.
        correct_option: the id of the one right option; null for kinds of question without one.
        correct_options: the ids of all right options. correct_text: what is right, in words.
        explanation, explanation_html: the author's Markdown, and the same as safe HTML; empty if there is none.
        option_feedback: what the author says to whoever chose these options.
    """

    type: ClassVar[str] = "answer_feedback"
    question_id: str
    correct: bool
    correct_option: str | None
    correct_options: tuple[str, ...]
    correct_text: str
    explanation: str
    explanation_html: str
    option_feedback: tuple[ShownOption, ...]


@dataclass(frozen=True, slots=True)
class ProgressUpdate:
    type: ClassVar[str] = "progress_update"
    total_questions: int
    answered_questions: int
    flagged_questions: int
    percentage_complete: float
    remaining_seconds: float | None


@dataclass(frozen=True, slots=True)
class TimeWarning:
    type: ClassVar[str] = "time_warning"
    remaining_seconds: float


@dataclass(frozen=True, slots=True)
class DeadlineChanged:
    """The deadline moved, for that reason: extension, time credit or pause. It is null while a pause lasts."""

    type: ClassVar[str] = "deadline_changed"
    deadline_at: datetime | None
    remaining_seconds: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class PausedMessage:
    """The clock stands still, and no answers are taken."""

    type: ClassVar[str] = "paused"
    reason: str


@dataclass(frozen=True, slots=True)
class UnpausedMessage:
    """The clock runs again."""

    type: ClassVar[str] = "unpaused"
    reason: str


@dataclass(frozen=True, slots=True)
class AssessmentCompleted:
    """The end; `reason` is submitted, timeout or ended_by_invigilator."""

    type: ClassVar[str] = "assessment_completed"
    results: BareResults
    reason: str
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Pong:
    type: ClassVar[str] = "pong"
    server_time: datetime
    remaining_seconds: float | None


class SystemMessage(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    """A sentence for the candidate. A struct, since `from` (here `sender`: server or invigilator) is a Python word."""

    type: ClassVar[str] = "system_message"
    message: str
    sender: str = "server"


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    """A refusal; `error` is a sentence safe to show."""

    type: ClassVar[str] = "error"
    code: str
    error: str
    retryable: bool
    details: dict[str, Any] = field(default_factory=dict)


ServerMessage = (
    AuthSuccess
    | AssessmentStarted
    | AssessmentRecovered
    | QuestionMessage
    | AnswerSaved
    | AnswerFeedback
    | ProgressUpdate
    | TimeWarning
    | DeadlineChanged
    | PausedMessage
    | UnpausedMessage
    | AssessmentCompleted
    | Pong
    | SystemMessage
    | ErrorMessage
)
