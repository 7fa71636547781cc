"""One live connection: reads, answers in order, and tells what happens elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime

import structlog

from sitting.delivery.handlers import handle
from sitting.delivery.inbox import (
    AccessLost,
    ClientGone,
    FrameArrived,
    Happening,
    Inbox,
    LogChanged,
    NodeEnds,
    ReadingFailed,
    ReadingStopped,
    WarningDue,
)
from sitting.delivery.manager import ConnectionManager
from sitting.delivery.socket import ClientTooSlow, Socket, SocketClosed
from sitting.delivery.warnings import warning_times
from sitting.domain.errors import (
    AttachmentStale,
    InternalError,
    NotAuthenticated,
    RateLimited,
    SittingError,
    Unavailable,
)
from sitting.domain.live import LiveAssessment, completed_message, time_news
from sitting.domain.messages import PausedMessage, ServerMessage, SystemMessage, TimeWarning, UnpausedMessage
from sitting.identity.identify import Identity
from sitting.kit.ids import random_id
from sitting.metrics import SOCKET
from sitting.protocol.close_codes import CloseCode
from sitting.protocol.commands import ResumeAssessment, StartAssessment, decode
from sitting.protocol.connection import ConnectionState
from sitting.protocol.encoding import encode, error_message
from sitting.storage.hub import Change
from sitting.usecases.detach_assessment import detach_assessment
from sitting.usecases.services import Services

AUTH_TIMEOUT_SECONDS = 5
TIMER_SLACK_SECONDS = 0.05
_WARNING_DUE = WarningDue()
VOIDED_SENTENCE = "This assessment was ended, and does not count."
REPLACED_SENTENCE = "This assessment goes on in another window or on another device."

log = structlog.get_logger(__name__)


class Connection:
    """What one socket is at, over the socket itself.

    Attributes:
        state: what it may do. live: what it works on, None before a start or resume.
        identity: who it is, and by what, None before it has said so.
        end_told: the client has been told that the assessment is over.
    """

    __slots__ = (
        "_heard_of",
        "_inbox",
        "_lost",
        "_sent_elsewhere",
        "_socket",
        "_timer",
        "_told_seq",
        "_unsubscribe",
        "end_told",
        "identity",
        "live",
        "manager",
        "services",
        "state",
    )

    def __init__(
        self,
        services: Services,
        manager: ConnectionManager,
        socket: Socket,
        state: ConnectionState,
        identity: Identity | None = None,
    ) -> None:
        self.services = services
        self.manager = manager
        self.state = state
        self.identity = identity
        self.live: LiveAssessment | None = None
        self.end_told = False
        self._heard_of = 0  # the newest entry of the log that the hub has named
        self._told_seq = 0  # the client knows how the clock stands as of this entry of the log
        self._socket = socket
        self._inbox = Inbox()
        self._lost: AccessLost | None = None
        self._sent_elsewhere = False
        self._timer: asyncio.TimerHandle | None = None
        self._unsubscribe = _nothing

    async def run(self) -> None:
        """Serve the connection until it closes."""
        reader = asyncio.create_task(self._read(), name="read")
        self.manager.connect(self)
        try:
            await self._authenticated()
            while await self._next():
                pass
        except SocketClosed:
            pass
        except SittingError:
            raise
        except Exception as fault:
            await self._break_off(self._unforeseen(fault))
        finally:
            reader.cancel()
            self.manager.disconnect(self)
            await self._let_go()

    async def attach(self, live: LiveAssessment) -> None:
        """Work on that assessment from now on, listen to what others do with it, and let go of another one."""
        left, left_attachment, now = self.live, self.state.attachment, self.services.clock.now()
        self._stop_listening()
        row = live.assessment
        self.live, self.end_told, self._told_seq = live, live.state.is_over, live.state.seq
        self._heard_of = 0
        self.state.start_assessment(row.test_id, row.assessment_id, now, live.state.attachment)
        self._unsubscribe = self.services.storage.hub.subscribe(row.assessment_id, self._on_change)
        self._arm_warnings(now)
        if left is not None and left.assessment_id != live.assessment_id:
            await self._detach(left, left_attachment)

    async def say(
        self, message: ServerMessage, reply_to: str | None = None, *, then: Sequence[ServerMessage] = ()
    ) -> None:
        """Send a message, if the client is still there: what it sent before it went is dealt with all the same.

        Args:
            then: what goes out with it, behind it.

        Raises:
            ClientTooSlow: it took nothing for so long that it was cut off.
        """
        try:
            await self._socket.send_text(encode(message, reply_to), *map(encode, then))
        except ClientTooSlow:
            raise
        except SocketClosed:
            return

    async def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket and stop serving it.

        Raises:
            SocketClosed: always.
        """
        await self._socket.close(code, reason)
        raise SocketClosed()

    def shut_out(self, refusal: SittingError) -> None:
        """Deal with no more frames, say why and close, once the frame that is being dealt with is."""
        if self._lost is None:
            self._lost = AccessLost(refusal)
            self._inbox.put(self._lost)  # behind whatever waits; only to wake whoever reads the inbox

    def send_elsewhere(self) -> None:
        """Close with 1012 once the frames that came so far are answered; those behind them are not dealt with."""
        if not self._sent_elsewhere:
            self._sent_elsewhere = True
            self._inbox.put(NodeEnds())

    # --- reading ---

    async def _read(self) -> None:
        """Read until there is nothing more; whatever goes wrong with it ends the connection, which else would wait."""
        try:
            await self._take_frames()
        except Exception as fault:
            self._inbox.put(ReadingFailed(fault))

    async def _take_frames(self) -> None:
        """Stamp each frame on arrival and hand it over, so that a slow server never costs the candidate time."""
        while True:
            try:
                text = await self._socket.receive_text()
                if text is None:
                    self._inbox.put(ClientGone())
                    return
                arrived_at = self._socket.arrived_at or self.services.clock.now()
                refusal = self.state.frame_received(arrived_at)
                self._inbox.put(FrameArrived(text, arrived_at, refusal))
            except ValueError:
                self._inbox.put(ReadingStopped(CloseCode.UNSUPPORTED_DATA))
                return
            except RateLimited:
                # At once, and not behind the frames that wait: they may be why we are slow.
                await self._socket.close(CloseCode.TOO_MANY_MESSAGES, "too many unanswered messages")
                self._inbox.put(ClientGone())
                return

    async def _authenticated(self) -> None:
        """Wait until the client has said who it is.

        Raises:
            SocketClosed: it did not, in time.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AUTH_TIMEOUT_SECONDS):
                while self.state.user_id is None and await self._next():
                    pass
        if self.state.user_id is None:
            await self.close(CloseCode.NOT_AUTHENTICATED, "not authenticated in time")

    # --- happenings ---

    async def _next(self) -> bool:
        """Deal with the next happening; false once the client is gone."""
        happening: Happening = await self._inbox.get()
        match self._lost or happening:
            case FrameArrived(text, arrived_at, refusal):
                await self._answer(text, arrived_at, refusal)
                self.state.frame_answered()
            case LogChanged():
                await self._look()
            case WarningDue():
                await self._warn()
            case AccessLost(refusal):
                await self._refuse(refusal, None)
                await self.close(CloseCode.NOT_ALLOWED, "not allowed any more")
            case NodeEnds():
                await self.close(CloseCode.SERVICE_RESTART, "the server restarts")
            case ReadingStopped(code):
                await self._socket.close(CloseCode(code), "text frames only")
                return False
            case ReadingFailed(fault):
                raise fault
            case ClientGone():
                return False
        return True

    async def _answer(self, text: str, arrived_at: datetime, refusal: SittingError | None) -> None:
        message_id: str | None = None
        try:
            command, message_id = decode(text, strict=self.state.speaks_v1)
            if refusal is not None:
                raise refusal
            self.state.admit(command)
            # Who is gone takes nothing over: the candidate may have come back on another socket meanwhile.
            if self._socket.is_open or not isinstance(command, StartAssessment | ResumeAssessment):
                await handle(self, command, message_id, arrived_at)
        except SittingError as error:
            await self._refuse(error, message_id)
        except SocketClosed:
            raise
        except Exception as fault:
            await self._refuse(self._unforeseen(fault), message_id)
        await self.tell_time()
        await self._tell_end()

    async def _refuse(self, error: SittingError, message_id: str | None) -> None:
        self.services.metrics.refused(SOCKET, error.code)
        undecoded_id = error.details.pop("id", None)
        await self.say(error_message(error), message_id if undecoded_id is None else undecoded_id)
        if isinstance(error, AttachmentStale):
            await self.close(CloseCode.REPLACED, "replaced by a newer connection")
        if isinstance(error, NotAuthenticated):
            await self.close(CloseCode.NOT_AUTHENTICATED, "not authenticated")

    def _unforeseen(self, fault: Exception) -> InternalError:
        """Whatever it was, the client learns an id and nothing else."""
        error_id = random_id("e", 12)
        log.error("unforeseen_error", error_id=error_id, connection_id=self.state.connection_id, exc_info=fault)
        if self.live is not None:
            self.live.is_stale = True
        return InternalError(error_id=error_id)

    async def _break_off(self, error: InternalError) -> None:
        """It went wrong with nobody asking: what the client sees may not be what is so, and a new connection helps."""
        with contextlib.suppress(SocketClosed):
            await self._refuse(error, None)
            await self.close(CloseCode.INTERNAL_ERROR, "internal error")

    async def _look(self) -> None:
        """See what others did: ended it, or took it over."""
        if self.live is None or (self.live.state.seq >= self._heard_of and not self.live.is_stale):  # it was our own
            return
        try:
            await self.services.storage.refresh(self.live)
        except Unavailable:
            self.live.is_stale = True
            return
        await self.tell_time()
        await self._tell_end()
        if self.live.state.attachment != self.state.attachment and not self.live.state.is_over:
            await self.say(SystemMessage(REPLACED_SENTENCE))
            await self.close(CloseCode.REPLACED, "replaced by a newer connection")

    async def tell_time(self, reply_to: str | None = None) -> None:
        """Say what happened to the clock since the client last heard of it; a break or its end is the reply."""
        if self.live is None or self.live.state.is_over:
            return
        if not self.live.has_time_news(self._told_seq):
            return
        now = self.services.clock.now()
        news = time_news(self.live, self._told_seq, now)
        self._told_seq = self.live.state.seq
        reply = next((m for m in reversed(news) if isinstance(m, PausedMessage | UnpausedMessage)), None)
        for message in news:
            await self.say(message, reply_to if message is reply else None)
        if news:
            self._arm_warnings(now)

    async def _tell_end(self) -> None:
        """The assessment was ended by somebody else: say so, and that there is no use in coming back."""
        if self.live is not None and self.live.state.is_over and not self.end_told:
            self.end_told = True
            if self.live.state.ended is None:
                await self.say(SystemMessage(VOIDED_SENTENCE, "invigilator"))
            else:
                await self.say(completed_message(self.live))
            await self.close(CloseCode.ASSESSMENT_OVER, "the assessment is over")

    async def _warn(self) -> None:
        if self.live is None or self.live.state.is_over or self.live.state.schedule.deadline_at is None:
            return
        now = self.services.clock.now()
        remaining = self.live.state.schedule.remaining_seconds(now)
        if remaining is not None:
            await self.say(TimeWarning(remaining))
        self._arm_warnings(now)

    # --- the end ---

    def _on_change(self, change: Change) -> None:
        if self.live is not None and change.seq > self.live.state.seq:
            self._heard_of = change.seq
            self._inbox.put(LogChanged())

    def _arm_warnings(self, now: datetime) -> None:
        """Warn next when it follows from how the clock stands now; while it stands still, not at all."""
        self._disarm_warnings()
        schedule = None if self.live is None else self.live.state.schedule
        if schedule is None or schedule.deadline_at is None:
            return
        # A timer may fire a moment early; that warning is not due once more.
        delays = [delay for delay in warning_times(schedule.remaining_seconds(now)) if delay > TIMER_SLACK_SECONDS]
        if delays:
            self._timer = asyncio.get_running_loop().call_later(min(delays), self._inbox.put, _WARNING_DUE)

    def _disarm_warnings(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_listening(self) -> None:
        self._unsubscribe()
        self._unsubscribe = _nothing
        self._disarm_warnings()

    async def _let_go(self) -> None:
        self._stop_listening()
        if self.live is not None:
            await self._detach(self.live, self.state.attachment)

    async def _detach(self, live: LiveAssessment, attachment: int) -> None:
        """Log `detached`, if that attachment still holds the assessment; whatever hinders that must hinder no more."""
        if live.state.is_over:
            return
        now = self.services.clock.now()
        try:
            await detach_assessment(self.services.storage, live, attachment=attachment, now=now)
        except SittingError:
            return
        except Exception as fault:
            log.error("detach_failed", connection_id=self.state.connection_id, exc_info=fault)


def _nothing() -> None:
    return None
