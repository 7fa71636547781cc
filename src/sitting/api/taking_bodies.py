"""What a candidate sends and gets over REST: the socket's commands and messages, as OpenAPI knows them.

Each body has the fields of its command in `protocol.commands`, without those that stand in the address. The socket's
decoder makes the command of them, so that nothing gets in here that it would refuse.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from sitting.api.assessments import ShownResults
from sitting.api.fields import Body
from sitting.domain.assessment import Status
from sitting.domain.messages import (
    AnswerFeedback,
    AnswerSaved,
    AssessmentRecovered,
    AssessmentSnapshot,
    ProgressUpdate,
    QuestionMessage,
)
from sitting.domain.results import Receipt
from sitting.kit.ids import ID_LIMIT
from sitting.protocol.commands import MAX_CHOICES, MAX_DETAIL, MAX_PENDING, MAX_TEXT

EntityRef = Annotated[StrictInt, Field(ge=1, lt=ID_LIMIT)] | Annotated[StrictStr, Field(pattern="^[0-9]{1,16}$")]
QuestionRef = Annotated[StrictStr, Field(min_length=1, max_length=64)]
ClientId = Annotated[StrictStr, Field(min_length=1, max_length=64)]
Counter = Annotated[StrictInt, Field(ge=0, lt=ID_LIMIT)]
WindowId = Annotated[StrictStr, Field(pattern="^[ -~]{1,64}$")]
Position = Annotated[StrictInt, Field(ge=1, lt=ID_LIMIT)]
Typed = Annotated[StrictStr, Field(max_length=MAX_TEXT)]
Attachment = Annotated[StrictInt, Field(ge=1, lt=ID_LIMIT)]


class Claim(Body):
    """In which window, and what it last held: who comes back by itself takes nothing over from another window."""

    window_id: WindowId | None = None
    attachment: Counter | None = None


class Start(Claim):
    """Which Test to start; the application is needed only where several could be meant."""

    test_id: EntityRef
    application_id: EntityRef | None = None


class PendingAnswer(Body):
    """One answer, by one of `selected_option`, `selected_options` and `value`; null takes it back."""

    question_id: QuestionRef
    selected_option: Typed | None = None
    selected_options: Annotated[tuple[Typed, ...], Field(max_length=MAX_CHOICES)] | None = None
    value: Typed | StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)] | None = None
    client_id: ClientId | None = None
    client_seq: Counter | None = None
    base_seq: Counter | None = None


class Resume(Claim):
    """What was not acknowledged, oldest first; all of it at most 48 KiB."""

    pending: Annotated[list[PendingAnswer], Field(max_length=MAX_PENDING, default_factory=list)]


class Attached(Body):
    """`attachment` is what the start or the resume returned by which the caller holds the assessment."""

    attachment: Attachment


class GivenAnswer(PendingAnswer, Attached):
    """One answer of whoever holds the assessment."""


class WantedQuestion(Attached):
    """A question by id, by position (from 1), or, with neither, the next one."""

    question_id: QuestionRef | None = None
    position: Position | None = None


class Flag(Attached):
    """Whether a question is marked to come back to it."""

    question_id: QuestionRef
    flagged: StrictBool


class Observation(Attached):
    """Something that the client noticed."""

    kind: Annotated[StrictStr, Field(min_length=1, max_length=64, pattern="^[a-z_]+$")]
    detail: Annotated[StrictStr, Field(max_length=MAX_DETAIL)] | dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(AssessmentSnapshot):
    """An assessment that goes on: with all that is stored, so that nothing from before is needed."""

    results: ShownResults | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(AssessmentRecovered):
    """The snapshot, what became of each pending answer, and what is said at once about those that are stored."""

    answer_feedback: tuple[AnswerFeedback, ...]
    results: ShownResults | None = None


@dataclass(frozen=True, slots=True)
class TakenAnswer:
    """The answer is stored. The feedback is null where the Test gives none."""

    answer_saved: AnswerSaved
    answer_feedback: AnswerFeedback | None
    progress_update: ProgressUpdate


@dataclass(frozen=True, slots=True)
class ShownQuestion:
    """The question, and the feedback on the answer that locks it, if one does."""

    question: QuestionMessage
    answer_feedback: AnswerFeedback | None


@dataclass(frozen=True, slots=True)
class Completed:
    """The end; `reason` is submitted, timeout or ended_by_invigilator."""

    results: ShownResults
    reason: str
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a socket would have been told by itself, for a client that asks instead.

    Attributes:
        deadline_at: null where nothing limits the time, and in a pause.
        remaining_seconds: null where nothing limits the time; 0 once it is over.
        pause_reason: null while the clock runs.
        attachment: the newest; whoever has another one was replaced.
    """

    assessment_id: int
    server_time: datetime
    status: Status
    deadline_at: datetime | None
    remaining_seconds: float | None
    pause_reason: str | None
    attachment: int
