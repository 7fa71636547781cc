"""Taking a test without a socket: what it does for a candidate, under the same rules and by the same use cases.

A request arrives when its body is complete: FastAPI reads that before it asks for `Now`, the one stamp by which answers
are judged. A body that trickles in buys no time, and a server that is slow behind it takes none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import fields
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from sitting.api.fields import EntityPath
from sitting.api.problems import refusals
from sitting.api.security import Now, Parts, require
from sitting.api.taking_bodies import (
    Attached,
    Completed,
    Flag,
    GivenAnswer,
    Heard,
    Observation,
    Resume,
    Resumed,
    ShownQuestion,
    Snapshot,
    Start,
    TakenAnswer,
    WantedQuestion,
)
from sitting.domain.errors import (
    AnswerLocked,
    AnswerSuperseded,
    ApplicationAmbiguous,
    ApplicationNotFound,
    AssessmentNotFound,
    AssessmentOver,
    AttachmentStale,
    AttemptsExhausted,
    BlueprintNotFound,
    ClientSeqConflict,
    ClockPaused,
    Conflict,
    DeadlinePassed,
    InvalidAnswer,
    NavigationNotAllowed,
    NotOpen,
    QuestionNotFound,
    RateLimited,
)
from sitting.domain.events import EndReason
from sitting.domain.feedback import feedback_on, feedback_on_pending
from sitting.domain.live import (
    LiveAssessment,
    completed_message,
    pause_note,
    progress,
    recovered_message,
    started_message,
)
from sitting.domain.messages import AssessmentStarted, ProgressUpdate
from sitting.identity.access import Action
from sitting.identity.identify import Identity
from sitting.kit.ids import random_id
from sitting.protocol.commands import (
    MAX_FRAME_BYTES,
    FlagQuestion,
    GetQuestion,
    IntegrityEvent,
    ResumeAssessment,
    StartAssessment,
    SubmitAnswer,
    check_json,
    check_pending_size,
    command_of,
    entity_id,
)
from sitting.usecases.end_break import end_break
from sitting.usecases.finalize_assessment import finalize_assessment
from sitting.usecases.flag_question import flag_question
from sitting.usecases.let_in import let_in
from sitting.usecases.load_own_assessment import load_own_assessment
from sitting.usecases.note_integrity_event import note_integrity_event
from sitting.usecases.resume_assessment import resume_assessment
from sitting.usecases.services import Services
from sitting.usecases.show_question import show_question
from sitting.usecases.start_assessment import start_assessment
from sitting.usecases.start_break import start_break
from sitting.usecases.submit_answers import submit_answers

TOO_LARGE = f"What a candidate sends takes at most {MAX_FRAME_BYTES} bytes."


async def _read_strictly(request: Request) -> None:
    """Hold the body to what the socket takes for JSON; the reader of FastAPI is more generous.

    Raises:
        InvalidMessage: a key twice, an integer beyond 64 bits, a NUL, half of a surrogate pair, another encoding.
    """
    body = await request.body()
    if len(body) > MAX_FRAME_BYTES:
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE)
    if body:
        check_json(body)


router = APIRouter(prefix="/assessments", tags=["taking a test"], dependencies=[Depends(_read_strictly)])

Candidate = Annotated[Identity, require(Action.TAKE_TESTS)]
_GONE_ON = (AssessmentNotFound, AssessmentOver, AttachmentStale)


async def _own_assessment(services: Parts, assessment_id: EntityPath, who: Candidate) -> LiveAssessment:
    return await load_own_assessment(services.storage, user_id=who.user_id, assessment_id=assessment_id)


Own = Annotated[LiveAssessment, Depends(_own_assessment)]


@router.post(
    "",
    name="start_assessment",
    response_model=AssessmentStarted,
    status_code=HTTPStatus.CREATED,
    responses={
        200: {"model": Snapshot, "description": "It was open already, and goes on."},
        **refusals(
            BlueprintNotFound,
            NotOpen,
            ApplicationNotFound,
            ApplicationAmbiguous,
            AttemptsExhausted,
            AttachmentStale,
            RateLimited,
        ),
    },
)
async def start(services: Parts, who: Candidate, body: Start) -> Response:
    """Start an assessment, or take over the one that is open for that Test. Its clock runs from here on."""
    command = command_of(StartAssessment, body.model_dump(exclude_unset=True))
    assert command.test_id is not None
    test_id = entity_id(command.test_id)
    services.limits.attachment(who.user_id, services.clock.now())
    with services.metrics.start() as counted:
        async with let_in(services, user_id=who.user_id, test_id=test_id):
            started = await start_assessment(
                services.storage,
                user_id=who.user_id,
                test_id=test_id,
                application_id=None if command.application_id is None else entity_id(command.application_id),
                connection_id=_connection_id(),
                window_id=command.window_id,
                attachment=command.attachment,
                now=services.clock.now(),
                clock=services.clock,
                live_run=services.live_run_limits,
            )
        counted.succeeded(recovered=started.recovered)
    message = started_message(started.live, services.clock.now(), recovered=started.recovered)
    return _said(message, HTTPStatus.OK if started.recovered else HTTPStatus.CREATED)


@router.post(
    "/{assessment_id}/resume",
    name="resume_assessment",
    response_model=Resumed,
    responses=refusals(AssessmentNotFound, AttachmentStale, RateLimited),
)
async def resume(
    request: Request, services: Parts, arrived_at: Now, assessment_id: EntityPath, who: Candidate, body: Resume
) -> Response:
    """Go on with an assessment, or take it over, with the answers in hand that were not acknowledged."""
    check_pending_size(len(await request.body()))
    command = command_of(ResumeAssessment, {"assessment_id": assessment_id, **body.model_dump(exclude_unset=True)})
    services.limits.attachment(who.user_id, services.clock.now())
    live = await resume_assessment(
        services.storage,
        user_id=who.user_id,
        assessment_id=assessment_id,
        connection_id=_connection_id(),
        window_id=command.window_id,
        attachment=command.attachment,
        now=services.clock.now(),
    )
    outcomes = await submit_answers(
        services.storage,
        live,
        attachment=live.state.attachment,
        answers=[item.to_pending() for item in command.pending],
        arrived_at=arrived_at,
        now=services.clock.now(),
    )
    acknowledged = [outcome.acknowledgement() for outcome in outcomes]
    snapshot = recovered_message(live, services.clock.now(), acknowledged)
    parts = {field.name: getattr(snapshot, field.name) for field in fields(snapshot)}
    return _said(Resumed(**parts, answer_feedback=tuple(feedback_on_pending(live, acknowledged))))


@router.post(
    "/{assessment_id}/answers",
    name="submit_answer",
    response_model=TakenAnswer,
    responses=refusals(
        *_GONE_ON,
        QuestionNotFound,
        InvalidAnswer,
        ClientSeqConflict,
        AnswerSuperseded,
        AnswerLocked,
        NavigationNotAllowed,
        ClockPaused,
        DeadlinePassed,
    ),
)
async def answer(services: Parts, arrived_at: Now, live: Own, body: GivenAnswer) -> Response:
    """Answer a question. Whatever comes back with 200 is stored; nothing else is known to be."""
    command = command_of(SubmitAnswer, _of_command(body))
    [outcome] = await submit_answers(
        services.storage,
        live,
        attachment=body.attachment,
        answers=[command.to_answer()],
        arrived_at=arrived_at,
        now=services.clock.now(),
    )
    saved, now = outcome.saved(), services.clock.now()
    services.metrics.ack_seconds.observe(max(0.0, (now - arrived_at).total_seconds()))
    return _said(TakenAnswer(saved, feedback_on(live, outcome.stored), progress(live, now)))


@router.post(
    "/{assessment_id}/question",
    name="get_question",
    response_model=ShownQuestion,
    responses=refusals(*_GONE_ON, QuestionNotFound, NavigationNotAllowed, ClockPaused, DeadlinePassed),
)
async def question(services: Parts, arrived_at: Now, live: Own, body: WantedQuestion) -> Response:
    """Read a question. In a linear Test asking for the next one moves on to it, and there is no way back."""
    command = command_of(GetQuestion, _of_command(body))
    shown = await show_question(
        services.storage,
        live,
        attachment=body.attachment,
        arrived_at=arrived_at,
        now=services.clock.now(),
        question_id=command.question_id,
        position=command.position,
    )
    return _said(ShownQuestion(shown.shown(), feedback_on(live, live.state.responses.get(shown.question_id))))


@router.post(
    "/{assessment_id}/flags",
    name="flag_question",
    response_model=ProgressUpdate,
    responses=refusals(*_GONE_ON, QuestionNotFound, NavigationNotAllowed),
)
async def flag(services: Parts, live: Own, body: Flag) -> Response:
    """Mark a question to come back to it, or take the mark away."""
    command = command_of(FlagQuestion, _of_command(body))
    now = services.clock.now()
    await flag_question(
        services.storage,
        live,
        attachment=body.attachment,
        question_id=command.question_id,
        flagged=command.flagged,
        now=now,
    )
    return _said(progress(live, now))


@router.post(
    "/{assessment_id}/integrity-events",
    name="integrity_event",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals(*_GONE_ON),
)
async def integrity_event(services: Parts, live: Own, body: Observation) -> None:
    """Keep something that the client noticed, for the invigilator."""
    command = command_of(IntegrityEvent, _of_command(body))
    await note_integrity_event(
        services.storage,
        live,
        attachment=body.attachment,
        kind=command.kind,
        detail=command.detail_text(),
        now=services.clock.now(),
    )


@router.get(
    "/{assessment_id}/progress",
    name="get_progress",
    response_model=ProgressUpdate,
    responses=refusals(AssessmentNotFound),
)
async def own_progress(services: Parts, live: Own) -> Response:
    """How far the candidate is."""
    return _said(progress(live, services.clock.now()))


@router.get("/{assessment_id}/clock", name="heartbeat", response_model=Heard, responses=refusals(AssessmentNotFound))
async def clock(services: Parts, live: Own) -> Response:
    """What time it is, and whether anything happened: a pause, more time, the end, or a takeover."""
    return _said(_heard(services, live))


@router.post(
    "/{assessment_id}/break/start",
    name="start_break",
    response_model=Heard,
    responses=refusals(*_GONE_ON, Conflict),
)
async def leave_for_a_break(services: Parts, arrived_at: Now, live: Own, body: Attached) -> Response:
    """Stop the clock, for what is left of the break time that was granted."""
    return await _change_break(start_break, services, arrived_at, live, body.attachment)


@router.post(
    "/{assessment_id}/break/end",
    name="end_break",
    response_model=Heard,
    responses=refusals(*_GONE_ON, Conflict),
)
async def come_back_from_a_break(services: Parts, arrived_at: Now, live: Own, body: Attached) -> Response:
    """Let the clock run again."""
    return await _change_break(end_break, services, arrived_at, live, body.attachment)


@router.post(
    "/{assessment_id}/complete",
    name="complete_assessment",
    response_model=Completed,
    responses=refusals(*_GONE_ON, ClockPaused, DeadlinePassed),
)
async def complete(services: Parts, arrived_at: Now, live: Own, body: Attached) -> Response:
    """Hand in."""
    if live.state.is_over:
        raise AssessmentOver()
    final = await finalize_assessment(
        services.storage,
        services.signer,
        assessment_id=live.assessment_id,
        reason=EndReason.SUBMITTED,
        now=services.clock.now(),
        arrived_at=arrived_at,
        attachment=body.attachment,
    )
    return _said(completed_message(final))


async def _change_break(
    change: Callable[..., Awaitable[LiveAssessment]],
    services: Services,
    arrived_at: datetime,
    live: LiveAssessment,
    attachment: int,
) -> Response:
    changed = await change(
        services.storage,
        live.assessment_id,
        user_id=live.assessment.user_id,
        attachment=attachment,
        arrived_at=arrived_at,
        now=services.clock.now(),
    )
    return _said(_heard(services, changed))


def _heard(services: Services, live: LiveAssessment) -> Heard:
    now, note = services.clock.now(), pause_note(live)
    return Heard(
        assessment_id=live.assessment_id,
        server_time=now,
        status=live.state.status,
        deadline_at=live.state.schedule.deadline_at,
        remaining_seconds=live.remaining_seconds(now),
        pause_reason=None if note is None else note.reason,
        attachment=live.state.attachment,
    )


def _connection_id() -> str:
    """For an attachment that no socket holds: nobody will see it close, so no `detached` ever speaks of it."""
    return random_id("c", 16)


def _of_command(body: Attached) -> dict[str, Any]:
    return body.model_dump(exclude_unset=True, exclude={"attachment"})


def _said(message: Any, status: int = HTTPStatus.OK) -> Response:
    """The very bytes that the socket would send as `data`; pydantic would leave out what a subclass adds."""
    return Response(msgspec.json.encode(message), status, {"Cache-Control": "no-store"}, "application/json")
