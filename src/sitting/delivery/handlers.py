"""One handler for each command: it calls one use case and says what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sitting.domain.assessment import StoredAnswer
from sitting.domain.errors import (
    AnswerLocked,
    AssessmentOver,
    AttachmentStale,
    NotAuthenticated,
    SittingError,
    Unavailable,
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
from sitting.domain.messages import AuthSuccess, Pong
from sitting.domain.paper import PaperQuestion
from sitting.identity.access import Action, require
from sitting.identity.identify import identify_by_token
from sitting.protocol.close_codes import CloseCode
from sitting.protocol.commands import (
    Auth,
    Command,
    CompleteAssessment,
    EndBreak,
    FlagQuestion,
    GetProgress,
    GetQuestion,
    Heartbeat,
    IntegrityEvent,
    ResumeAssessment,
    StartAssessment,
    StartBreak,
    SubmitAnswer,
    entity_id,
)
from sitting.protocol.encoding import error_message
from sitting.usecases.end_break import end_break
from sitting.usecases.finalize_assessment import finalize_assessment
from sitting.usecases.flag_question import flag_question
from sitting.usecases.note_integrity_event import note_integrity_event
from sitting.usecases.resume_assessment import resume_assessment
from sitting.usecases.show_question import show_question
from sitting.usecases.start_break import start_break
from sitting.usecases.submit_answers import submit_answers

if TYPE_CHECKING:
    from sitting.delivery.connection import Connection


async def handle(connection: Connection, command: Command, id_: str | None, arrived_at: datetime) -> None:
    """Do what the command asks for.

    Args:
        id_: the client's id of the message, named again in the direct reply.

    Raises:
        SittingError: it is refused. SocketClosed: nothing can be said any more.
    """
    await _handler(type(command))(connection, command, id_, arrived_at)


def _live(connection: Connection) -> LiveAssessment:
    assert connection.live is not None  # ConnectionState admits these commands only when attached
    return connection.live


def _user_id(connection: Connection) -> int:
    assert connection.state.user_id is not None
    return connection.state.user_id


async def _auth(connection: Connection, command: Auth, id_: str | None, now: datetime) -> None:
    services = connection.services
    try:
        identity = await identify_by_token(services.storage, services.keys, command.token, now=now)
    except NotAuthenticated:
        services.limits.wrong_secret(connection.state.address, now)
        raise
    require(identity, Action.TAKE_TESTS)
    connection.identity = identity
    connection.state.authenticate(identity.user_id)
    connection.manager.make_room(connection, identity.user_id)
    await connection.say(AuthSuccess(identity.user_id, connection.state.connection_id, now), id_)


async def _start(connection: Connection, command: StartAssessment, id_: str | None, _arrived_at: datetime) -> None:
    clock = connection.services.clock
    connection.services.limits.attachment(_user_id(connection), clock.now())
    started = await connection.manager.start_assessment_session(
        connection,
        user_id=_user_id(connection),
        test_id=connection.state.resolve_test_id(command),
        application_id=None if command.application_id is None else entity_id(command.application_id),
        window_id=command.window_id,
        attachment=command.attachment,
        now=clock.now(),
    )
    await connection.say(started_message(started.live, clock.now(), recovered=started.recovered), id_)
    await _say_why_paused(connection, started.live)
    await _show_again(connection, started.live)


async def _say_why_paused(connection: Connection, live: LiveAssessment) -> None:
    note = pause_note(live)
    if note is not None:
        await connection.say(note)


async def _show_again(connection: Connection, live: LiveAssessment) -> None:
    """The question where the candidate stands, while questions are still delivered."""
    try:
        question = live.deliver(live.question_to_show(), connection.services.clock.now())
    except SittingError:
        return
    await _show(connection, live, question)


async def _show(connection: Connection, live: LiveAssessment, question: PaperQuestion, id_: str | None = None) -> None:
    """The question, and behind it the feedback on the answer that locks it, if one does."""
    await connection.say(question.shown(), id_)
    await _give_feedback(connection, live, live.state.responses.get(question.question_id))


async def _give_feedback(connection: Connection, live: LiveAssessment, stored: StoredAnswer | None) -> None:
    feedback = feedback_on(live, stored)
    if feedback is not None:
        await connection.say(feedback)


async def _resume(connection: Connection, command: ResumeAssessment, id_: str | None, arrived_at: datetime) -> None:
    services = connection.services
    services.limits.attachment(_user_id(connection), services.clock.now())
    live = await resume_assessment(
        services.storage,
        user_id=_user_id(connection),
        assessment_id=entity_id(command.assessment_id),
        connection_id=connection.state.connection_id,
        window_id=command.window_id,
        attachment=command.attachment,
        node_id=services.node.node_id,
        now=services.clock.now(),
    )
    await connection.attach(live)
    outcomes = await submit_answers(
        services.storage,
        live,
        attachment=connection.state.attachment,
        answers=[item.to_pending() for item in command.pending],
        arrived_at=arrived_at,
        now=services.clock.now(),
    )
    acknowledged = [outcome.acknowledgement() for outcome in outcomes]
    await connection.say(recovered_message(live, services.clock.now(), acknowledged), id_)
    await _say_why_paused(connection, live)
    for feedback in feedback_on_pending(live, acknowledged):
        await connection.say(feedback)
    if live.state.is_over:
        connection.end_told = True
        await connection.close(CloseCode.ASSESSMENT_OVER, "the assessment is over")


async def _submit(connection: Connection, command: SubmitAnswer, id_: str | None, arrived_at: datetime) -> None:
    live = _live(connection)
    clock = connection.services.clock
    [outcome] = await submit_answers(
        connection.services.storage,
        live,
        attachment=connection.state.attachment,
        answers=[command.to_answer()],
        arrived_at=arrived_at,
        now=clock.now(),
    )
    if isinstance(outcome.error, AnswerLocked) and not connection.state.speaks_v1:
        await connection.say(error_message(outcome.error), id_)
        await _lead_on(connection, live, arrived_at)
        return
    saved, feedback, sent_at = outcome.saved(), feedback_on(live, outcome.stored), clock.now()
    told = progress(live, sent_at)
    await connection.say(saved, id_, then=(told,) if feedback is None else (feedback, told))
    connection.services.metrics.ack_seconds.observe(max(0.0, (sent_at - arrived_at).total_seconds()))
    if not connection.state.speaks_v1 and not live.state.is_over:
        await _lead_on(connection, live, arrived_at)


async def _lead_on(connection: Connection, live: LiveAssessment, arrived_at: datetime) -> None:
    """Clients older than `sitting.v1` never ask: the next question follows by itself, and after the last the end."""
    if live.next_unanswered() is None:
        await _complete(connection, None, None, arrived_at)
        return
    now = connection.services.clock.now()
    try:
        question = await show_question(
            connection.services.storage, live, attachment=connection.state.attachment, arrived_at=now, now=now
        )
    except (AttachmentStale, Unavailable):
        raise
    except SittingError:
        return
    await _show(connection, live, question)


async def _question(connection: Connection, command: GetQuestion, id_: str | None, arrived_at: datetime) -> None:
    live = _live(connection)
    question = await show_question(
        connection.services.storage,
        live,
        attachment=connection.state.attachment,
        arrived_at=arrived_at,
        now=connection.services.clock.now(),
        question_id=command.question_id,
        position=command.position,
    )
    await _show(connection, live, question, id_)


async def _flag(connection: Connection, command: FlagQuestion, id_: str | None, _arrived_at: datetime) -> None:
    live = _live(connection)
    now = connection.services.clock.now()
    await flag_question(
        connection.services.storage,
        live,
        attachment=connection.state.attachment,
        question_id=command.question_id,
        flagged=command.flagged,
        now=now,
    )
    await connection.say(progress(live, now), id_)


async def _note(connection: Connection, command: IntegrityEvent, _id: str | None, _arrived_at: datetime) -> None:
    await note_integrity_event(
        connection.services.storage,
        _live(connection),
        attachment=connection.state.attachment,
        kind=command.kind,
        detail=command.detail_text(),
        now=connection.services.clock.now(),
    )


async def _complete(
    connection: Connection, _command: CompleteAssessment | None, id_: str | None, arrived_at: datetime
) -> None:
    live = _live(connection)
    if live.state.is_over:
        raise AssessmentOver()
    final = await finalize_assessment(
        connection.services.storage,
        connection.services.signer,
        assessment_id=live.assessment_id,
        reason=EndReason.SUBMITTED,
        now=connection.services.clock.now(),
        arrived_at=arrived_at,
        attachment=connection.state.attachment,
    )
    live.become(final)
    completed = completed_message(live)
    connection.end_told = True
    await connection.say(completed, id_)


async def _start_break(connection: Connection, _command: StartBreak, id_: str | None, arrived_at: datetime) -> None:
    await _change_break(connection, start_break, id_, arrived_at)


async def _end_break(connection: Connection, _command: EndBreak, id_: str | None, arrived_at: datetime) -> None:
    await _change_break(connection, end_break, id_, arrived_at)


async def _change_break(
    connection: Connection, change: Callable[..., Awaitable[LiveAssessment]], id_: str | None, arrived_at: datetime
) -> None:
    live = _live(connection)
    changed = await change(
        connection.services.storage,
        live.assessment_id,
        user_id=_user_id(connection),
        attachment=connection.state.attachment,
        arrived_at=arrived_at,
        now=connection.services.clock.now(),
    )
    live.become(changed)
    await connection.tell_time(id_)


async def _pong(connection: Connection, _command: Heartbeat, id_: str | None, _arrived_at: datetime) -> None:
    now = connection.services.clock.now()
    live = connection.live
    await connection.say(Pong(now, None if live is None else live.remaining_seconds(now)), id_)


async def _progress(connection: Connection, _command: GetProgress, id_: str | None, _arrived_at: datetime) -> None:
    await connection.say(progress(_live(connection), connection.services.clock.now()), id_)


Handler = Callable[["Connection", Any, str | None, datetime], Awaitable[None]]
_HANDLERS: dict[type[Command], Handler] = {
    Auth: _auth,
    StartAssessment: _start,
    ResumeAssessment: _resume,
    SubmitAnswer: _submit,
    GetQuestion: _question,
    FlagQuestion: _flag,
    GetProgress: _progress,
    IntegrityEvent: _note,
    StartBreak: _start_break,
    EndBreak: _end_break,
    CompleteAssessment: _complete,
    Heartbeat: _pong,
}


@cache
def _handler(type_: type[Command]) -> Handler:
    """The handler of that command, or of the command that its strict form is derived from."""
    return next(handler for command, handler in _HANDLERS.items() if issubclass(type_, command))
